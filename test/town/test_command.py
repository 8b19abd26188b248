"""`python -m geoflow_ros.town`: what it refuses, and how."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from geoflow_ros.resources import install_hint
from geoflow_ros.town import __main__ as command
from geoflow_ros.town.__main__ import main


@pytest.mark.parametrize("kind", ["drive", "kitti", "vigor"])
@pytest.mark.parametrize(("option", "value"), [("--seed", "-3"), ("--count", "0")])
def test_bad_numbers_are_one_sentence(
    kind: str, option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([kind, str(tmp_path / "out"), option, value]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"geoflow_ros.town: {option} {value} is") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mount-error-deg", "1", "2", "3", "4"], "--mount-error-deg has 4 numbers"),
        (["--mount-error-deg", "-95"], "pitch of -95 deg cannot be rendered: expected -80 to 80"),
        (["--mount-error-m", "-1.6"], "outside 0.1 to 20 m"),
        (["--nod-deg", "nan"], "nod of nan deg"),
        (["--slope-deg", "45"], "slope of 45 deg"),
        (["--rate", "0"], "a camera of 0 frames a second cannot be rendered: expected 0.1 to 200"),
        (["--rate", "nan"], "a camera of nan frames a second"),
    ],
)
def test_a_ride_that_cannot_be_drawn_is_one_sentence(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drive", str(tmp_path / "out"), "--count", "1", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["drive", "kitti", "vigor"])
def test_a_folder_with_something_in_it_is_left_alone(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious.txt").write_text("x")
    assert main([kind, str(tmp_path), "--count", "1"]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_missing_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rosbags.typesys", None)
    assert main(["drive", str(tmp_path / "out"), "--count", "1"]) == 2
    error = capsys.readouterr().err
    assert "rosbags" in error and install_hint("bags") in error


@pytest.mark.parametrize("kind", ["drive", "vigor"])
def test_what_was_written_is_said(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_exporter", lambda _: lambda out, seed, count: None)
    assert main([kind, str(tmp_path / "out"), "--seed", "10001", "--count", "3"]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path}/out: town 10001 as {kind}, --count 3\n"


def test_help_says_which_seeds_are_for_testing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    assert "below 10000 may be trained on" in " ".join(capsys.readouterr().out.split())
