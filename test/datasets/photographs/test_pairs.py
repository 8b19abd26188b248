"""A folder of photographs and overhead images: labels by hand, everything wrong reported at once."""

from __future__ import annotations

import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from kitti_tree import blob, spot
from pairs_folder import write_pairs
from paths import SHARED_DATA

from geoflow_ros.datasets.photographs.pairs import Pairs
from geoflow_ros.errors import InputError


def test_the_label_is_where_the_table_says(tmp_path: Path) -> None:
    """The camera at pixel (300, 260) of 0.2 m: the white spot there must be the sample's truth, however it is cut."""
    pairs = Pairs(write_pairs(tmp_path, overhead=blob(300.0, 260.0, 600)), size_px=200, resolution=0.25, seed=3)
    for sample in (pairs[0], pairs[1]):
        assert sample.truth[:2] == (0.0, 0.0)
        assert spot(sample.patch.image) == pytest.approx(sample.patch.to_pixel((0.0, 0.0)).tolist(), abs=0.3)
    # headings of 90 and 180 degrees clockwise from up are east and south
    assert [pairs[index].truth[2] for index in (0, 1)] == pytest.approx([0.0, -math.pi / 2])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_is_transparent_in_an_overhead_image_is_missing_not_black(tmp_path: Path, suffix: str) -> None:
    """A mosaic's imagery ends 4 m east of the camera."""
    root = write_pairs(tmp_path)
    image = np.full((600, 600, 4), (200, 200, 200, 255), np.uint8)
    image[:, 320:] = 0
    cv2.imwrite(str(root / f"overhead/mosaic{suffix}"), image)
    table = root / "pairs.csv"
    table.write_text(table.read_text().replace("overhead/0.png", f"overhead/mosaic{suffix}"))
    patch = Pairs(root, size_px=200, resolution=0.25)[0].patch
    grey, light = (patch.image == 128).all(axis=2), (patch.image == 200).all(axis=2)
    assert 0.3 < patch.missing < 0.7 and grey.mean() == pytest.approx(patch.missing, abs=0.01)
    assert light.mean() == pytest.approx(1.0 - patch.missing, abs=0.02) and patch.image.min() >= 128
    u, v = patch.to_pixel((10.0, 0.0)).astype(int)
    assert grey[v, u] and light[tuple(patch.to_pixel((-10.0, 0.0)).astype(int)[::-1])]


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
    assert (told.fx, told.fy, told.cx, told.cy) == (50.0, 51.0, 31.5, 17.5)
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
    with pytest.raises(InputError, match=r"1 x unusable image \(.*views/0_90.jpg: its panorama is 400 x 150 px"):
        Pairs(root, 64, 1.0)


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
    for part in (
        "line 2: metres_per_px 'zero' is no number",
        "gone/",
        "line 4: hfov_deg is 200, expected 5 to 175, or 360",
        "line 5: image, overhead",
        "correct pairs.csv",
    ):
        assert part in str(raised.value), part
    table.unlink()
    with pytest.raises(InputError, match="pairs.csv cannot be read"):
        Pairs(root, 64, 1.0)


@pytest.mark.parametrize(
    ("separator", "decimal", "end", "encoding"),
    [
        (", ", ".", "\r\n", "utf-8-sig"),
        (";", ",", "\r\n", "utf-8-sig"),
        ("\t", ",", "\n", "utf-16"),
        (";", ".", "\n", "utf-8"),
    ],
)
def test_a_table_as_spreadsheets_write_it(
    tmp_path: Path, separator: str, decimal: str, end: str, encoding: str
) -> None:
    """Of other countries, with empty rows and columns, headings in capitals, paths of Windows."""
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    expected = Pairs(root, 64, 1.0).views
    head, *rows = (line.split(",") for line in table.read_text().splitlines())
    values = [[value.replace(".", decimal) if value[:1].isdigit() else value for value in row] for row in rows]
    empty = [""] * len(head)
    lines = [separator.join([*row, "", ""]) for row in ([name.title() for name in head], empty, *values, empty)]
    table.write_bytes(end.join(lines).replace("views/", "views\\").encode(encoding))
    assert Pairs(root, 64, 1.0).views == expected


def test_a_number_that_is_none_is_named_with_its_column(tmp_path: Path) -> None:
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], "", lines[1], lines[2].replace(",0.2,", ',"0,2",')]))
    with pytest.raises(InputError, match=r"line 4: metres_per_px '0,2' is no number: write it with a decimal point"):
        Pairs(root, 64, 1.0)
    table.write_text(table.read_text().replace(",", "|"))
    with pytest.raises(InputError, match=r"has no column place, image.*but 'place.image.*by commas, semicolons, tabs"):
        Pairs(root, 64, 1.0)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (",90.0,", ",1.5708,", "line 2: hfov_deg is 1.5708, expected 5 to 175, or 360 of a panorama"),  # radians
        (",1.7,2.0,", ",170,2.0,", "line 2: camera_height_m is 170, expected 0.1 to 20"),  # centimetres
        (",0.2,300", ",20,300", "line 2: metres_per_px is 20, expected 0.01 to 2"),  # centimetres again
        (",90,90.0", ",9000,90.0", "line 2: heading_deg is 9000, expected -360 to 720"),  # hundredths
        (",90.0,,,,,", ",,50,51,31,,", "row without a value (line 2: cy)"),
        (",90.0,,,,,", ",,,,,,", "row without a value (line 2: hfov_deg (or fx, fy, cx, cy))"),
        (",90.0,,,,,", ",,50,51,62,33,", "64 x 32 px, but cx, cy (62, 33) are those of about 124 x 66: scale fx"),
    ],
)
def test_a_number_of_another_unit_is_named(tmp_path: Path, before: str, after: str, reason: str) -> None:
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    assert before in table.read_text()
    table.write_text(table.read_text().replace(before, after, 1))
    with pytest.raises(InputError, match=re.escape(reason)):
        Pairs(root, 64, 1.0)


