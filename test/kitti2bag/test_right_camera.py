"""The right colour camera makes a rig."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from kitti_bag_support import drive_mount, messages
from kitti_raw_tree import COUNT, HEIGHT, WIDTH, drive_of, write_stamps

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.bags.topics import Topic, roles_of
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.kitti2bag import __main__ as kitti2bag


@pytest.fixture
def stereo(tree: Path, tmp_path: Path) -> Path:
    """The small drive with a right camera half a metre beside the left one, its images 5 ms later."""
    date = tmp_path / "2011_09_26"
    shutil.copytree(tree / "raw_data" / "2011_09_26", date)
    drive = date / drive_of(tree).name
    write_stamps_and_images(drive / "image_03")
    with (date / "calib_cam_to_cam.txt").open("a") as file:
        file.write(
            f"S_rect_03: {WIDTH:.6e} {HEIGHT:.6e}\nP_rect_03: 1.4e+02 0 1.3e+02 -63.0 0 1.4e+02 3.5e+01 0 0 0 1 0\n"
        )
    return drive


def write_stamps_and_images(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    write_stamps(folder, 0.025)
    rng = np.random.default_rng(3)
    for index in range(COUNT):
        cv2.imwrite(
            str(folder / "data" / f"{index:010d}.png"), rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        )


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_the_right_camera_makes_a_rig_that_replay_takes(stereo: Path, tmp_path: Path, is_calibrated: bool) -> None:
    if not is_calibrated:
        (stereo.parent / "calib_imu_to_velo.txt").unlink()
    out = tmp_path / "out"
    assert kitti2bag.main([str(stereo), str(out), "--right"]) == 0
    described = read_description(out / "drive.json")
    left, right = (described.cameras[side] for side in ("left", "right"))
    # P_rect says 7/140 m left and 63/140 m right of the grey camera
    assert left.mount.left - right.mount.left == pytest.approx((7.0 + 63.0) / 140.0)
    assert (left.mount.forward, left.mount.height) == pytest.approx((right.mount.forward, right.mount.height))
    assert described.mount == left.mount == drive_mount(out)
    infos = messages(out, "/kitti/camera_color_right/camera_info")
    assert (infos[0].k[2], infos[0].p[3], infos[0].header.frame_id) == (130.0, -63.0, "camera_color_right")
    images = messages(out, "/kitti/camera_color_right/image_raw/compressed")
    assert len(images) == COUNT and images[0].header.stamp.nanosec == 25_000_000
    assert bytes(images[2].data) == (stereo / "image_03" / "data" / "0000000002.png").read_bytes()
    frames = [each.child_frame_id for each in messages(out, "/tf_static")[0].transforms]
    assert frames == ["imu_link", "camera_color_left", "camera_color_right"]
    with open_bag(out / "drive") as reader:
        found = {Topic(each.topic, each.msgtype) for each in reader.connections}
    roles = roles_of(found, described.topics, tuple(described.cameras))
    assert roles["/kitti/camera_color_right/image_raw/compressed"] == "right/image"
    assert roles["/kitti/camera_color_left/camera_info"] == "left/camera_info"


def test_without_the_right_cameras_images_or_calibration_there_is_no_rig(
    tree: Path, stereo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kitti2bag.main([str(drive_of(tree)), str(tmp_path / "out"), "--right"]) == 2
    assert "image_03/data" in capsys.readouterr().err
    calibration = stereo.parent / "calib_cam_to_cam.txt"
    calibration.write_text("".join(calibration.read_text().splitlines(keepends=True)[:-1]))
    assert kitti2bag.main([str(stereo), str(tmp_path / "out"), "--right"]) == 2
    assert "has no P_rect_03 of 12 finite numbers" in capsys.readouterr().err
