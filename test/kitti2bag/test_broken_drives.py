"""Drives that cannot be converted: one sentence, and nothing is left behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kitti_raw_tree import drive_of
from small_disk import disk_of

from geoflow_ros.kitti2bag import __main__ as kitti2bag
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter


def corrupt_stamp(drive: Path) -> None:
    (drive / "oxts" / "timestamps.txt").write_text("yesterday\n")


def corrupt_oxts(drive: Path) -> None:
    (drive / "oxts" / "data" / "0000000004.txt").write_text("49.0 8.4 nan\n")


def corrupt_image(drive: Path) -> None:
    path = drive / "image_02" / "data" / "0000000001.png"
    path.write_bytes(path.read_bytes()[:3000])


def corrupt_size(drive: Path) -> None:
    cv2.imwrite(str(drive / "image_02" / "data" / "0000000001.png"), np.zeros((20, 20, 3), np.uint8))


def corrupt_calibration(drive: Path) -> None:
    (drive.parent / "calib_velo_to_cam.txt").write_text("R: 1 0 0\nT: 0 0 0\n")


def corrupt_images(drive: Path) -> None:
    shutil.rmtree(drive / "image_02")


@pytest.mark.parametrize(
    "corrupt, words",
    [
        (corrupt_stamp, ["oxts/timestamps.txt:1", "'yesterday'", "2011-09-26 13:02:25.964389445"]),
        (corrupt_oxts, ["0000000004.txt holds 3 fields", "expected 30 finite numbers"]),
        (corrupt_image, ["0000000001.png cannot be read", "cut short"]),
        (corrupt_size, ["0000000001.png is 20 x 20 px", "248 x 75"]),
        (corrupt_calibration, ["calib_velo_to_cam.txt has no R of 3 x 3 numbers"]),
        (corrupt_images, ["image_02/data", "image_02/timestamps.txt"]),
    ],
)
def test_a_broken_drive_is_one_sentence(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], corrupt: Any, words: list[str]
) -> None:
    drive = tmp_path / "2011_09_26" / drive_of(tree).name
    shutil.copytree(drive_of(tree).parent, tmp_path / "2011_09_26")
    corrupt(drive)
    assert kitti2bag.main([str(drive), str(tmp_path / "out")]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("geoflow_ros.kitti2bag: ")]
    assert len(said) == 1 and all(word in said[0] for word in words)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2011_09_26"]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_full_disk_is_one_sentence(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], storage: str
) -> None:
    with disk_of(200_000):
        status = kitti2bag.main([str(drive_of(tree)), str(tmp_path / "out"), "--storage", storage])
    last = capfd.readouterr().err.splitlines()[-1]
    assert status == 2 and "cannot be written" in last and "enough space" in last
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drive, empty = str(drive_of(tree)), tmp_path / "empty"
    empty.mkdir()
    far = tmp_path / "far.mbtiles"
    with MBTilesWriter(far, "far", "png") as writer:
        writer.add(19, 0, 200000, bytes(cv2.imencode(".png", np.zeros((256, 256, 3), np.uint8))[1]))
    cases = {
        (drive, str(tree)): "not an empty folder",
        (str(empty / "none"), str(tmp_path / "out")): "is no folder",
        (drive, str(tmp_path / "out"), "--satmap", str(empty)): "has no map of the drive",
        (drive, str(tmp_path / "out"), "--tiles", str(far)): "has no imagery along the drive",
        (drive, str(tmp_path / "out"), "--fix-error-m", "-1"): "--fix-error-m -1.0",
    }
    for arguments, words in cases.items():
        assert kitti2bag.main(list(arguments)) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
