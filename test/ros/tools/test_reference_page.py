"""The reference page is what the declarations say, and the node offers nothing that is not declared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths import REPOSITORY

from geoflow_ros.options import options_of
from geoflow_ros.reference import __main__ as reference

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.configuration import NodeConfig  # noqa: E402
from geoflow_ros.ros.interfaces import SERVICES, TOPICS  # noqa: E402
from geoflow_ros.ros.tools.parameter_file import parameter_file  # noqa: E402
from geoflow_ros.ros.tools.reference_page import reference_page, split_unit  # noqa: E402

PAGE = REPOSITORY / "docs" / "REFERENCE.md"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of a section's table by their first cell."""
    section = reference_page().split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cells[0].strip("` "): cells for cells in table}


def test_the_page_is_up_to_date() -> None:
    assert reference.main([str(PAGE), "--check"]) == 0, "run python -m geoflow_ros.reference"


def test_a_stale_page_and_a_missing_one_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = tmp_path / "page.md"
    stale.write_text(reference_page().replace("| `seed` |", "| `sead` |"))
    for page, words in (
        (stale, "is not up to date: run python -m geoflow_ros.reference"),
        (tmp_path, "cannot be used"),
    ):
        assert reference.main([str(page), "--check"]) == 2
        assert words in capsys.readouterr().err
    assert reference.main([str(stale)]) == 0
    assert stale.read_text() == reference_page()


def test_without_a_page_the_parameter_file_is_made_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reference.main([]) == 2
    assert "config/localize.yaml cannot be used" in capsys.readouterr().err
    (tmp_path / "config" / "sros2").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    assert reference.main([]) == 0
    written = ["config/localize.yaml", "config/sros2/policy.xml", "docs/REFERENCE.md"]
    assert capsys.readouterr().out.splitlines() == [f"wrote {name}" for name in written]
    assert reference.main(["--check"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{name} is up to date" for name in written]
    assert (tmp_path / "config" / "localize.yaml").read_text() == parameter_file()
    (tmp_path / "config" / "localize.yaml").write_text("seed: 1\n")
    assert reference.main(["--check"]) == 2
    assert "config/localize.yaml is not up to date" in capsys.readouterr().err


def test_every_parameter_is_on_the_page_once() -> None:
    parameters = reference_page().split("\n## Parameters\n")[1]
    for each in options_of(NodeConfig):
        assert parameters.count(f"\n| `{each.name}` |") == 1


def test_a_row_says_all_about_a_parameter() -> None:
    assert rows("### Without a group")["seed"][1:6] == ["integer", "`0`", "", "0 to 2147483647", "no"]
    assert rows("### Without a group")["tiles"][1:3] == ["string", "-"]
    assert rows("### `localizer`")["localizer.min_match"][1:6] == ["double", "`0.5`", "", "0 to 1", "yes"]
    assert rows("### `prior`")["prior.max_age"][3] == "s"
    assert rows("### Without a group")["image_transport"][4] == "`any`, `raw`, `compressed`"


def test_a_row_says_all_about_a_topic() -> None:
    assert rows("## Published topics")["pose"][1:4] == [
        "geometry_msgs/msg/PoseWithCovarianceStamped", "reliable, depth 10", "`map_frame`"
    ]  # fmt: skip
    assert rows("## Published topics")["state"][2] == "reliable, depth 1, transient local"
    assert rows("## Subscribed topics")["image"][2] == "by parameter, depth 4"


def test_unit_is_split_from_a_description() -> None:
    assert split_unit("age of a fix [s]") == ("age of a fix", "s")
    assert split_unit("weights (.safetensors)") == ("weights (.safetensors)", "")


def strings(file: Path) -> Iterator[str]:
    """Every string of a Python file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_all_that_is_declared_is_offered() -> None:
    # the other way round, an endpoint that is not declared cannot be made: `endpoints` looks it up
    files = [file for file in (REPOSITORY / "geoflow_ros" / "ros").rglob("*.py") if file.name != "interfaces.py"]
    used = {text for file in files for text in strings(file)}
    assert {each.name for each in (*TOPICS, *SERVICES)} - used == set()
