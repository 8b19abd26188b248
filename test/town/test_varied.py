"""Varied towns: what a street of each kind is made of, and that they leave the other regions alone."""

from __future__ import annotations

import numpy as np
import pytest
from town_support import generated_town

from geoflow_ros.datasets.town_views import OTHER_SEEDS, TEST_SEEDS, TRAIN_SEEDS, VALIDATION_SEEDS, VARIED_TRAIN_SEEDS
from geoflow_ros.town.path import Path
from geoflow_ros.town.props import FOLIAGE, Shape
from geoflow_ros.town.regions import style_of
from geoflow_ros.town.road_network import OPEN_ZONES, Network, Profile, Street, generate_network
from geoflow_ros.town.site import Site
from geoflow_ros.town.streets import build_streets
from geoflow_ros.town.style import DESERT, TEMPERATE, Style, happens
from geoflow_ros.town.textures import Texture
from geoflow_ros.town.varied import VARIED_SEEDS

ROAD = 7.0
LOOSE = {Texture.GRASS, Texture.MEADOW, Texture.SOIL, Texture.GRAVEL}


def straight_street(style: Style, seed: int = 0) -> Site:
    """A street of 100 m along east, with a pavement of 3 m on both sides, as this style builds it."""
    path = Path.through(np.column_stack([np.linspace(0.0, 100.0, 30), np.zeros(30)]))
    street = Street(0, 1, path, Profile(ROAD, 3.0, 1, False, False))
    network = Network(np.array([[0.0, 0.0], [100.0, 0.0]]), np.full(2, 5.0), (street,), ())
    site = Site(style=style)
    build_streets(np.random.default_rng(seed), network, site)
    return site


def layers(site: Site) -> list[Texture]:
    return [Texture(int(value)) for value in site.mesh.build()[:, 0, 11]]


def test_only_the_varied_towns_have_a_style_each() -> None:
    assert style_of(29_999) is DESERT and style_of(40_000) is TEMPERATE
    first, again, last = (style_of(seed) for seed in (30_000, 30_000, 39_999))
    assert first.road_width == again.road_width != last.road_width and first.skins == again.skins != last.skins
    regions = [TRAIN_SEEDS, VALIDATION_SEEDS, TEST_SEEDS, OTHER_SEEDS, VARIED_SEEDS]
    assert sum(map(len, regions)) == len({seed for seeds in regions for seed in seeds})
    assert set(VARIED_TRAIN_SEEDS) < set(VARIED_SEEDS)


def test_varied_towns_hold_nothing_that_only_the_desert_has() -> None:
    held_out = {skin.texture for skin in DESERT.skins.values()} - set(DESERT.skins)
    assert {Texture.SAND, Texture.SCREED, Texture.WINDOWS_SLIT} <= held_out
    for seed in VARIED_SEEDS[::500]:
        style = style_of(seed)
        assert not style.drifts and not {skin.texture for skin in style.skins.values()} & held_out
        assert Shape.PALM not in style.plants.values()


def test_what_never_happens_draws_nothing() -> None:
    rng = np.random.default_rng(1)
    assert not happens(rng, 0.0) and happens(rng, 1.0)
    assert rng.random() == np.random.default_rng(1).random(2)[1]


def test_a_bare_street_has_no_kerb_no_lights_and_loose_ground_up_to_its_edge() -> None:
    usual, bare = straight_street(TEMPERATE), straight_street(Style("bare", bare=1.0))
    furniture = {Texture.PLAIN, Texture.METAL}
    assert furniture <= set(layers(usual)) and not furniture & set(layers(bare))
    assert sum(map(len, usual.props.rows[Shape.STREET_LIGHT])) and not bare.props.rows[Shape.STREET_LIGHT]
    mesh = bare.mesh.build()
    loose = mesh[np.isin(mesh[:, 0, 11], list(LOOSE))]
    middle = loose[(loose[..., 0] > 10).all(axis=1) & (loose[..., 0] < 90).all(axis=1)]  # away from the junctions
    assert np.abs(middle[..., 1]).max() == pytest.approx(ROAD / 2 + 3.0)


@pytest.mark.parametrize("seed", range(4))
def test_an_unpaved_street_is_earth_without_paint(seed: int) -> None:
    site = straight_street(Style("earth", unpaved=1.0), seed)
    assert set(layers(site)) <= LOOSE


def test_paint_is_absent_or_worn_to_the_colour_of_the_road() -> None:
    fresh = straight_street(TEMPERATE).mesh.build()
    worn = straight_street(Style("worn", worn=1.0)).mesh.build()
    none = straight_street(Style("none", worn=1.0, unmarked=1.0)).mesh.build()
    paint = [mesh[mesh[:, 0, 11] == Texture.PAINT] for mesh in (fresh, worn, none)]
    assert len(paint[0]) > 10 and not len(paint[2])
    assert len(paint[1]) > 0 and paint[1][..., 8:11].max() < paint[0][..., 8:11].max()


def test_roadside_trees_stand_on_the_pavement_and_reach_over_the_road() -> None:
    rows = straight_street(Style("trees", trees=0.3, bare=1.0)).props.build()
    trees = np.concatenate([rows[shape] for shape in FOLIAGE])
    aside = np.abs(trees[:, 1])
    assert len(trees) > 10 and aside.min() > ROAD / 2 and aside.max() < ROAD / 2 + 4.1
    assert (aside - 0.5 * trees[:, 4] < ROAD / 2 - 1.0).any()


def test_open_land_leaves_no_block_to_build_on() -> None:
    zones = {zone for _, zone in generate_network(np.random.default_rng(5), Style("open", open_land=1.0)).blocks}
    assert zones == set(OPEN_ZONES)


def test_a_varied_town_is_whole() -> None:
    town = generated_town(VARIED_SEEDS[14])
    assert np.isfinite(town.mesh).all() and len(town.network.streets) > 20
    assert all(np.isfinite(rows).all() for rows in town.props.values())
