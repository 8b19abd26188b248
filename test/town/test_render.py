"""Pictures of a town: every point appears where CameraModel and SatellitePatch say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from town_support import PLAIN_LOOK, draws, generated_town, marked_town, red_center

from geoflow_ros.camera import CameraModel, Mount, Projection
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.town.height_codes import SKY
from geoflow_ros.town.look import Look
from geoflow_ros.town.render import Renderer

LENS = (12.0, -7.0)
YAW = 0.7


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    yield Renderer()


def to_world(level: tuple[float, float, float]) -> tuple[float, float, float]:
    """A point of the level camera frame in the town."""
    x, y, z = level
    return LENS[0] + math.cos(YAW) * x - math.sin(YAW) * y, LENS[1] + math.sin(YAW) * x + math.cos(YAW) * y, z


@draws
@pytest.mark.parametrize("level", [(8.0, 0.0, 0.3), (12.0, 4.0, 2.5), (9.0, -5.0, 1.0), (20.0, -6.0, 4.0)])
@pytest.mark.parametrize("mount", [Mount(height=1.65), Mount(height=2.0, pitch=0.08, roll=-0.06)])
def test_a_point_is_rendered_where_the_camera_projects_it(
    renderer: Renderer, level: tuple[float, float, float], mount: Mount
) -> None:
    camera = CameraModel(640, 320, 400.0, 390.0, 310.0, 150.0, mount)
    renderer.load(marked_town([to_world(level)]))
    expected, inside = camera.project(np.array(level))
    assert inside
    image = renderer.camera(camera, *LENS, YAW, PLAIN_LOOK)
    assert image.shape == (320, 640, 3) and image.dtype == np.uint8
    assert red_center(image) == pytest.approx(tuple(expected), abs=1.0)


@draws
@pytest.mark.parametrize(
    "level", [(6.0, 0.0, 2.0), (0.0, 7.0, 1.0), (-6.0, -2.0, 3.0), (3.0, -6.0, 0.4), (2.0, 1.0, 8.0)]
)
def test_a_point_is_rendered_where_the_panorama_projects_it(
    renderer: Renderer, level: tuple[float, float, float]
) -> None:
    camera = CameraModel.panorama(800, 400, Mount(height=2.0, pitch=0.05))
    renderer.load(marked_town([to_world(level)]))
    expected, _ = camera.project(np.array(level))
    image = renderer.camera(camera, *LENS, YAW, PLAIN_LOOK)
    assert red_center(image) == pytest.approx(tuple(expected), abs=1.0)


@draws
@pytest.mark.parametrize("yaw", [0.0, 0.6, -2.0])
def test_the_orthophoto_is_laid_out_like_a_patch(renderer: Renderer, yaw: float) -> None:
    mark = (LENS[0] + 14.0, LENS[1] + 6.0)
    renderer.load(marked_town([(*mark, 0.2)], size=1.0))
    image = renderer.orthophoto(*LENS, 50.0, 200, PLAIN_LOOK, yaw)
    patch = SatellitePatch(image, LENS, 0.25, yaw)
    assert red_center(image) == pytest.approx(tuple(patch.to_pixel(mark)), abs=0.3)


@draws
def test_lean_displaces_heights_and_not_the_ground(renderer: Renderer) -> None:
    leaning = Look(**{name: getattr(PLAIN_LOOK, name) for name in Look.__slots__} | {"lean": (0.2, -0.1)})
    for up, shift in ((0.2, 0.2), (10.0, 10.0)):
        renderer.load(marked_town([(*LENS, up)], size=0.4))
        image = renderer.orthophoto(*LENS, 40.0, 400, leaning)
        expected = 200.0 + 0.2 * shift / 0.1, 200.0 + 0.1 * shift / 0.1
        assert red_center(image) == pytest.approx(expected, abs=1.0)


@draws
def test_the_heights_of_a_box_and_of_the_ground_before_it(renderer: Renderer) -> None:
    # A box 3 m wide and high, its face 10 m ahead of a level camera 1.5 m up; focal length 200 px, horizon in row 80.
    renderer.load(marked_town([(11.5, 0.0, 1.5)], size=3.0))
    camera = CameraModel(320, 160, 200.0, 200.0, 160.0, 80.0, Mount(height=1.5))
    heights = renderer.view(camera, 0.0, 0.0, 0.0, PLAIN_LOOK).heights
    assert heights.shape == (80, 160) and heights.dtype == np.uint8
    # Its top is in row 80 - 200 * 1.5 / 10 = 50 of the image, its foot in row 110; two of its rows are one of heights.
    column = heights[:, 80]
    assert (column[:24] == SKY).all() and (column[56:] == 0).all()
    middle_m = 3.0 - (2 * np.arange(26, 54) + 1 - 50.0) * 10.0 / 200.0
    np.testing.assert_allclose(column[26:54] * 0.1, middle_m, atol=0.11)
    # Its sides: columns 160 -+ 200 * 1.5 / 10 of the image; beside it the ground, which ends in a horizon.
    face = np.flatnonzero((heights[45] > 0) & (heights[45] != SKY))
    assert (face[0], face[-1]) == pytest.approx((65, 94), abs=1)
    assert (heights[42:, :60] == 0).all() and (heights[:39, :60] == SKY).all()


@draws
def test_the_heights_of_a_box_from_above(renderer: Renderer) -> None:
    renderer.load(marked_town([(LENS[0] + 8.0, LENS[1] + 3.0, 1.5)], size=3.0))
    heights = renderer.overhead(*LENS, 40.0, 160, PLAIN_LOOK).heights  # 0.5 m each, north up
    expected = np.zeros((80, 80), np.uint8)
    expected[40 - 9 : 40 - 3, 40 + 13 : 40 + 19] = 30
    assert np.array_equal(heights, expected)


@draws
def test_a_panorama_has_heights_where_it_has_pixels(renderer: Renderer) -> None:
    renderer.load(marked_town([(LENS[0] + 11.5, LENS[1], 1.5)], size=3.0))
    camera = CameraModel.panorama(720, 360, Mount(height=1.5))
    heights = renderer.view(camera, *LENS, 0.0, PLAIN_LOOK).heights
    assert heights.shape == (180, 360)  # one degree each
    # 1.5 m above and below a lens 10 m away: 8.5 degrees above the horizon and below it.
    column = heights[:, 180]
    assert (column[:81] == SKY).all() and (column[99:] == 0).all()
    assert column[82:98].min() > 0 and abs(int(column[90]) - 15) <= 2


@draws
def test_the_sun_casts_shadows_away_from_itself(renderer: Renderer) -> None:
    look = Look(**{name: getattr(PLAIN_LOOK, name) for name in Look.__slots__}
                | {"sun": 1.2, "sky": 0.4, "sun_azimuth": 0.0, "sun_elevation": math.pi / 4, "cloud": 0.0})  # fmt: skip
    renderer.load(marked_town([(*LENS, 4.0)], size=2.0))
    grey = renderer.orthophoto(*LENS, 20.0, 200, look).mean(axis=-1)
    shadow, lit = grey[100, 100 - 40], grey[100, 100 + 40]  # 4 m up and 45 degrees: 4 m to the west
    assert shadow < 0.8 * lit


@draws
def test_two_renderers_do_not_disturb_each_other(renderer: Renderer) -> None:
    renderer.load(marked_town([(*LENS, 0.2)], size=1.0))
    before = renderer.orthophoto(*LENS, 20.0, 64, PLAIN_LOOK)
    other = Renderer()
    other.load(marked_town([(90.0, 90.0, 0.2)]))
    other.orthophoto(0.0, 0.0, 20.0, 64, PLAIN_LOOK)
    assert np.array_equal(renderer.orthophoto(*LENS, 20.0, 64, PLAIN_LOOK), before)


@draws
def test_a_town_looks_different_at_another_time_and_the_same_at_the_same(renderer: Renderer) -> None:
    town = generated_town(3)
    renderer.load(town)
    east, north, yaw = town.sample_pose(np.random.default_rng(0))
    camera = CameraModel(160, 64, 90.0, 90.0, 80.0, 32.0)
    first, second = (Look.random(np.random.default_rng(seed)) for seed in (1, 2))
    image = renderer.camera(camera, east, north, yaw, first)
    assert np.array_equal(renderer.camera(camera, east, north, yaw, first), image)
    assert np.abs(renderer.camera(camera, east, north, yaw, second).astype(int) - image).mean() > 5.0
    assert image.std() > 15.0


@draws
def test_a_lens_with_distortion_is_refused(renderer: Renderer) -> None:
    fisheye = CameraModel(64, 64, 30.0, 30.0, 32.0, 32.0, projection=Projection.EQUIDISTANT)
    with pytest.raises(InputError, match="without distortion"):
        renderer.camera(fisheye, 0.0, 0.0, 0.0, PLAIN_LOOK)


def test_without_moderngl_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "moderngl", None)
    with pytest.raises(InputError, match=r"pip install .+ and apt install libegl1"):
        Renderer()


@draws
@pytest.mark.parametrize("raised", [True, False], ids=["only what stands", "only ground"])
def test_a_town_of_one_kind_of_surface_is_rendered(renderer: Renderer, raised: bool) -> None:
    marked = marked_town([(10.0, 0.0, 4.0)], size=1.0)
    stands = marked.mesh[:, :, 2].max(axis=1) > 1.0
    assert stands.any() and not stands.all()
    renderer.load(replace(marked, mesh=marked.mesh[stands if raised else ~stands]))
    image = renderer.camera(CameraModel(64, 64, 40.0, 40.0, 32.0, 40.0, Mount(height=1.5)), 0.0, 0.0, 0.0, PLAIN_LOOK)
    is_red = image[..., 0].astype(int) - image[..., 1] > 50
    assert is_red.any() == raised
