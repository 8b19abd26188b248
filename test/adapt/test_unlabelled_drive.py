"""Drives that cannot be learnt from are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from drive_folder import write_drive

from geoflow_ros.adapt.__main__ import main
from geoflow_ros.adapt.unlabelled_drive import Agreement

DEMO = Path(__file__).parents[2] / "demo"


def test_a_drive_without_fixes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_drive(tmp_path / "a")
    poses = tmp_path / "out.tum"
    assert main([str(root), "--tiles", str(root / "tiles.mbtiles"), "--poses", str(poses)]) == 2
    assert "no fixes that can be used" in capsys.readouterr().err


def test_several_drives_have_no_single_trajectory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(DEMO), str(DEMO), "--tiles", str(DEMO / "tiles.mbtiles"), "--poses", str(tmp_path / "a.tum")]
    assert main(arguments) == 2
    assert "one by one" in capsys.readouterr().err


def test_a_trajectory_is_not_called_what_its_covariances_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("mine")
    arguments = [str(DEMO), "--tiles", str(DEMO / "tiles.mbtiles"), "--poses", str(tmp_path / "a.csv")]
    assert main(arguments) == 2
    assert "a.csv is what the covariances beside it are called: name it .tum" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_a_drive_without_odometry_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(DEMO), "--tiles", str(DEMO / "tiles.mbtiles"), "--poses", str(tmp_path / "a.tum")]
    assert main([*arguments, "--topic", "odom:="]) == 2
    assert "no odometry for 100% of the time" in capsys.readouterr().err


def test_why_odometry_is_refused_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(DEMO), "--tiles", str(DEMO / "tiles.mbtiles"), "--poses", str(tmp_path / "a.tum")]
    assert main([*arguments, "-p", "base_frame:=robot_centre"]) == 2
    told = capsys.readouterr().err
    assert "no odometry for 100% of the time: child_frame_id of odom is 'base_link', expected 'robot_centre'" in told


@pytest.mark.parametrize(("bits", "error", "is_believed"), [(8.0, 0.5, True), (0.3, 0.02, False), (1.2, 0.4, False)])
def test_frames_must_agree_beyond_doubt(bits: float, error: float, is_believed: bool) -> None:
    assert (Agreement(bits, error).reason == "") == is_believed
