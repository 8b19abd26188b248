"""VIGOR: hand-made trees in the published layout, labels worked out by hand."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from kitti_tree import spot
from paths import SHARED_DATA
from vigor_tree import DCOL, DROW, OTHER, SATELLITE, cross_test, satellite, write_city

from geoflow_ros.camera import Projection
from geoflow_ros.datasets.vigor import RESOLUTIONS, Vigor
from geoflow_ros.errors import InputError

SHARED = SHARED_DATA / "vigor"


def test_north_up_label(tmp_path: Path) -> None:
    dataset = Vigor(cross_test(tmp_path), "cross", "test")
    assert len(dataset) == 2
    sample = dataset[1]  # Chicago: 0.111262 m a pixel, so 96 px are 10.6812 m and 40 px are 4.4505 m
    assert sample.truth == pytest.approx((10.6812, -4.4505, math.pi / 2), abs=1e-3)
    assert sample.patch.yaw == 0.0 and sample.patch.missing == 0.0
    assert sample.patch.size_m == pytest.approx(640 * 0.111262)
    # 640 -> 512: (416, 360) * 0.8.
    assert spot(sample.patch.image) == pytest.approx((332.8, 288.0), abs=0.1)
    assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx((332.8, 288.0), abs=0.01)


def test_aligned_patch_has_north_to_the_right(tmp_path: Path) -> None:
    dataset = Vigor(cross_test(tmp_path), "cross", "test", align_heading=True, size_px=400, resolution=0.15)
    sample = dataset[1]
    assert sample.truth[2] - sample.patch.yaw == pytest.approx(0.0)
    # +u is north, +v is east: the camera is 4.4505 m south (left) and 10.6812 m east (down) of the middle.
    expected = (200 - 4.4505 / 0.15, 200 + 10.6812 / 0.15)
    assert spot(sample.patch.image) == pytest.approx(expected, abs=0.1)
    assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx(expected, abs=0.01)


def test_panorama_camera_sees_north_ahead_and_east_to_the_right(tmp_path: Path) -> None:
    sample = Vigor(cross_test(tmp_path), "cross", "test")[0]
    assert sample.camera.projection is Projection.EQUIRECTANGULAR and sample.ground.shape == (64, 128, 3)
    pixels, _ = sample.camera.project(np.array([[10.0, 0.0, 2.5], [0.0, -10.0, 2.5]]))
    np.testing.assert_allclose(pixels, [[64, 32], [96, 32]])
    assert sample.ground[32, 64].min() > 200 and sample.ground[32, 96, 0] > 150


def test_unknown_orientation_rolls_the_panorama(tmp_path: Path) -> None:
    dataset = Vigor(cross_test(tmp_path), "cross", "test", rotation_range_deg=180.0)
    sample = dataset[0]
    turn = sample.truth[2] - math.pi / 2
    assert abs(turn) > 0.05 and dataset[0].truth == sample.truth
    # North is turned clockwise from the centre column by the angle the centre is counter-clockwise from north.
    north_column = (64 + turn / (2 * math.pi) * 128) % 128
    assert int(sample.ground[32].min(axis=-1).argmax()) == pytest.approx(north_column, abs=0.01)
    later = dataset[len(dataset)]  # the same panorama in the next epoch
    assert later.key == sample.key and later.truth != sample.truth


def test_same_area_lists_and_the_validation_fifth(tmp_path: Path) -> None:
    for city in RESOLUTIONS:
        write_city(tmp_path, city, "same_area_balanced_train__corrected.txt", count=5)
        write_city(tmp_path, city, "same_area_balanced_test.txt", count=1, splits="splits")
    train, validation = (Vigor(tmp_path, "same", split) for split in ("train", "val"))
    assert (len(train), len(validation)) == (16, 4)
    keys = [{dataset[i].key for i in range(len(dataset))} for dataset in (train, validation)]
    assert len(keys[0] | keys[1]) == 20 and not keys[0] & keys[1]
    assert len(Vigor(tmp_path, "same", "test", corrected=False)) == 4
    with pytest.raises(
        InputError, match=r"4 x missing label file .splits__corrected/Chicago/same_area_balanced_test.txt"
    ):
        Vigor(tmp_path, "same", "test")


def test_semi_positives_outside_are_never_drawn(tmp_path: Path) -> None:
    for city in ("NewYork", "Seattle"):
        write_city(tmp_path, city, "pano_label_balanced.txt", count=4, semi="-200.0 310.0")
    dataset = Vigor(tmp_path, "cross", "train", semi_positives=True)
    drawn = {dataset[i].truth[:2] == pytest.approx((0, 0), abs=20) for i in range(5 * len(dataset))}
    assert drawn == {True, False}  # both the positive, 11 m off, and the semi-positives, 35 m off
    for city in ("NewYork", "Seattle"):
        write_city(tmp_path, city, "pano_label_balanced.txt", count=4, semi="-200.0 330.0")
    dataset = Vigor(tmp_path, "cross", "train", semi_positives=True)
    assert all(dataset[i].truth[:2] == pytest.approx((0, 0), abs=20) for i in range(len(dataset)))


def test_a_semi_positives_label_is_its_own_pixel(tmp_path: Path) -> None:
    """The same white spot lies elsewhere in the second satellite image, and the label follows the image drawn."""
    for city in ("NewYork", "Seattle"):
        write_city(tmp_path, city, "pano_label_balanced.txt", semi="150.0 -200.0")
        shifted = np.roll(satellite(), (150 - 40, 200 - 96), axis=(0, 1))
        cv2.imwrite(str(tmp_path / city / "satellite" / OTHER), shifted)
    dataset = Vigor(tmp_path, "cross", "train", semi_positives=True, size_px=640)
    labels = set()
    for index in range(30):
        sample = dataset[index]
        label = sample.patch.to_pixel(sample.truth[:2])
        assert spot(sample.patch.image) == pytest.approx(label, abs=0.1)
        labels.add(tuple(np.round(label).astype(int)))
    assert labels == {(416, 360), (520, 470)}


def test_semi_positives_out_of_the_networks_reach_are_left_out(tmp_path: Path) -> None:
    for city in ("NewYork", "Seattle"):
        # 200 px are 22.6 m in New York and 20.2 m in Seattle.
        write_city(tmp_path, city, "pano_label_balanced.txt", semi="0.0 -200.0")
    rows = {city: set[float]() for city in ("NewYork", "Seattle")}
    dataset = Vigor(tmp_path, "cross", "train", semi_positives=True, reach_m=21.0)
    for index in range(40):
        sample = dataset[index]
        rows[sample.key[2:].rstrip("0123456789,.-jpg")].add(round(sample.truth[0], 1))
    assert rows == {"NewYork": {10.9}, "Seattle": {9.7, 20.2}}
    with pytest.raises(InputError, match="2 x label further than 9 m from the middle .NewYork/panorama/id"):
        Vigor(tmp_path, "cross", "train", reach_m=9.0)


@pytest.mark.parametrize(("corrected", "label"), [(True, (416, 360)), (False, (436, 330))])
def test_corrected_and_original_labels(tmp_path: Path, corrected: bool, label: tuple[int, int]) -> None:
    cross_test(tmp_path)
    for city in ("SanFrancisco", "Chicago"):
        (tmp_path / "splits" / city).mkdir(parents=True)
        text = (tmp_path / "splits__corrected" / city / "pano_label_balanced.txt").read_text()
        original = text.replace(f"{DROW} {DCOL}", "10.0 -116.0")
        (tmp_path / "splits" / city / "pano_label_balanced.txt").write_text(original)
    sample = Vigor(tmp_path, "cross", "test", corrected=corrected, size_px=640)[0]
    assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx(label, abs=0.01)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    root = cross_test(tmp_path)
    (root / "SanFrancisco" / "satellite" / SATELLITE).unlink()
    labels = root / "splits__corrected" / "Chicago" / "pano_label_balanced.txt"
    good = labels.read_text()
    labels.write_text(good + "a.jpg b.png 1 2\n" + good.replace("-96.0", "nan") + good.replace("-96.0", "-320"))
    with pytest.raises(InputError) as error:
        Vigor(root, "cross", "test")
    message = str(error.value)
    assert "3 x bad line (Chicago/pano_label_balanced.txt:2 'a.jpg b.png 1 2'" in message
    assert f"1 x missing or empty file (SanFrancisco/satellite/{SATELLITE})" in message


def test_unknown_split() -> None:
    with pytest.raises(InputError, match="'test3'"):
        Vigor(Path("nowhere"), "same", "test3")
    with pytest.raises(InputError, match="'both'"):
        Vigor(Path("nowhere"), "both", "val")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real VIGOR pair at {SHARED}")
def test_real_pair(tmp_path: Path) -> None:
    root = cross_test(tmp_path)
    (root / "Chicago" / "panorama" / "idChicago0,41.85,-87.65,.jpg").write_bytes(
        (SHARED / "pano_2048x1024.png").read_bytes()
    )
    (root / "Chicago" / "satellite" / SATELLITE).write_bytes((SHARED / "satellite_640.png").read_bytes())
    sample = Vigor(root, "cross", "test")[1]
    assert sample.ground.shape == (1024, 2048, 3) and sample.patch.image.shape == (512, 512, 3)
    assert sample.patch.missing == 0.0


def test_a_place_is_that_of_the_panoramas_name(tmp_path: Path) -> None:
    root = cross_test(tmp_path)
    label = root / "splits__corrected" / "Chicago" / "pano_label_balanced.txt"
    label.write_text("".join(label.read_text().replace(",41.85,", f",{there},") for there in ("41.851", "91.0", "x")))
    for there in ("41.851", "91.0", "x"):
        shutil.copy(
            root / "Chicago/panorama/idChicago0,41.85,-87.65,.jpg",
            root / f"Chicago/panorama/idChicago0,{there},-87.65,.jpg",
        )
    first, second, third, fourth = (Vigor(root, "cross", "test").place(index) for index in range(4))
    assert first is not None and second is not None and third is fourth is None
    assert second.region == first.region and second.north - first.north == pytest.approx(111.1, abs=0.5)


@pytest.mark.parametrize(("count", "split"), [(1, "val"), (0, "train"), (0, "test")])
def test_lists_that_leave_nothing_are_told(tmp_path: Path, count: int, split: str) -> None:
    for city in ("NewYork", "Seattle", "SanFrancisco", "Chicago"):
        write_city(tmp_path, city, "pano_label_balanced.txt", count=count)
    with pytest.raises(InputError, match=rf"VIGOR cross-area {split} at .* has no row: .* list {2 * count}, of which"):
        Vigor(tmp_path, "cross", split)
