"""The package as a whole: direction of imports, ROS kept in one place, what is installed, versions, pins."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import geoflow_ros

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "geoflow_ros"

# Height of every module, as the table in the document says.
LAYERS = {
    name: int(height)
    for height, name in re.findall(
        r"^\| (\d+) \| `(\w+)", (ROOT / "docs/ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE
    )
}
ROS_PACKAGES = re.compile(
    r"rclpy|rcl_interfaces|builtin_interfaces|\w+_msgs|std_srvs|sensor_msgs_py|cv_bridge|tf2_\w+|message_filters|rosbag2\w*"
    r"|launch\w*|bondpy"
)
PACKAGED_AS = {"tf2_ros": "tf2_ros_py"}
"""Packages whose module has another name."""
COMMANDS = (
    *("adapt", "benchmark", "calibrate", "checkpoint", "demo", "evaluate", "kitti2bag", "localize"),
    *("reference", "replay", "tiles", "town", "train", "view"),
)
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(home|root|work|Users)/")


def imports(file: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, inside functions too; `from a import b` gives a and a.b."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file}: import by the full name, not relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def group(module: str) -> str:
    """First name below geoflow_ros: `geoflow_ros.model.flow` belongs to `model`; geoflow_ros itself is `__init__`."""
    parts = module.split(".")
    if parts[-1] == "__main__":
        return "__main__"
    is_module = len(parts) > 1 and ((PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file())
    return parts[1] if is_module else "__init__"


def layer(name: str) -> int:
    """Height of a group in LAYERS."""
    assert name in LAYERS, f"geoflow_ros.{name} has no row in docs/ARCHITECTURE.md: say what it is for and its layer"
    return LAYERS[name]


def dotted(file: Path) -> str:
    """The name by which a file of the package is imported."""
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def strongly_connected(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The parts of a graph within which every node leads to every other."""

    def led_to(start: str) -> set[str]:
        reached, ahead = {start}, [start]
        while ahead:
            found = graph[ahead.pop()] - reached
            reached |= found
            ahead += found
        return reached

    reach = {node: led_to(node) for node in graph}
    parts, left = [], set(graph)
    while left:
        node = next(iter(left))
        parts.append({other for other in reach[node] if node in reach[other]})
        left -= parts[-1]
    return parts


def modules() -> list[Path]:
    """Every Python file of the package, relative to the repository."""
    return sorted(file.relative_to(ROOT) for file in PACKAGE.rglob("*.py"))


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    """What setup.py hands to setuptools."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    return dict(setup.call_args.kwargs)


@pytest.mark.parametrize("file", modules(), ids=str)
def test_imports_go_one_way(file: Path) -> None:
    own = group(".".join(file.with_suffix("").parts))
    used = {group(name) for name in imports(ROOT / file) if name.split(".")[0] == "geoflow_ros"}
    wrong = {name for name in used - {own} if layer(name) >= layer(own)}
    assert not wrong, f"{file} imports {wrong}, which stand beside or above it in docs/ARCHITECTURE.md"


def test_the_table_of_layers_names_what_there_is() -> None:
    assert set(LAYERS) == {group(".".join(file.with_suffix("").parts)) for file in modules()}


def test_no_import_goes_in_a_circle() -> None:
    """Imports inside functions count: what only works in one order is not two modules."""
    graph = {dotted(file): {name for name in imports(ROOT / file)} for file in modules()}
    graph = {name: (used & graph.keys()) - {name} for name, used in graph.items()}
    circles = [sorted(part) for part in strongly_connected(graph) if len(part) > 1]
    assert circles == [], "move what both sides need into a module that both may import"


def test_strongly_connected_parts_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(map(sorted, strongly_connected(graph))) == [["a", "b", "c"], ["d", "e"], ["f"]]


def test_folders_stay_small_enough_to_look_through() -> None:
    sizes = Counter(file.parent.relative_to("geoflow_ros").as_posix() for file in modules())
    sizes["."] -= 1  # the list of commands
    assert sizes.pop(".") <= 14, "the top level holds what every room needs: give the module a folder"
    del sizes["town"]  # a world of its own, that nobody looks a thing up in
    assert {folder: size for folder, size in sizes.items() if size > 16} == {}


def test_a_modules_name_is_its_own() -> None:
    names = Counter(file.name for file in modules() if file.name not in ("__init__.py", "__main__.py"))
    assert [name for name, count in names.items() if count > 1] == [], "two files of a name are opened by mistake"


@pytest.mark.parametrize("file", modules(), ids=str)
def test_only_the_ros_folder_imports_ros(file: Path) -> None:
    found = {name for name in imports(ROOT / file) if ROS_PACKAGES.fullmatch(name.split(".")[0])}
    assert not found or file.parts[:2] == ("geoflow_ros", "ros"), f"{file} imports {found}"


def test_colcon_on_an_older_python_is_told_so() -> None:
    sentence = r"needs Python 3.10, as of ROS 2 Humble, or later: this is 3\."
    with mock.patch.object(sys, "version_info", (3, 8, 10)), pytest.raises(SystemExit, match=sentence):
        runpy.run_path(str(ROOT / "setup.py"))


def test_versions_are_equal(installed: dict[str, Any]) -> None:
    in_manifest = ElementTree.parse(ROOT / "package.xml").findtext("version")
    assert in_manifest == installed["version"] == geoflow_ros.__version__


def test_manifest_is_one_colcon_accepts() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    maintainers = [maintainer.get("email", "") for maintainer in manifest.findall("maintainer")]
    assert (manifest.tag, manifest.get("format"), manifest.findtext("name")) == ("package", "3", "geoflow_ros")
    assert manifest.findtext("export/build_type") == "ament_python"
    assert maintainers and all(re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", address) for address in maintainers)


def test_manifest_names_the_ros_packages_that_are_used_and_no_others() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    named = {str(element.text) for element in manifest.iter("exec_depend")}
    launch_files = list((ROOT / "launch").glob("*.py"))
    tops = {name.split(".")[0] for file in [*PACKAGE.rglob("*.py"), *launch_files] for name in imports(file)}
    started = {name for file in launch_files for name in re.findall(r'package="(\w+)"', file.read_text("utf-8"))}
    imported = {PACKAGED_AS.get(name, name) for name in tops if ROS_PACKAGES.fullmatch(name)}
    used = imported | (started - {"geoflow_ros"}) | {"ament_index_python", "ros2bag"}
    assert {name for name in named if not name.startswith("python3-")} == used


def test_what_a_workspace_lacks_after_rosdep_is_on_the_readme_s_pip_line(installed: dict[str, Any]) -> None:
    """Or `replay` and `calibrate` end with a missing module on a robot where the node runs."""
    keys = {"opencv-python-headless": "python3-opencv", "PyYAML": "python3-yaml"}
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    by_rosdep = {element.text for element in manifest.iter("exec_depend")}
    (line,) = re.findall(
        r"""^pip install "numpy<2; python_version<'3.13'" "torch>=2.1" (mercantile .*?)(?:#.*)?$""",
        (ROOT / "README.md").read_text("utf-8"), re.MULTILINE,
    )  # fmt: skip
    extras = installed["extras_require"]
    needed = {
        re.split("[<>=]", each)[0] for each in [*installed["install_requires"], *extras["tiles"], *extras["bags"]]
    }
    assert {each for each in needed if keys.get(each, f"python3-{each}") not in by_rosdep} == set(line.split())


