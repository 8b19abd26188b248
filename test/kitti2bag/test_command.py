"""kitti2bag: a small drive in the very format of KITTI raw becomes a bag, tiles and truth that agree."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kitti_bag_support import drive_mount, messages
from kitti_raw_tree import (
    COUNT,
    DATUM,
    HEIGHT,
    RATE,
    SPEED,
    START_YAW,
    WIDTH,
    circle,
    drive_of,
    ground,
    satmap_of,
)
from paths import REPOSITORY

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.camera import Mount
from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.kitti2bag import __main__ as kitti2bag
from geoflow_ros.kitti2bag.kitti_raw import camera_in_imu_of, mount_of, read_camera_in_imu, read_drive, read_matrix
from geoflow_ros.kitti2bag.oxts_messages import dead_reckoning
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store

SHARED = Path(os.environ.get("GEOFLOW_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def converted(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drive folder made of it."""
    out = tmp_path_factory.mktemp("out") / "drive_0001"
    assert kitti2bag.main([str(drive_of(tree)), str(out), "--satmap", str(satmap_of(tree))]) == 0
    assert [each.name for each in sorted(out.iterdir())] == ["drive", "drive.json", "tiles.mbtiles", "truth.tum"]
    return out


def test_a_drive_is_read_by_the_loader_of_bags(converted: Path) -> None:
    drive = BagDrive(converted, shift_range_m=5.0, size_px=256, resolution=0.2)
    assert len(drive) == COUNT - 1 and drive.without_truth == 1  # the last image is after the last oxts sample
    sample = drive[3]
    assert sample.key == str(1317042179_000000000 + 320_000_000)
    east, north, yaw = circle(0.32)
    # the camera is 1.08 m ahead and 0.27 m right
    lens = (east + 1.08 * math.cos(yaw) + 0.27 * math.sin(yaw), north + 1.08 * math.sin(yaw) - 0.27 * math.cos(yaw))
    # a chord of 1 m instead of the arc: 6 mm
    assert sample.truth == pytest.approx((*lens, yaw), abs=0.01)
    v, u = np.mgrid[8:248:20, 8:248:20]
    places = sample.patch.to_enu(np.stack([u + 0.5, v + 0.5], axis=-1).astype(float))
    wanted = ground(places[..., 0], places[..., 1]).astype(float)
    assert sample.patch.missing == 0.0
    # a shift of 0.2 m changes the colours by 2.5, JPEG by 1
    assert np.abs(sample.patch.image[v, u].astype(float) - wanted).mean() < 2.0


def test_mount_is_the_calibrations_worked_out_by_hand(converted: Path) -> None:
    # velodyne: 0.81 ahead, -0.32 left, 0.80 above the unit; camera 0: 0.27 ahead and 0.08 below it; P moves by 7/140
    mount = drive_mount(converted)
    assert (mount.forward, mount.left, mount.height) == pytest.approx((1.08, -0.32 + 0.05, 0.93 + 0.80 - 0.08))
    assert (mount.roll, mount.pitch, mount.yaw) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


@given(
    place=st.tuples(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(0.2, 10.0)),
    turn=st.tuples(st.floats(-3.0, 3.0), st.floats(-1.4, 1.4), st.floats(-3.0, 3.0)),
)
def test_mount_and_transform_are_inverse(place: tuple[float, float, float], turn: tuple[float, float, float]) -> None:
    again = mount_of(camera_in_imu_of(Mount(*place, *turn)))
    assert [getattr(again, name) for name in Mount.__slots__] == pytest.approx([*place, *turn], abs=1e-6)


def test_a_positive_pitch_looks_down() -> None:
    forward = camera_in_imu_of(Mount(pitch=0.1))[:3, :3] @ [0.0, 0.0, 1.0]
    assert forward == pytest.approx([math.cos(0.1), 0.0, -math.sin(0.1)])


