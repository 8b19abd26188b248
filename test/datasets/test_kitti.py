"""KITTI cross-view: hand-made trees, the protocol step by step, the public lists."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kitti_tree import DRIVE, RANGE_PX, blob, spot, write_tree
from paths import SHARED_DATA

from geoflow_ros.datasets.crop import crop_matrix
from geoflow_ros.datasets.dataset_files import Findings
from geoflow_ros.datasets.kitti import (
    LISTS,
    RESOLUTION,
    KittiCrossView,
    KittiFrame,
    crop_center,
    held_out_drives,
    parse_list,
    read_camera,
)
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose

SHARED = SHARED_DATA / "kitti"


@pytest.mark.parametrize(
    ("yaw", "camera_uv"),
    [
        # 1.08 m ahead and 0.26 m right of the middle, over 0.1958285 m a pixel: 5.515 and 1.328 px.
        (0.0, (645.515, 641.328)),  # heading east: ahead is right in the map, right is down
        (math.pi / 2, (641.328, 634.485)),  # heading north: ahead is up, right is right
        (math.pi, (634.485, 638.672)),  # heading west
    ],
)
def test_the_camera_falls_on_the_label(tmp_path: Path, yaw: float, camera_uv: tuple[float, float]) -> None:
    sample = KittiCrossView(write_tree(tmp_path, yaw, blob(*camera_uv)), "test1")[0]
    # u = R (0.5 cos 6 deg + 0.25 sin 6 deg) = 53.454; v = R (-0.5 sin 6 deg + 0.25 cos 6 deg) = 20.055.
    expected = (256 + 53.454, 256 + 20.055)
    assert spot(sample.patch.image) == pytest.approx(expected, abs=0.1)
    assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx(expected, abs=0.01)
    assert sample.truth[2] - sample.patch.yaw == pytest.approx(math.radians(6.0))
    assert sample.patch.missing == 0.0


def test_the_heading_in_the_crop_is_theta(tmp_path: Path) -> None:
    """A spot 30 m ahead of the camera lies along (cos theta, -sin theta) from the label."""
    yaw, ahead = 0.7, 31.08
    u = 640 + (ahead * math.cos(yaw) + 0.26 * math.sin(yaw)) / RESOLUTION
    v = 640 - (ahead * math.sin(yaw) - 0.26 * math.cos(yaw)) / RESOLUTION
    sample = KittiCrossView(write_tree(tmp_path, yaw, blob(u, v), "0 0 -1"), "test1")[0]
    step = 30.0 / RESOLUTION
    theta = math.radians(-10.0)
    assert spot(sample.patch.image) == pytest.approx(
        (256 + step * math.cos(theta), 256 - step * math.sin(theta)), abs=0.1
    )
    assert sample.truth == pytest.approx((0.0, 0.0, theta))


def test_one_warp_shows_what_the_protocol_steps_show(tmp_path: Path) -> None:
    """The protocol spelt out with Pillow: rotate, shift to the camera, shift by the noise, rotate, centre crop."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow spells out the protocol's steps")
    yaw, forward, left, rotation = 0.9, 0.8, -0.6, 0.5
    smooth = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (1280, 1280, 3)).astype(np.uint8), (0, 0), 6)
    smooth = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)
    step = image_module.fromarray(cv2.cvtColor(smooth, cv2.COLOR_BGR2RGB)).rotate(-math.degrees(yaw))
    affine, bilinear = image_module.Transform.AFFINE, image_module.Resampling.BILINEAR
    step = step.transform(step.size, affine, (1, 0, 1.08 / RESOLUTION, 0, 1, 0.26 / RESOLUTION), resample=bilinear)
    noise = (1, 0, -forward * RANGE_PX, 0, 1, left * RANGE_PX)
    step = step.transform(step.size, affine, noise, resample=bilinear).rotate(rotation * 10.0)
    protocol = cv2.cvtColor(np.asarray(step.crop((384, 384, 896, 896))), cv2.COLOR_RGB2GRAY)

    root = write_tree(tmp_path, yaw, smooth, f"{forward} {left} {rotation}")
    ours = cv2.cvtColor(KittiCrossView(root, "test1")[0].patch.image, cv2.COLOR_RGB2GRAY)
    for corner in ((0, 0), (0, 384), (384, 0), (384, 384)):
        window = np.s_[corner[0] : corner[0] + 128, corner[1] : corner[1] + 128]
        shift, response = cv2.phaseCorrelate(protocol[window].astype(float), ours[window].astype(float))
        assert math.hypot(*shift) < 0.1 and response > 0.5


