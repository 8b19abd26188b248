"""The command line: what cannot be is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.view.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--node", "/a b"], "--node /a b is no name of a node"),
        (["--node", "/1a"], "--node /1a is no name of a node"),
        (["--node", "/a/"], "--node /a/ is no name of a node"),
        (["--port", "70000"], "--port 70000 is not 0 to 65535"),
        (["--minutes", "nan"], "--minutes nan is not 0.1 to 60"),
        (["--minutes", "600"], "--minutes 600 is not 0.1 to 60"),
    ],
)
def test_what_cannot_be(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"geoflow_ros.view: {sentence}") and error.count("\n") == 1


def test_tiles_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tiles", str(tmp_path / "none.mbtiles")]) == 2
    assert "none.mbtiles" in capsys.readouterr().err
