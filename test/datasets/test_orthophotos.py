"""Pseudo ground views: places project as the camera says, what stands hides what is behind, every index is anew."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.orthophotos.column_march import level_camera, march
from geoflow_ros.datasets.orthophotos.ground_view import ground_view
from geoflow_ros.datasets.orthophotos.library import LARGEST_PX, read_orthophotos
from geoflow_ros.datasets.orthophotos.orthophoto_views import OrthophotoViews
from geoflow_ros.datasets.orthophotos.placed_photo import PlacedPhoto
from geoflow_ros.datasets.orthophotos.relief import Relief
from geoflow_ros.datasets.orthophotos.surroundings import stand_up
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.town.canvas import Picture
from geoflow_ros.town.height_codes import SKY

LEVEL = CameraModel(640, 160, 300.0, 250.0, 320.0, 80.0, Mount(height=1.65))
TILTED = CameraModel(640, 160, 280.0, 200.0, 310.0, 70.0, Mount(height=2.2, roll=0.08, pitch=0.06))
UPWARD = CameraModel(640, 160, 350.0, 240.0, 330.0, 90.0, Mount(height=1.2, roll=-0.05, pitch=-0.04))
Image = np.ndarray


def placed_at(yaw: float) -> PlacedPhoto:
    """A dark photograph, 180 by 160 m, with the camera near its middle: its mirror images are out of sight."""
    return PlacedPhoto(np.full((1600, 1800, 3), 30, np.uint8), 850.0, 790.0, yaw, 0.1)


def marked(photo: PlacedPhoto, ahead: float, left: float) -> PlacedPhoto:
    """The same with a bright cross, 0.6 m wide, at a place: u is right, v down, yaw counter-clockwise."""
    east = ahead * math.cos(photo.yaw) - left * math.sin(photo.yaw)
    north = ahead * math.sin(photo.yaw) + left * math.cos(photo.yaw)
    u, v, image = round(photo.u + 10 * east), round(photo.v - 10 * north), photo.image.copy()
    image[v - 3 : v + 3, u - 1 : u + 1] = image[v - 1 : v + 1, u - 3 : u + 3] = 255
    return PlacedPhoto(image, photo.u, photo.v, photo.yaw, photo.metres_per_px)


def relief_of(photo: PlacedPhoto, box: tuple[float, float, float, float] | None = None) -> Relief:
    """Flat ground, or with a box 6 m wide straight ahead: from, to (m ahead), and its height; for yaw 0."""
    heights = np.zeros((1600, 1800), np.float32)
    if box:
        near, far, half, height = box
        rows, columns = (
            (round(photo.v - 10 * half), round(photo.v + 10 * half)),
            (photo.u + 10 * near, photo.u + 10 * far),
        )
        heights[slice(*rows), slice(*map(round, columns))] = height
    return Relief(heights, photo)


def view(camera: CameraModel, photo: PlacedPhoto, box: tuple[float, float, float, float] | None = None) -> Image:
    return ground_view(camera, relief_of(photo, box), [], np.random.default_rng(1)).image.astype(float)


def change(camera: CameraModel, photo: PlacedPhoto, place: tuple[float, float], *box: float) -> Image:
    """How much brighter the cross makes each pixel (H, W)."""
    area = tuple(box) if box else None
    difference = view(camera, marked(photo, *place), area) - view(camera, photo, area)  # type: ignore[arg-type]
    return np.clip(difference.sum(axis=2) - 10.0, 0, None)  # less what its mirror image does 150 m away


def centroid(weight: Image) -> tuple[float, float]:
    height, width = weight.shape
    total = weight.sum()
    return float(weight.sum(0) @ (np.arange(width) + 0.5) / total), float(
        weight.sum(1) @ (np.arange(height) + 0.5) / total
    )


@pytest.mark.parametrize("camera", [LEVEL, TILTED, UPWARD], ids=["level", "rolled", "upward"])
@pytest.mark.parametrize("place", [(7.0, 1.5), (12.0, -4.0)])
def test_a_cross_appears_where_the_camera_projects_it(camera: CameraModel, place: tuple[float, float]) -> None:
    expected, inside = camera.project(np.array([*place, 0.0]))
    assert inside
    for yaw in (0.0, math.atan2(4, 3)):  # both put the places on whole pixels of the photograph
        assert centroid(change(camera, placed_at(yaw), place)) == pytest.approx(expected, abs=1.5)


def test_the_patch_shows_the_cross_where_it_says() -> None:
    photo, place, prior = placed_at(-0.9), (8.0, 3.0), PlanarPose(4.0, -6.0, 0.15)
    patch, plain = marked(photo, *place).patch(prior, 400, 0.5), photo.patch(prior, 400, 0.5)
    brighter = (patch.image.astype(float) - plain.image).sum(axis=2)
    assert centroid(brighter) == pytest.approx(patch.to_pixel(place), abs=0.5)
    assert patch.missing == 0.0 and (plain.image == 30).all()  # 200 m of a photograph of 160: its mirror image


def test_a_box_hides_as_far_behind_it_as_its_top_reaches() -> None:
    # From 1.65 m, over a box 0.5 m high that ends 8 m ahead, the ground is seen again from 8 * 1.65 / 1.15 = 11.5 m on.
    photo, box = placed_at(0.0), (6.0, 8.0, 3.0, 0.5)
    hidden, seen = change(LEVEL, photo, (10.3, 0.0), *box), change(LEVEL, photo, (13.0, 0.0), *box)
    assert hidden.max() == 0.0 and seen.max() > 30.0
    assert change(LEVEL, photo, (5.5, 0.0), *box).max() > 30.0
    assert change(LEVEL, photo, (10.3, 0.0), 6.0, 8.0, 3.0, 0.02).max() > 30.0


def test_a_wall_stands_on_its_foot_and_reaches_its_height() -> None:
    fine, _ = level_camera(LEVEL, 1)
    hits = march(fine, relief_of(placed_at(0.0), (10.0, 11.0, 3.0, 2.4)))
    column = hits.face[:, 320]
    rows = np.flatnonzero(column)
    # 10 m ahead a metre is 25 rows: from 1.65 m below to 0.75 m above the horizon in row 80.
    assert (rows[0], rows[-1] + 1) == pytest.approx((80 - 0.75 * 25, 80 + 1.65 * 25), abs=1.5)
    assert hits.depth[rows, 320] == pytest.approx(10.0, rel=0.04)
    assert hits.height[rows[0], 320] == pytest.approx(2.4, abs=0.1)
    assert np.isinf(hits.depth[rows[0] - 1, 320]) and not hits.face[:, 20].any()


@pytest.mark.parametrize("camera", [LEVEL, TILTED], ids=["level", "rolled"])
def test_the_view_knows_how_high_a_wall_and_the_ground_are(camera: CameraModel) -> None:
    heights = ground_view(
        camera, relief_of(placed_at(0.0), (10.0, 11.0, 3.0, 2.4)), [], np.random.default_rng(1)
    ).heights
    assert heights.shape == (160, 640)
    for up in (0.4, 1.2, 2.0):
        for left in (-2.0, 0.0, 2.0):
            (u, v), inside = camera.project(np.array([10.0, left, up]))
            assert inside and heights[int(v), int(u)] == pytest.approx(10 * up, abs=2)
    for place in ((6.0, 0.0, 0.0), (7.0, -3.0, 0.0), (20.0, 8.0, 0.0)):
        (u, v), _ = camera.project(np.array(place))
        assert heights[int(v), int(u)] == 0
    (u, v), _ = camera.project(np.array([10.0, 0.0, 3.0]))
    assert heights[int(v), int(u)] == SKY


def test_a_level_image_contains_all_that_the_tilted_camera_sees() -> None:
    fine, to_level = level_camera(TILTED, 2)
    point = np.array([9.0, 2.0, 0.4])
    pixel, moved = TILTED.project(point)[0], fine.project(point)[0]
    u, v, w = to_level @ (*pixel, 1.0)
    assert (u / w, v / w) == pytest.approx(tuple(moved))
    corners = to_level @ np.array([[0, 640, 0, 640], [0, 0, 160, 160], [1, 1, 1, 1]])
    assert ((corners[:2] / corners[2]).T >= -1e-6).all()
    assert ((fine.width + 1e-6, fine.height + 1e-6) >= (corners[:2] / corners[2]).T).all()


def write_photos(folder: Path, *names: str, size: tuple[int, int] = (200, 260)) -> None:
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        blobs = cv2.resize(
            rng.integers(0, 255, (20, 26, 3), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_LINEAR
        )
        cv2.imwrite(str(folder / name), blobs)


def test_every_index_is_a_sample_of_its_own_and_always_the_same(tmp_path: Path) -> None:
    write_photos(tmp_path, "overhead/a.png", "overhead/b/c.JPG", "street/d.jpg")
    once, again = (OrthophotoViews(tmp_path, 5, 160, 0.5, seed=3) for _ in range(2))
    assert len(once) == 5 and {once[index].key for index in range(12)} == {"a.png", "b/c.JPG"}
    for index in (2, 7):
        assert np.array_equal(once[index].ground, again[index].ground)
        assert np.array_equal(once[index].patch.image, again[index].patch.image)
    assert not np.array_equal(once[2].ground, once[7].ground)  # the same view in the next epoch
    below = once[2].ground_heights
    assert below is not None and below.shape == (160, 640) and (below[-1] == 0).any() and once[2].patch_heights is None
    sample = once[4]
    assert sample.truth == (0.0, 0.0, 0.0) and sample.patch.missing == 0.0
    assert sample.patch.center == (sample.prior.east, sample.prior.north) != (0.0, 0.0)
    assert 1.0 <= sample.camera.mount.height <= 3.2 and sample.ground.shape == (160, 640, 3)


def test_resolutions_are_those_of_the_table_or_the_default(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", "b/c.png", "b/d.png", size=(300, 400))
    (tmp_path / "orthophotos.csv").write_text("path,metres_per_px\nb,0.3\nb/d.png,0.05\n")
    photos = {photo.key: photo for photo in read_orthophotos(tmp_path)}
    assert {key: photo.metres_per_px for key, photo in photos.items()} == {
        "a.png": 0.15,
        "b/c.png": 0.3,
        "b/d.png": 0.1,
    }
    assert photos["b/d.png"].image.shape == (150, 200, 3)  # reduced: finer than anything that is made of it


def test_a_large_photograph_comes_in_pieces(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", size=(LARGEST_PX + 50, 2 * LARGEST_PX))
    photos = read_orthophotos(tmp_path)
    assert [photo.key for photo in photos] == ["a.png@0,0", f"a.png@{LARGEST_PX},0"]
    assert all(photo.image.shape == (LARGEST_PX, LARGEST_PX, 3) for photo in photos)


def test_a_piece_that_is_partly_transparent_is_left_out(tmp_path: Path) -> None:
    """Its black is no ground; a photograph that is opaque all over is what it was without alpha."""
    write_photos(tmp_path, "a.png", size=(LARGEST_PX, 2 * LARGEST_PX))
    image = np.dstack([cv2.imread(str(tmp_path / "a.png")), np.full((LARGEST_PX, 2 * LARGEST_PX), 255, np.uint8)])
    cv2.imwrite(str(tmp_path / "b.png"), image)
    image[5, 7] = 0
    cv2.imwrite(str(tmp_path / "c.png"), image)
    photos = read_orthophotos(tmp_path)
    keys = ["a.png@0,0", f"a.png@{LARGEST_PX},0", "b.png@0,0", f"b.png@{LARGEST_PX},0", f"c.png@{LARGEST_PX},0"]
    assert [photo.key for photo in photos] == keys
    np.testing.assert_array_equal(photos[1].image, photos[4].image)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("path,metres_per_px\na.png,wide\n", r"orthophotos.csv:2: metres_per_px 'wide' is no number: expected"),
        ("path,metres_per_px\na.png,\n", r"orthophotos.csv:2: metres_per_px: expected the columns path,metres_per_px"),
        ("file,scale\na.png,0.2\n", "has no column path, metres_per_px, but 'file; scale'"),
        ("path,metres_per_px\na.png,20\n", r"orthophotos.csv:2: 20 metres per pixel is outside"),
        ("path,metres_per_px\nz.png,0.2\n", "z.png is no file or folder beside the table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, table: str, reason: str) -> None:
    write_photos(tmp_path, "a.png")
    (tmp_path / "orthophotos.csv").write_text(table)
    with pytest.raises(InputError, match=reason):
        read_orthophotos(tmp_path)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photograph in .*overhead"):
        OrthophotoViews(tmp_path, 5, 160, 0.5)


@pytest.mark.parametrize(
    ("cy", "column", "seen"), [(20.0, 32.0, True), (-200.0, 32.0, False), (260.0, 32.0, False), (20.0, -90.0, False),
    (20.0, 160.0, False), (20.0, 64.0, True)],
)  # fmt: skip
def test_what_stands_beside_the_image_is_not_drawn(cy: float, column: float, seen: bool) -> None:
    camera = CameraModel(64, 48, 60.0, 60.0, 32.0, cy, Mount(height=1.5))
    image, red = np.zeros((48, 64, 3), np.uint8), np.full((9, 9, 3), (200, 0, 0), np.uint8)
    heights = np.zeros((48, 64), np.uint8)
    depth = np.full((48, 64), 50.0, np.float32)
    stand_up(Picture(image, heights), depth, camera, (8.0, column, 3.0, 1.5), red)
    assert (image[..., 0] > 0).any() == seen
    # 8 m ahead a metre is 7.5 rows; the lens is as high as what stands, whose top is so in row 20 and foot in 31.25.
    assert np.array_equal(heights > 0, image[..., 0] > 0)
    if seen and column == 32.0:
        drawn = np.flatnonzero(heights[:, 31])
        assert len(drawn) > 8 and heights[drawn, 31] == pytest.approx(10 * (1.5 - (drawn + 0.5 - 20) / 7.5), abs=0.51)