def test_topics_types_frames_and_stamps(converted: Path) -> None:
    with open_bag(converted / "drive") as reader:
        counts = {each.topic: (each.msgtype.split("/")[-1], each.msgcount) for each in reader.connections}
        latched = [each.ext.offered_qos_profiles[0] for each in reader.connections if each.topic == "/tf_static"]
    assert counts == {
        "/kitti/camera_color_left/image_raw/compressed": ("CompressedImage", COUNT),
        "/kitti/camera_color_left/camera_info": ("CameraInfo", COUNT),
        "/kitti/oxts/gps/fix": ("NavSatFix", COUNT),
        "/kitti/oxts/gps/vel": ("TwistStamped", COUNT),
        "/kitti/oxts/imu": ("Imu", COUNT),
        "/kitti/oxts/odom": ("Odometry", COUNT),
        "/tf": ("TFMessage", COUNT),
        "/tf_static": ("TFMessage", 1),
    }
    assert latched[0].durability.name == "TRANSIENT_LOCAL"
    written = yaml.safe_load((converted / "drive" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    profiles = [each["topic_metadata"]["offered_qos_profiles"] for each in written["topics_with_message_count"]]
    assert len(profiles) == 8 and all(isinstance(each, str) for each in profiles)  # Humble reads no list
    fix = messages(converted, "/kitti/oxts/gps/fix")[0]
    assert (fix.header.frame_id, fix.header.stamp.sec, fix.header.stamp.nanosec) == ("imu_link", 1317042179, 0)
    assert (fix.latitude, fix.longitude) == pytest.approx((DATUM.latitude, DATUM.longitude), abs=1e-11)
    assert fix.position_covariance[0] == pytest.approx(0.03**2)
    chain = [(each.header.frame_id, each.child_frame_id) for each in messages(converted, "/tf_static")[0].transforms]
    assert chain == [("base_link", "imu_link"), ("imu_link", "camera_color_left")]


def test_imu_is_in_east_north_up(converted: Path) -> None:
    q = messages(converted, "/kitti/oxts/imu")[10].orientation
    yaw = math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y**2 + q.z**2))
    roll = math.atan2(2 * (q.w * q.x + q.y * q.z), 1 - 2 * (q.x**2 + q.y**2))
    assert (yaw, roll) == pytest.approx((START_YAW + RATE * 1.0, 0.01))


def test_odometry_follows_the_circle(converted: Path, tree: Path) -> None:
    path, travelled = dead_reckoning(read_drive(drive_of(tree)).oxts)
    radius, turned = SPEED / RATE, RATE * 2.0
    # chords instead of arcs: 0.05 rad a step shorten the way by 1e-4
    assert path[-1] == pytest.approx([radius * math.sin(turned), radius * (1 - math.cos(turned)), turned], rel=2e-4)
    assert travelled[-1] == pytest.approx(SPEED * 2.0, rel=2e-4)
    last = messages(converted, "/kitti/oxts/odom")[-1]
    assert (last.header.frame_id, last.child_frame_id, last.twist.twist.linear.x) == ("odom", "base_link", SPEED)
    moved = messages(converted, "/tf")[-1].transforms[0].transform.translation
    assert (moved.x, moved.y) == pytest.approx(path[-1, :2]) == (last.pose.pose.position.x, last.pose.pose.position.y)