@pytest.mark.parametrize("heading", ["450", "-270"])
def test_a_heading_may_go_round(tmp_path: Path, heading: str) -> None:
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    table.write_text(table.read_text().replace(",260,90,", f",260,{heading},"))
    assert Pairs(root, 64, 1.0)[0].truth[2] == pytest.approx(0.0)


def test_images_that_cannot_be_used_are_all_told_before_the_first_is_needed(tmp_path: Path) -> None:
    """One of 16 bits, one that is no image."""
    root = write_pairs(tmp_path)
    (root / "views/0_180.jpg").write_bytes(b"\0\0\0\x18ftypheic")
    deep = cv2.imencode(".png", np.zeros((32, 64), np.uint16))[1]
    (root / "views/1_90.jpg").write_bytes(deep.tobytes())
    with pytest.raises(InputError, match=r"2 x unusable image \(.*0_180.jpg cannot be decoded.*1_90.jpg holds uint16"):
        Pairs(root, 64, 1.0)


def test_a_view_that_is_in_the_table_twice_would_count_twice(tmp_path: Path) -> None:
    root = write_pairs(tmp_path)
    table = root / "pairs.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1])
    with pytest.raises(InputError, match=r"1 x view that stands there twice.*\(views/0_90.jpg of a_0\)"):
        Pairs(root, 64, 1.0)


def test_labels_that_cannot_be_are_told_before_anything_is_read(tmp_path: Path) -> None:
    """A decimal comma, a camera beside its orthophoto, a second position of a place, an overhead image that is none."""
    root = write_pairs(tmp_path, places=4)
    table = root / "pairs.csv"
    lines = table.read_text().splitlines()
    lines[1] = lines[1].replace(",2.0,A", ",2,0,A")
    lines[3] = lines[3].replace(",300,260,", ",300,600.5,")
    lines[4] = lines[4].replace(",300,260,", ",300,600.5,")
    lines[6] = lines[6].replace(",300,260,", ",310,260,")
    table.write_text("\n".join(lines))
    (root / "overhead/3.png").write_bytes(b"not an image")
    with pytest.raises(InputError) as raised:
        Pairs(root, 64, 1.0)
    for part in (
        "1 x row with more values than columns (line 2)",
        "2 x camera outside its overhead image (views/1_90.jpg at (300, 600.5) of overhead/1.png, 600 x 600 px, ",
        "1 x view from elsewhere than the others of its place (views/2_180.jpg of a_2)",
        "1 x unusable overhead image (",
    ):
        assert part in str(raised.value), part


def test_places_on_one_orthophoto_are_elsewhere_from_65_m_on(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, places=4, overhead=np.zeros((600, 600, 3), np.uint8))
    table = root / "pairs.csv"
    text = table.read_text()
    for index, column in ((1, 299 + 325), (2, 300 + 325)):  # 64.8 and 65 m to the right
        text = text.replace(f"overhead/{index}.png,0.2,300,", f"overhead/0.png,0.2,{column},")
    cv2.imwrite(str(root / "overhead/0.png"), np.zeros((600, 700, 3), np.uint8))
    table.write_text(text)
    pairs = Pairs(root, 64, 1.0)
    assert [pairs.elsewhere(place) for place in ("a_0", "b_1", "a_2", "b_3")] == [
        ["a_2", "b_3"],
        ["b_3"],
        ["a_0", "b_3"],
        ["a_0", "a_2", "b_1"],
    ]


def test_a_large_panorama_is_cut_as_the_node_cuts_it(tmp_path: Path) -> None:
    """Columns black and white by turns, too fine for a view: their mean, not every fifth of them."""
    root = write_pairs(tmp_path)
    image = np.zeros((2500, 5000, 3), np.uint8)
    image[:, ::2] = 255
    cv2.imwrite(str(root / "views/0_90.png"), image)
    table = root / "pairs.csv"
    table.write_text(table.read_text().replace("views/0_90.jpg", "views/0_90.png").replace(",90.0,,,,", ",360,,,,", 1))
    view = Pairs(root, 64, 1.0)[0].ground
    assert np.abs(view[64:192, 128:384].astype(int) - 128).max() < 40


@pytest.mark.skipif(not (SHARED_DATA / "real").is_dir(), reason=f"no real places at {SHARED_DATA / 'real'}")
def test_real_places() -> None:
    pairs = Pairs(SHARED_DATA / "real", size_px=416, resolution=0.25)
    assert len(pairs.places) == 26 and len(pairs) == 104
    sample = pairs[0]
    assert sample.ground.shape == (256, 512, 3) and sample.camera.fx == pytest.approx(256.0)
    assert sample.patch.missing < 0.6 and sample.patch.image.std() > 10