def test_everything_shared_is_installed(installed: dict[str, Any]) -> None:
    targets = {f"{folder}/{Path(file).name}": file for folder, files in installed["data_files"] for file in files}
    assert targets["share/ament_index/resource_index/packages/geoflow_ros"] == "resource/geoflow_ros"
    assert targets["share/geoflow_ros/package.xml"] == "package.xml"
    for folder in ("launch", "config", "models", "demo"):
        files = [file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        assert files, f"{folder}/ is empty"
        for file in files:
            relative = file.relative_to(ROOT).as_posix()
            assert targets[f"share/geoflow_ros/{relative}"] == relative


def test_every_package_folder_is_installed(installed: dict[str, Any]) -> None:
    folders = {".".join(file.parent.parts) for file in modules()}
    assert set(installed["packages"]) == folders, "a folder without __init__.py is left out of the installation"


def test_every_file_among_the_modules_is_installed(installed: dict[str, Any]) -> None:
    listed = {
        file
        for package, patterns in installed["package_data"].items()
        for pattern in patterns
        for file in (ROOT / package.replace(".", "/")).glob(pattern)
        if file.is_file()
    }
    there = {file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert listed and listed == {file for file in there if file.suffix != ".py"}


def test_console_scripts_are_the_documented_commands(installed: dict[str, Any]) -> None:
    scripts = dict(line.split(" = ") for line in installed["entry_points"]["console_scripts"])
    assert scripts == {name: f"geoflow_ros.{name}.__main__:main" for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_answers_help(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And in a terminal of 80 columns no line of it breaks."""
    module = importlib.import_module(f"geoflow_ros.{name}.__main__")
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: geoflow_ros.{name}" in told and max(map(len, told.splitlines())) <= 80
    assert '__name__ == "__main__"' in Path(str(module.__file__)).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: str(file.name))
def test_requirements_are_pinned(file: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "-r "))]
    pin = re.compile(r'[\w.\[\]-]+==[\w.]+(; python_version (<|>=) "3\.\d+")?')
    assert lines and [line for line in lines if not pin.fullmatch(line)] == []


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_pins_are_of_releases_that_run_on_every_python_they_are_for(python: str) -> None:
    """As the release says itself, where it is installed: `make` on another Python would end with the first such."""
    wrong = []
    for file in (ROOT / "requirements").glob("*.txt"):
        pins = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "-r "))]
        for pin in map(Requirement, pins):
            if pin.marker is None or pin.marker.evaluate({"python_version": python}):
                wrong += [f"{pin}: {needed}" for needed in requires_python(pin) if not needed.contains(f"{python}.0")]
    assert wrong == []


def requires_python(pin: Requirement) -> list[SpecifierSet]:
    """The Pythons that a pinned release is for, where that release is installed."""
    try:
        installed = metadata.distribution(pin.name)
    except metadata.PackageNotFoundError:
        return []
    stated = installed.metadata.get("Requires-Python")
    return [SpecifierSet(stated)] if stated and pin.specifier.contains(installed.version) else []


def test_no_parameter_of_sql_is_numbered() -> None:
    """From Python 3.14 on sqlite3 takes a numbered one for a name, and refuses the tuple of values."""
    assert [str(file) for file in modules() if re.search(r"[=(<>,] ?\?\d", (ROOT / file).read_text("utf-8"))] == []


def test_no_path_of_a_machine_is_in_the_repository() -> None:
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files belong to the repository")
    files = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    texts = {file: file.read_bytes() for file in files if file.is_file()}
    found = [str(file) for file, text in texts.items() if b"\0" not in text and MACHINE_PATH.search(text)]
    assert texts and found == []


def test_the_hooks_of_a_commit_are_checks_of_a_change() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    checks = {f"make {target}" for line in lines if line.startswith("make ") for target in line.split()[1:]}
    assert {repository["repo"] for repository in config["repos"]} == {"local"}, "a hook must not need the network"
    hooks = [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]
    assert hooks == ["make lint", "make types"] and set(hooks) < checks