@settings(deadline=None)
@given(yaw=st.floats(-math.pi, math.pi), forward=st.floats(-1, 1), left=st.floats(-1, 1), theta=st.floats(-0.2, 0.2))
def test_label_formula_of_the_protocol(yaw: float, forward: float, left: float, theta: float) -> None:
    gx, gy = -forward, -left
    u = RANGE_PX * (-gx * math.cos(theta) + gy * math.sin(theta))
    v = RANGE_PX * (gx * math.sin(theta) + gy * math.cos(theta))
    offset = PlanarPose(-forward * 20.0, -left * 20.0, -theta)
    camera = offset.inverse()
    assert (camera.x / RESOLUTION, -camera.y / RESOLUTION) == pytest.approx((u, v), abs=0.01)
    # The same point through the map: the crop's matrix takes the label to the camera's pixel in the map.
    matrix = crop_matrix(crop_center(yaw, offset), yaw - theta, 512, 1.0)
    camera_uv = crop_center(yaw, PlanarPose())
    assert matrix @ (256 + u, 256 + v, 1.0) == pytest.approx(camera_uv, abs=0.01)


def test_ground_image_and_camera(tmp_path: Path) -> None:
    sample = KittiCrossView(write_tree(tmp_path, 0.0, blob(640, 640)), "test1", size_px=416, resolution=0.25)[0]
    assert sample.ground.shape == (375, 1242, 3)
    assert tuple(sample.ground[0, 0]) == (10, 20, 30)
    camera = sample.camera
    assert (camera.width, camera.height, camera.fx, camera.cx, camera.cy) == (1242, 375, 721.5377, 610.0593, 173.3540)
    assert (camera.mount.forward, camera.mount.left, camera.mount.height) == (1.08, -0.26, 1.65)
    assert sample.patch.image.shape == (416, 416, 3) and sample.patch.resolution == 0.25


def test_training_noise_is_seeded_and_new_in_every_epoch(tmp_path: Path) -> None:
    root = write_tree(tmp_path, 0.0, blob(640, 640), frames=2)
    dataset = KittiCrossView(root, "train", seed=3)
    first = dataset[0].truth
    assert dataset[0].truth == first and KittiCrossView(root, "train", seed=3)[0].truth == first
    assert dataset[1].truth != first and KittiCrossView(root, "train", seed=4)[0].truth != first
    later = dataset[2]  # the first frame again, in the next epoch
    assert later.key == dataset[0].key and later.truth != first
    assert abs(first[2]) <= math.radians(10.0) and math.hypot(*first[:2]) <= 20.0 * math.sqrt(2)


def test_an_unknown_heading_turns_the_crop_all_the_way(tmp_path: Path) -> None:
    """A noise of 0.75 is 135 degrees where 1 means 180: the crop is turned by as much, and the label with it."""
    root = write_tree(tmp_path, 0.0, blob(645.515, 641.328), "0.5 -0.25 0.75")
    sample = KittiCrossView(root, "test1", rotation_range_deg=180.0)[0]
    # cos 135 = -sin 135 = -0.70711: u = R (-0.5 + 0.25) 0.70711 = -18.054; v = R (-0.5 - 0.25) 0.70711 = -54.162.
    expected = (256 - 18.054, 256 - 54.162)
    assert spot(sample.patch.image) == pytest.approx(expected, abs=0.1)
    assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx(expected, abs=0.01)
    assert sample.truth[2] - sample.patch.yaw == pytest.approx(math.radians(135.0))


def test_training_draws_every_heading_where_none_is_known(tmp_path: Path) -> None:
    dataset = KittiCrossView(write_tree(tmp_path, 0.0, blob(640, 640)), "train", rotation_range_deg=180.0)
    turns = np.degrees([dataset[index].truth[2] for index in range(40)])
    assert np.abs(turns).max() <= 180.0 and turns.min() < -90.0 < 90.0 < turns.max()


def test_whole_drives_are_held_out_of_the_training_list(tmp_path: Path) -> None:
    drives = [f"2011_09_26/2011_09_26_drive_{number:04d}_sync" for number in range(1, 7)]
    root = write_tree(tmp_path, 0.0, blob(640, 640), frames=2, drives=drives)
    splits = {split: KittiCrossView(root, split, validation_share=0.4) for split in ("train", "val")}
    keys = {split: {dataset[i].key for i in range(len(dataset))} for split, dataset in splits.items()}
    held_out = {key.split("/")[1] for key in keys["val"]}
    assert len(keys["train"]) == 8 and len(keys["val"]) == 4 and len(held_out) == 2
    assert not held_out & {key.split("/")[1] for key in keys["train"]}


def test_held_out_drives_fit_into_the_share_and_leave_one() -> None:
    def frames(**sizes: int) -> list[KittiFrame]:
        return [KittiFrame("2011_09_26", drive, "0000000000.png", None) for drive, n in sizes.items() for _ in range(n)]

    many = frames(a=50, b=5, c=5, d=40)
    assert held_out_drives(many, 0.1) == {"b", "c"} == held_out_drives(many[::-1], 0.1)
    assert held_out_drives(many, 0.01) in ({"b"}, {"c"})  # none is as small: one of the smallest
    assert held_out_drives(frames(a=9), 0.5) == set()


def test_validation_needs_two_drives(tmp_path: Path) -> None:
    root = write_tree(tmp_path, 0.0, blob(640, 640))
    assert len(KittiCrossView(root, "train")) == 1
    with pytest.raises(InputError, match="list without a frame for val .*val needs two drives"):
        KittiCrossView(root, "val")


