"""Towns of another region: what differs, and that the temperate ones stay as they were."""

from __future__ import annotations

import numpy as np
import pytest
from town_support import draws, generated_town

from geoflow_ros.camera import CameraModel
from geoflow_ros.town import FIRST_TEST_SEED
from geoflow_ros.town.look import Look
from geoflow_ros.town.mesh import MeshBuilder
from geoflow_ros.town.props import Placements, Shape
from geoflow_ros.town.regions import style_of
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.road_network import generate_network
from geoflow_ros.town.style import DESERT, DESERT_SEEDS, TEMPERATE, Skin, Style
from geoflow_ros.town.textures import METRES, Texture
from geoflow_ros.town.world import Town

SQUARE = np.array([[[0.0, 0.0], [6.0, 0.0], [6.0, 6.0], [0.0, 6.0]]])


@pytest.fixture(scope="module")
def desert() -> Town:
    return generated_town(DESERT_SEEDS[0])


def layers(town: Town) -> set[Texture]:
    return {Texture(int(value)) for value in np.unique(town.mesh[..., 11])}


def test_the_style_of_a_town_follows_from_its_seed() -> None:
    assert style_of(0) is style_of(9_999) is style_of(19_999) is TEMPERATE
    assert style_of(DESERT_SEEDS[0]) is style_of(DESERT_SEEDS[-1]) is DESERT
    assert DESERT_SEEDS[0] >= FIRST_TEST_SEED


def test_a_desert_town_has_nothing_green_and_no_pitched_roof(desert: Town) -> None:
    gone = {Texture.GRASS, Texture.MEADOW, Texture.HEDGE, Texture.FENCE, Texture.TILES, Texture.SEAMS, Texture.SOIL}
    new = {Texture.SAND, Texture.SCREED, Texture.WINDOWS_SLIT, Texture.WINDOWS_SCREEN}
    assert not layers(desert) & gone and new <= layers(desert)
    assert not layers(generated_town(3)) & new and gone - {Texture.SEAMS} <= layers(generated_town(3))
    counts = {shape: len(rows) for shape, rows in desert.props.items()}
    assert counts[Shape.PALM] > 20 and not any(counts[s] for s in (Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER))
    assert not len(generated_town(3).props[Shape.PALM])


def test_roads_are_wider_by_the_factor_and_nothing_else_moves() -> None:
    usual, wide = (generate_network(np.random.default_rng(5), Style("s", road_width=width)) for width in (1.0, 1.5))
    assert np.array_equal(usual.junctions, wide.junctions)
    for narrow, broad in zip(usual.streets, wide.streets, strict=True):
        assert broad.profile.road == pytest.approx(1.5 * narrow.profile.road)
        assert broad.profile.pavement == narrow.profile.pavement
    assert (wide.radii - 1.2) == pytest.approx(1.5 * (usual.radii - 1.2))


def test_a_skin_keeps_the_brightness_of_each_surface_and_its_scale_in_metres() -> None:
    mesh = MeshBuilder()
    mesh.ground(SQUARE, 0.0, Texture.GRASS, (0.2, 0.3, 0.1))
    mesh.ground(SQUARE, 0.0, Texture.GRASS, (0.4, 0.6, 0.2))
    mesh.ground(SQUARE, 0.0, Texture.ASPHALT, (0.5, 0.5, 0.5))
    quads = mesh.build()
    skinned = Style("s", skins={Texture.GRASS: Skin(Texture.SAND, (0.6, 0.3, 0.9))}).reskin(quads)
    assert skinned[:, 0, 11].tolist() == [Texture.SAND, Texture.SAND, Texture.ASPHALT]
    assert skinned[0, 0, 8:11] == pytest.approx([0.4, 0.2, 0.6]) and skinned[1, 0, 8:11] == pytest.approx(
        [0.8, 0.4, 1.2]
    )
    assert skinned[0, 2, 6:8] == pytest.approx([6.0 / METRES[Texture.SAND]] * 2)
    assert np.array_equal(skinned[2], quads[2]) and quads[0, 0, 11] == Texture.GRASS


def test_plants_are_replaced_and_thinned() -> None:
    props = Placements()
    props.add(Shape.CONIFER, np.zeros((1000, 2)))
    props.add(Shape.BUSH, np.ones((1000, 2)))
    style = Style("s", plants={Shape.CONIFER: Shape.PALM, Shape.BUSH: Shape.BUSH}, plants_kept=0.3)
    planted = style.plant(props.build(), np.random.default_rng(0))
    assert not len(planted[Shape.CONIFER])
    assert all(240 < len(planted[shape]) < 360 for shape in (Shape.PALM, Shape.BUSH))
    assert np.all(planted[Shape.PALM][:, 0] == 0.0) and np.all(planted[Shape.BUSH][:, 0] == 1.0)


def test_desert_pictures_are_dusty_below_and_sharply_lit_above() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        ground, above = DESERT.looks(rng)
        assert ground.sun < 0.2 and ground.cloud == 1.0 and ground.haze > 0.004
        assert above.sun > 1.2 and above.sun_elevation < 0.36 and above.cloud == 0.0
        assert ground.season is not above.season


def test_temperate_looks_are_any_two_moments() -> None:
    first, second = np.random.default_rng(4), np.random.default_rng(4)
    assert TEMPERATE.looks(first) == (Look.random(second), Look.random(second))


@draws
def test_a_desert_street_is_sand_coloured(desert: Town) -> None:
    renderer = Renderer()
    renderer.load(desert)
    east, north, yaw = desert.sample_pose(np.random.default_rng(1))
    ground, above = DESERT.looks(np.random.default_rng(2))
    frame = renderer.camera(CameraModel(160, 64, 90.0, 90.0, 80.0, 32.0), east, north, yaw, ground)
    for image in (frame, renderer.orthophoto(east, north, 100.0, 200, above)):
        red, _, blue = image.reshape(-1, 3).mean(axis=0)
        assert red > blue + 8.0 and image.std() > 10.0
