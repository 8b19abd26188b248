"""A folder of photographs and overhead images: labels by hand, everything wrong reported at once."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from kitti_tree import blob, spot
from pairs_folder import write_pairs
from paths import SHARED_DATA

from geoflow_ros.datasets.pairs import Pairs
from geoflow_ros.errors import InputError


def test_the_label_is_where_the_table_says(tmp_path: Path) -> None:
    """The camera at pixel (300, 260) of 0.2 m: the white spot there must be the sample's truth, however it is cut."""
    pairs = Pairs(write_pairs(tmp_path, overhead=blob(300.0, 260.0, 600)), size_px=200, resolution=0.25, seed=3)
    for sample in (pairs[0], pairs[1]):
        assert sample.truth[:2] == (0.0, 0.0)
        assert spot(sample.patch.image) == pytest.approx(sample.patch.to_pixel((0.0, 0.0)).tolist(), abs=0.3)
    # headings of 90 and 180 degrees clockwise from up are east and south
    assert [pairs[index].truth[2] for index in (0, 1)] == pytest.approx([0.0, -math.pi / 2])


def test_views_of_a_place_share_a_prior_that_holds_the_truth(tmp_path: Path) -> None:
    pairs = Pairs(write_pairs(tmp_path, places=40), size_px=64, resolution=1.0)
    offsets = []
    for index in range(0, len(pairs), 2):
        first, second = pairs[index].prior, pairs[index + 1].prior
        assert (first.east, first.north) == (second.east, second.north)
        assert max(abs(first.east), abs(first.north)) <= 12.0 and first.sides == 0.0
        turned = first.yaw - pairs[index].truth[2]
        assert abs(turned) <= math.radians(10.0)
        assert math.sin(second.yaw - pairs[index + 1].truth[2]) == pytest.approx(math.sin(turned))
        offsets.append((first.east, first.north))
    assert np.abs(offsets).max() > 10.0  # the range is used


def test_a_part_of_a_folder_is_whole_places_with_the_priors_that_they_have_in_it(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, places=4)
    every, part = (Pairs(root, size_px=64, resolution=1.0, count=count) for count in (None, 3))
    assert len(every) == 8 and len(part) == 4 and part.places == ["a_0", "b_1"]
    assert [part[index].prior for index in range(4)] == [every[index].prior for index in range(4)]


def test_intrinsics_as_numbers_or_as_a_field_of_view(tmp_path: Path) -> None:
    pairs = Pairs(write_pairs(tmp_path), size_px=64, resolution=1.0)
    wide, told = pairs[0].camera, pairs[1].camera
    assert (wide.fx, wide.fy, wide.cx, wide.cy) == pytest.approx((32.0, 32.0, 32.0, 16.0))  # 90 degrees over 64 px
    assert (told.fx, told.fy, told.cx, told.cy) == (50.0, 51.0, 31.0, 17.0)
    assert told.mount.height == 1.7


def test_a_panorama_is_four_views(tmp_path: Path) -> None:
    """Its middle column, white, looks south (180 degrees), so that the left view, south turned left, looks east."""
    root = write_pairs(tmp_path)
    image = np.zeros((200, 400, 3), np.uint8)
    image[:, 190:210] = 255
    cv2.imwrite(str(root / "views/0_90.jpg"), image)
    table = root / "pairs.csv"
    lines = table.read_text().splitlines()
    table.write_text(
        "\n".join(
            [
                lines[0],
                lines[1].replace("overhead/0.png,0.2,300,260,90,90.0,", "overhead/0.png,0.2,300,260,180,360,"),
                *lines[3:],
            ]
        )
    )
    pairs = Pairs(root, 64, 1.0)
    assert [pairs.views[index].place for index in range(5)] == ["a_0"] * 4 + ["b_1"]
    ahead, left = pairs[0], pairs[1]
    assert [ahead.truth[2], left.truth[2]] == pytest.approx([-math.pi / 2, 0.0])
    assert ahead.key != left.key and ahead.camera.fx == 256.0 and ahead.camera.mount.height == 1.7
    assert ahead.ground[:, 246:266].min() > 200 and ahead.ground[:, :200].max() < 50 and left.ground.max() < 50
    cv2.imwrite(str(root / "views/0_90.jpg"), image[:150])
    with pytest.raises(InputError, match=r"views/0_90.jpg: its panorama is 400 x 150 px"):
        pairs[0]


def test_everything_wrong_is_reported_at_once(tmp_path: Path) -> None:
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    lines = table.read_text().splitlines()
    broken = (
        lines[1].replace("0.2,", "zero,", 1),
        lines[2].replace("views/", "gone/"),
        lines[1].replace(",90.0,", ",200,"),
    )
    table.write_text("\n".join([lines[0], *broken, "alone,,,,,,,,,,,,,,"]) + "\n")
    with pytest.raises(InputError) as raised:
        Pairs(root, 64, 1.0)
    for part in ("line 2", "gone/", "line 4", "line 5: image, overhead", "correct pairs.csv"):
        assert part in str(raised.value), part
    table.unlink()
    with pytest.raises(InputError, match="pairs.csv cannot be read"):
        Pairs(root, 64, 1.0)


@pytest.mark.skipif(not (SHARED_DATA / "real").is_dir(), reason=f"no real places at {SHARED_DATA / 'real'}")
def test_real_places() -> None:
    pairs = Pairs(SHARED_DATA / "real", size_px=416, resolution=0.25)
    assert len(pairs.places) == 26 and len(pairs) == 104
    sample = pairs[0]
    assert sample.ground.shape == (256, 512, 3) and sample.camera.fx == pytest.approx(256.0)
    assert sample.patch.missing < 0.6 and sample.patch.image.std() > 10