def test_a_truncated_image_is_told_before_anything_is_read(tmp_path: Path) -> None:
    root = write_tree(tmp_path, 0.0, blob(640, 640))
    ground = root / "raw_data" / DRIVE / "image_02" / "data" / "0000000000.png"
    jpeg = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (375, 1242, 3), dtype=np.uint8))[1].tobytes()
    ground.write_bytes(jpeg[: len(jpeg) // 2])
    with pytest.raises(InputError, match="1 x truncated image .raw_data/.*0000000000.png"):
        KittiCrossView(root, "test1")
    png = cv2.imencode(".png", np.zeros((375, 1242, 3), np.uint8))[1].tobytes()
    ground.write_bytes(png[: len(png) // 2])
    with pytest.raises(InputError, match="1 x truncated image .raw_data/.*0000000000.png"):
        KittiCrossView(root, "test1")
    ground.write_bytes(png[: len(png) // 2] + bytes(9) + png[len(png) // 2 + 9 :])
    with pytest.raises(InputError, match="0000000000.png cannot be decoded as an image, it is missing, damaged or cut"):
        KittiCrossView(root, "test1")[0]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    root = write_tree(tmp_path, 0.0, blob(640, 640), frames=6)
    for index in range(5):
        (root / "satmap" / DRIVE / f"{index:010d}.png").unlink()
    (root / "raw_data" / DRIVE / "oxts" / "data" / "0000000005.txt").write_text("49.0 8.4")
    with (root / LISTS["test1"]).open("a") as stream:
        stream.write(f"\n \n{DRIVE}/0000000000.png 0.1 0.2\n{DRIVE}/0000000000.png 0.1 0.2 1.5\nnonsense 0 0 0\n")
    with pytest.raises(InputError) as error:
        KittiCrossView(root, "test1")
    message = str(error.value)
    assert "5 x missing or empty file" in message and "0000000002.png, ..." in message
    assert "3 x bad line" in message and "test1_files.txt:10" in message and "1.5" in message
    assert "1 x unusable oxts file" in message
    assert "0000000003.png" not in message


def test_other_bad_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="test3.*expected one of train, val, test1, test2"):
        KittiCrossView(tmp_path, "test3")
    with pytest.raises(InputError, match="missing or empty file .test2_files.txt"):
        KittiCrossView(tmp_path, "test2")
    root = write_tree(tmp_path / "resized", 0.0, blob(640, 640))
    ground = root / "raw_data" / DRIVE / "image_02" / "data" / "0000000000.png"
    cv2.imwrite(str(ground), np.zeros((256, 1024, 3), np.uint8))
    with pytest.raises(InputError, match="1024 x 256 px but its calibration is for 1242 x 375"):
        KittiCrossView(root, "test1")[0]
    ground.write_bytes(b"not an image")
    with pytest.raises(InputError, match="cannot be decoded"):
        KittiCrossView(root, "test1")[0]
    (root / "raw_data" / "2011_09_26" / "calib_cam_to_cam.txt").write_text("P_rect_02: 1 2 three\n")
    with pytest.raises(InputError, match="P_rect_02 of 12 finite numbers"):
        KittiCrossView(root, "test1")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real KITTI lists at {SHARED}")
@pytest.mark.parametrize(("name", "count"), [("test1_files.txt", 3773), ("test2_files.txt", 7542)])
def test_public_lists(name: str, count: int) -> None:
    findings = Findings()
    frames = parse_list(SHARED / name, True, findings)
    assert len(frames) == count
    findings.raise_if_any("public list", SHARED, "no finding expected")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real KITTI calibration at {SHARED}")
def test_public_calibration() -> None:
    """Its cy of 172.854 counts from the middle of the first pixel; cameras count from its edge."""
    camera = read_camera(SHARED / "raw_data" / "2011_09_26" / "calib_cam_to_cam.txt")
    assert (camera.width, camera.height, camera.fx, camera.cy) == (1242, 375, 721.5377, 173.3540)


def test_places_are_those_of_the_oxts_unit_whatever_the_drive(tmp_path: Path) -> None:
    """The same street on another day: 0.001 degrees of latitude are 111.2 m at 49 degrees."""
    root = write_tree(tmp_path, 0.0, blob(640, 640), frames=2, drives=(DRIVE, "2011_09_26/2011_09_26_drive_0009_sync"))
    samples = KittiCrossView(root, "test1")
    here, north, again, _ = (samples.place(index) for index in range(4))
    assert here == again == samples.place(4) and north.region == here.region
    assert (north.east, north.north) == pytest.approx((here.east, here.north + 111.2), abs=1.0)
    (root / "raw_data" / DRIVE / "oxts" / "data" / "0000000001.txt").write_text("490.0 8.43 116.4 0 0 0 ")
    with pytest.raises(InputError, match=r"0000000001.txt is at latitude 490.0, longitude 8.43"):
        KittiCrossView(root, "test1")