def test_raw_images_in_sqlite_with_noisy_fixes(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "raw"
    options = ["--raw", "--storage", "sqlite3", "--fix-error-m", "8", "--seed", "3"]
    assert kitti2bag.main([str(drive_of(tree)), str(out), *options]) == 0
    assert "no satellite tiles" in capsys.readouterr().out
    assert (out / "drive" / "drive.db3").is_file() and not (out / "tiles.mbtiles").exists()
    image = messages(out, "/kitti/camera_color_left/image_raw")[2]
    file = cv2.imread(str(drive_of(tree) / "image_02" / "data" / "0000000002.png"))
    assert np.array_equal(image.data.reshape(HEIGHT, WIDTH, 3), file[..., ::-1])
    assert json.loads((out / "drive.json").read_text())["topics"]["image"] == "/kitti/camera_color_left/image_raw"
    fixes = messages(out, "/kitti/oxts/gps/fix")
    enu = LocalFrame(DATUM).to_enu([each.latitude for each in fixes], [each.longitude for each in fixes])
    errors = np.hypot(*(enu[:, :2] - [circle(index / 10.0)[:2] for index in range(COUNT)]).T)
    assert 1.0 < errors.mean() < 25.0
    assert fixes[0].position_covariance[0] == pytest.approx(6.2**2 + 1.5**2 + 0.03**2)


def test_tiles_of_a_store_along_the_drive(tree: Path, converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert kitti2bag.main([str(drive_of(tree)), str(out), "--tiles", str(converted / "tiles.mbtiles")]) == 0
    theirs, ours = (SatelliteMap(open_store(folder / "tiles.mbtiles")) for folder in (converted, out))
    patches = [each.patch(LocalFrame(DATUM), (0.0, 0.0), 0.3, 256, 0.4) for each in (theirs, ours)]
    assert np.array_equal(patches[0].image, patches[1].image) and patches[1].missing == 0.0


def test_without_the_calibration_of_the_imu(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    date = tmp_path / "2011_09_26"
    shutil.copytree(tree / "raw_data" / "2011_09_26", date)
    (date / "calib_imu_to_velo.txt").unlink()
    assert kitti2bag.main([str(date / drive_of(tree).name), str(tmp_path / "out")]) == 0
    assert "no calib_imu_to_velo.txt" in capsys.readouterr().out
    mount = drive_mount(tmp_path / "out")
    assert (mount.forward, mount.left, mount.height) == pytest.approx((1.08, -0.26, 1.65))


def test_samples_out_of_order_are_left_out_and_counted(tree: Path, tmp_path: Path) -> None:
    drive = tmp_path / "2011_09_26" / drive_of(tree).name
    shutil.copytree(drive_of(tree).parent, tmp_path / "2011_09_26")
    stamps = (drive / "oxts" / "timestamps.txt").read_text().splitlines()
    stamps[5] = stamps[3]
    (drive / "oxts" / "timestamps.txt").write_text("\n".join(stamps))
    log = read_drive(drive).oxts
    assert (len(log.stamps_ns), log.left_out) == (COUNT - 1, 1)
    assert 5 not in log.indices and (np.diff(log.stamps_ns) > 0).all()


def test_a_dropped_image_leaves_a_blank_line_and_the_others_their_stamps(tree: Path, tmp_path: Path) -> None:
    drive = tmp_path / "2011_09_26" / drive_of(tree).name
    shutil.copytree(drive_of(tree).parent, tmp_path / "2011_09_26")
    before = {image.index: image.stamp_ns for image in read_drive(drive).cameras[0].images}
    lines = (drive / "image_02" / "timestamps.txt").read_text().splitlines()
    lines[0] = lines[7] = ""
    (drive / "image_02" / "timestamps.txt").write_text("\n".join(lines) + "\n\n")
    for index in (0, 7):
        (drive / "image_02" / "data" / f"{index:010d}.png").unlink()
    after = {image.index: image.stamp_ns for image in read_drive(drive).cameras[0].images}
    assert after == {index: stamp for index, stamp in before.items() if index not in (0, 7)}
    (drive / "image_02" / "data" / "0000000007.png").write_bytes(b"kept after all")
    with pytest.raises(InputError, match="1 x file without a line in timestamps.txt .image_02/data/0000000007.png"):
        read_drive(drive)


@pytest.mark.skipif(not (SHARED / "kitti").is_dir(), reason="no shared KITTI samples: set GEOFLOW_SHARED_DATA")
def test_real_calibration_and_sample(tmp_path: Path) -> None:
    date = SHARED / "kitti" / "raw_data" / "2011_09_26"
    projection = read_matrix(date / "calib_cam_to_cam.txt", "P_rect_02", (3, 4))
    mount = mount_of(read_camera_in_imu(date, projection))
    # the cross-view protocol rounds to 1.08 m ahead and 0.26 m right; KITTI's sketch has the lens 1.65 m above ground
    assert (mount.forward, mount.left, mount.height) == pytest.approx((1.08, -0.26, 1.65), abs=0.015)
    assert max(abs(mount.roll), abs(mount.pitch), abs(mount.yaw)) < math.radians(0.6)

    drive = tmp_path / "2011_09_26" / "2011_09_26_drive_0001_sync"
    shutil.copytree(date, drive.parent)
    (drive / "image_02" / "data").mkdir(parents=True)
    shutil.copy(SHARED / "kitti" / "frame_1242x375.png", drive / "image_02" / "data" / "0000000000.png")
    shutil.copy(drive / "oxts" / "timestamps.txt", drive / "image_02" / "timestamps.txt")
    assert kitti2bag.main([str(drive), str(tmp_path / "out")]) == 0
    image = messages(tmp_path / "out", "/kitti/camera_color_left/image_raw/compressed")[0]
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (1317042145, 964389445)
    with pytest.raises(InputError, match="missing or empty file"):
        BagDrive(tmp_path / "out")
