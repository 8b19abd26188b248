"""A drive folder: bags written in the test, with tiles and trusted poses."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import drive_folder
import numpy as np
import pytest
from drive_folder import MOUNT, SIZE, START_NS, colour, header, message, write_drive
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.bag_drive import BagDrive, read_description
from geoflow_ros.errors import InputError


@pytest.mark.parametrize(
    ("compressed", "storage"), [(True, StoragePlugin.MCAP), (False, StoragePlugin.SQLITE3), (False, StoragePlugin.MCAP)]
)
def test_samples_of_a_drive(tmp_path: Path, compressed: bool, storage: StoragePlugin) -> None:
    dataset = BagDrive(write_drive(tmp_path / "d", compressed, storage), size_px=400, resolution=0.25)
    assert len(dataset) == 3 and dataset.without_truth == 1
    sample = dataset[2]
    assert tuple(sample.ground[5, 5]) == colour(2) and sample.ground.shape == (32, 64, 3)
    # base_link at (18, 25.2) heading north; the camera 2 m ahead (north) and 0.5 m left (west) of it.
    assert sample.truth == pytest.approx((17.5, 27.2, math.pi / 2), abs=1e-5)
    camera = CameraModel(64, 32, 50.0, 51.0, 32.5, 16.5, MOUNT)
    assert sample.camera == camera
    offset = np.array(sample.patch.center) - sample.truth[:2]
    assert np.hypot(*offset) <= 20 * math.sqrt(2) and abs(sample.patch.yaw - math.pi / 2) <= math.radians(10.0)
    # The spot of the tiles is where the patch's frame says.
    weight = sample.patch.image[..., 0].astype(float)
    weight[weight < 20] = 0.0
    rows, columns = np.mgrid[:400, :400] + 0.5
    seen = (float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum()))
    assert sample.patch.to_pixel((20.0, 30.0)) == pytest.approx(seen, abs=0.3)


def test_the_prior_is_seeded_and_varies(tmp_path: Path) -> None:
    root = write_drive(tmp_path / "d")
    centers = [BagDrive(root, seed=seed)[index].patch.center for seed, index in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert centers[0] == centers[1] and len(set(centers)) == 3
    sample = BagDrive(root, shift_range_m=0.0, rotation_range_deg=0.0)[0]
    assert sample.patch.center == pytest.approx(sample.truth[:2]) and sample.patch.yaw == sample.truth[2]


def test_a_late_image_was_taken_where_the_vehicle_was_then(tmp_path: Path) -> None:
    """base_link drives north at 1 m/s, and is known 0.05 s before the first stamp."""
    root = write_drive(tmp_path / "d")
    prompt = BagDrive(root)[1].truth
    described = json.loads((root / "drive.json").read_text())
    (root / "drive.json").write_text(json.dumps({**described, "delay": 0.04}))
    late = BagDrive(root)[1]
    assert late.truth == pytest.approx((prompt[0], prompt[1] - 0.04, prompt[2]), abs=1e-5)
    assert tuple(late.ground[5, 5]) == colour(1)
    (root / "drive.json").write_text(json.dumps({**described, "delay": 40}))
    with pytest.raises(InputError, match="delay is 40"):
        BagDrive(root)


def test_a_calibration_beside_the_drive_stands_for_camera_info(tmp_path: Path) -> None:
    """That of the bag is of 65 px and would be refused."""
    root = write_drive(tmp_path / "drive", width=65)
    (root / "ost.yaml").write_text(
        "{image_width: 64, image_height: 32, camera_matrix: {data: [70, 0, 32, 0, 71, 16, 0, 0, 1]}, "
        "distortion_model: plumb_bob, distortion_coefficients: {data: []}, "
        "projection_matrix: {data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}}"
    )
    described = json.loads((root / "drive.json").read_text())
    (root / "drive.json").write_text(json.dumps({**described, "calibration": "ost.yaml"}))
    camera = BagDrive(root)[0].camera
    assert (camera.fx, camera.fy, camera.mount.forward) == (70.0, 71.0, described["mount"]["forward"])
    told = read_description(root / "drive.json").camera_parameters([])
    assert told["camera.calibration"] == str(root / "ost.yaml")


def test_bad_drives_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 x missing or empty file .drive/metadata.yaml, tiles.mbtiles, truth.tum"):
        BagDrive(tmp_path)
    root = write_drive(tmp_path / "two", extra_topic=True)
    with pytest.raises(InputError, match="/image, /rear: name one as image_topic in drive.json"):
        BagDrive(root)
    description = json.loads((root / "drive.json").read_text())
    (root / "drive.json").write_text(json.dumps(description | {"image_topic": "/rear"}))
    assert len(BagDrive(root)) == 3
    (root / "drive.json").write_text("{}")
    with pytest.raises(InputError, match="does not describe a drive"):
        BagDrive(root)
    other = write_drive(tmp_path / "size", width=65)
    with pytest.raises(InputError, match="64 x 32 px but its camera_info is for 65 x 32"):
        BagDrive(other)[0]
    (other / "truth.tum").write_text("5.0 0 0 0 0 0 0 1\n6.0 0 0 0 0 0 0 1\n")
    with pytest.raises(InputError, match="no pose at the stamp of any of 4 whole images"):
        BagDrive(other)
    bag = next((other / "drive").glob("*.mcap"))
    bag.write_bytes(bag.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be opened as a ROS 2 bag"):
        BagDrive(other)


def test_images_that_cannot_be_read_are_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(stamp: int, index: int, compressed: bool) -> Any:
        pixels = np.random.default_rng(index).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
        data = cv2.imencode(".jpg", pixels)[1].ravel()
        shortened = data[: len(data) // 2] if index == 1 else np.append(data, np.zeros(5000, np.uint8))
        return message("sensor_msgs/msg/CompressedImage", header=header(stamp), format="jpeg", data=shortened)

    monkeypatch.setattr(drive_folder, "image", damaged)
    root = write_drive(tmp_path / "d", storage=StoragePlugin.SQLITE3)
    with sqlite3.connect(next((root / "drive").glob("*.db3"))) as database:
        database.execute("UPDATE messages SET data = substr(data, 1, 30) WHERE id = 6")  # the third image
    database.close()
    drive = BagDrive(root)
    assert [int(drive[index].key) for index in range(len(drive))] == [START_NS]
    assert (drive.truncated, drive.without_truth, drive.damage.undecodable) == (1, 1, {"/image": 1})
    assert "1 truncated images are left out; 1 messages cannot be decoded" in caplog.text


def test_trajectory_between_its_poses(tmp_path: Path) -> None:
    path = tmp_path / "t.tum"
    # Yaw 170 degrees, then 190 = -170 degrees: the way between them passes 180, not 0.
    halves = [math.radians(170) / 2, math.radians(-170) / 2, math.radians(-170) / 2]
    lines = [
        f"{t} {x} 0 0 0 0 {math.sin(h)} {math.cos(h)}" for t, x, h in zip((10, 11, 14), (0, 4, 5), halves, strict=True)
    ]
    path.write_text("\n".join(lines))
    trajectory = read_tum(path)

    def at(stamp: float) -> NDArray[np.float64]:
        pose = trajectory.at(stamp)
        assert pose is not None
        return pose.array()

    assert at(10.25) == pytest.approx((1.0, 0.0, math.radians(175)))
    assert at(10.5) == pytest.approx((2.0, 0.0, math.pi))
    assert at(10.0) == pytest.approx((0.0, 0.0, math.radians(170)))
    assert at(14.0) == pytest.approx((5.0, 0.0, math.radians(190)))
    assert trajectory.at(9.9) is None and trajectory.at(14.1) is None
    assert trajectory.at(12.5) is None  # in a gap of 3 s


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected lines of 8 numbers"),
        ("1 2 3\n", "expected lines of 8 numbers"),
        ("1 0 0 0 0 0 0 nan\n", "expected lines of 8 numbers"),
        ("2 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n", "do not rise"),
        ("1 0 0 0 0 0 0 2\n", "unit length"),
        ("one 0 0 0 0 0 0 1\n", "cannot be read"),
    ],
)
def test_bad_trajectories(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "t.tum").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_tum(tmp_path / "t.tum")
