"""Shipped files are found in a checkout, a pip install and a ROS workspace."""

from __future__ import annotations

import re
import runpy
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
from paths import REPOSITORY

from geoflow_ros import resources
from geoflow_ros.errors import InputError


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation prefix that holds the package and nothing shared yet; ament knows no package."""
    module = tmp_path / "lib" / "python3.12" / "site-packages" / "geoflow_ros" / "resources.py"
    monkeypatch.setattr(resources, "__file__", str(module))
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    return tmp_path


def test_checkout() -> None:
    assert resources.share_file("package.xml") == REPOSITORY / "package.xml"


def test_installation_prefix(prefix: Path) -> None:
    weights = prefix / "share" / "geoflow_ros" / "models" / "default.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert resources.share_file("models/default.safetensors") == weights


def test_target_folder(prefix: Path) -> None:
    """`pip install --target` puts what is shared beside the package."""
    beside = prefix / "lib" / "python3.12" / "site-packages" / "share" / "geoflow_ros" / "demo"
    beside.mkdir(parents=True)
    assert resources.share_file("demo") == beside


def test_sourced_workspace(
    prefix: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = tmp_path_factory.mktemp("workspace") / "share" / "geoflow_ros"
    (share / "demo").mkdir(parents=True)
    packages = ModuleType("ament_index_python.packages")
    packages.get_package_share_directory = lambda name: str(share.parent / name)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ament_index_python", ModuleType("ament_index_python"))
    monkeypatch.setitem(sys.modules, "ament_index_python.packages", packages)
    assert resources.share_file("demo") == share / "demo"


def test_missing_file_names_the_places_tried(prefix: Path) -> None:
    with pytest.raises(InputError, match="default.safetensors") as raised:
        resources.share_file("models/default.safetensors")
    assert str(prefix / "share" / "geoflow_ros") in str(raised.value)


@pytest.mark.parametrize(
    ("requirements", "command"),
    [
        (['numpy>=1.22', 'rasterio>=1.3; extra == "tiles"', "lite0_model==0.1.0 ; extra == 'train'",
          'pmtiles>=3.4; python_version >= "3.10" and extra == "tiles"'], "pip install rasterio pmtiles"),
        (None, f'pip install "{REPOSITORY}[tiles]"'),
        (["numpy>=1.22"], f'pip install "{REPOSITORY}[tiles]"'),
    ],
    ids=["installed", "checkout", "installed without extras"],
)  # fmt: skip
def test_what_is_to_be_installed_is_named_by_what_an_index_has(
    requirements: list[str] | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def requires(name: str) -> list[str]:
        if requirements is None:
            raise metadata.PackageNotFoundError(name)
        return requirements

    monkeypatch.setattr(metadata, "requires", requires)
    assert resources.install_hint("tiles") == command


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        ("1.8.1", "torch 1.8.1 is too old: pip install 'torch>=2.1'"),
        ("2.0.1+cu118", "torch 2.0.1+cu118 is too old: pip install 'torch>=2.1'"),
        ("2.1.0a0+git7bcf7da", ""),
        ("0+unknown", ""),
        ("0.0.0", ""),
        ("2.13.0+cpu", ""),  # 13 is more than 9 and 1
    ],
)
@pytest.mark.parametrize("requirement", ["torch>=2.1", "torch (>=2.1)"], ids=["new metadata", "old metadata"])
def test_a_distribution_s_older_release_is_told_with_what_replaces_it(
    installed: str, told: str, requirement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rosdep takes what the distribution has; pip, as no module says, would not have let it be."""
    monkeypatch.setattr(metadata, "requires", lambda _: ["absent>=1", requirement, 'numba>=9; extra == "fast"'])
    versions = {"torch": installed, "numba": "0.1"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    if not told:
        resources.refuse_outdated()
        return
    with pytest.raises(InputError) as raised:
        resources.refuse_outdated()
    assert str(raised.value) == told


def test_every_requirement_is_one_whose_age_can_be_told() -> None:
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(REPOSITORY / "setup.py"))
    stated = setup.call_args.kwargs["install_requires"]
    assert stated and all(re.fullmatch(r"[\w-]+>=[\d.]+", each) for each in stated)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rclpy", "source a ROS 2, or use `make venv`"),
        ("rcl_interfaces.msg", "source a ROS 2, or use `make venv`"),
        ("std_srvs", "source a ROS 2, or use `make venv`"),
        ("mercantile", "pip install mercantile"),
        ("cv2", "pip install opencv-python-headless"),
    ],
)
def test_a_module_that_is_missing_is_had_from_where_it_comes(module: str, source: str) -> None:
    sentence = str(resources.missing_module(ModuleNotFoundError(f"No module named {module!r}", name=module)))
    assert sentence == f"Python module {module} is not installed: {source}"


def test_no_sentence_says_to_install_this_package_from_an_index() -> None:
    sources = [path.read_text() for path in (REPOSITORY / "geoflow_ros").rglob("*.py")]
    assert not [text for text in sources if re.search(r"pip install .{0,2}geoflow_ros", text)]
    asked = {extra for text in sources for extra in re.findall(r"""install_hint\(["'](\w+)""", text)}
    extras = (REPOSITORY / "setup.py").read_text().partition("extras_require")[2]
    assert len(asked) > 3 and all(f'"{extra}": ' in extras for extra in asked), asked
