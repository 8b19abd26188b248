"""The generated town: the same from the same seed, drivable, and laid out without overlaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_support import generated_town

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.town.look import Look
from geoflow_ros.town.mesh import Frame, MeshBuilder
from geoflow_ros.town.occupancy import Raster
from geoflow_ros.town.path import Path
from geoflow_ros.town.props import CARS
from geoflow_ros.town.road_network import HALF_SIZE
from geoflow_ros.town.textures import SIZE, Texture, texture_array
from geoflow_ros.town.world import Town

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@pytest.fixture(scope="module")
def town() -> Town:
    return generated_town(3)


def test_a_seed_is_a_town(town: Town) -> None:
    again, other = Town.generate(3, Datum(1.0, 2.0)), generated_town(10_002)
    assert again.datum == Datum(1.0, 2.0)
    assert np.array_equal(again.mesh, town.mesh)
    assert np.array_equal(again.parked, town.parked)
    assert other.mesh.shape != town.mesh.shape and other.datum != town.datum


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="town seed -1"):
        Town.generate(-1)


def test_everything_drawn_is_finite_and_its_normals_are_unit(town: Town) -> None:
    assert np.isfinite(town.mesh).all()
    lengths = np.linalg.norm(town.mesh[:, 0, 3:6], axis=1)
    assert np.mean(np.abs(lengths - 1.0) < 1e-3) > 0.999
    assert set(np.unique(town.mesh[..., 11])) <= {float(texture) for texture in Texture}


def test_the_streets_hang_together(town: Town) -> None:
    reached, frontier = set(), [0]
    while frontier:
        node = frontier.pop()
        if node not in reached:
            reached.add(node)
            for index in town.network.streets_at(node):
                frontier += [town.network.streets[index].start, town.network.streets[index].end]
    assert len(reached) == len(town.network.junctions) > 20


@pytest.mark.parametrize("margin", [70.0, 125.0])
def test_poses_lie_on_the_right_hand_lane_of_a_street(town: Town, margin: float) -> None:
    rng = np.random.default_rng(0)
    right, heading = [], []
    for _ in range(60):
        east, north, yaw = town.sample_pose(rng, margin)
        assert max(abs(east), abs(north)) <= HALF_SIZE - margin
        street = min(town.network.streets, key=lambda s: float(np.hypot(*(s.path.points - (east, north)).T).min()))
        nearest = street.path.resampled(0.5)
        index = int(np.hypot(*(nearest.points - (east, north)).T).argmin())
        along = nearest.tangents[index]
        forward = np.array([math.cos(yaw), math.sin(yaw)]) @ along
        offset = np.array([east, north]) - nearest.points[index]
        left_of_street = along[0] * offset[1] - along[1] * offset[0]
        assert abs(left_of_street) < street.profile.road / 2 + 0.5
        right.append(left_of_street * forward < 0.0)
        heading.append(abs(forward))
    assert np.mean(right) > 0.85
    assert np.median(heading) > 0.99


def test_cars_of_a_moment_stand_on_their_places(town: Town) -> None:
    full, empty = Look(parked=1.0, traffic=0.0), Look(parked=0.0, traffic=0.0)
    cars = np.concatenate([full.cars(town.parked, town.driving)[shape] for shape in CARS])
    assert len(cars) == len(town.parked) > 100
    distances = np.hypot(*(cars[:50, None, :2] - town.parked[None, :, :2]).transpose(2, 0, 1)).min(axis=1)
    assert distances.max() <= 0.41
    assert not sum(len(rows) for rows in empty.cars(town.parked, town.driving).values())


def test_textures_fill_every_layer_and_repeat_identically() -> None:
    tiles = texture_array()
    assert tiles.shape == (len(Texture), SIZE, SIZE, 4)
    assert np.array_equal(tiles, texture_array())


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 60.0), st.floats(-5.0, 5.0))
def test_a_path_places_points_at_their_arc_length_and_to_its_left(s: float, left: float) -> None:
    angle = np.linspace(0.0, 1.5, 2000)
    path = Path.through(40.0 * np.column_stack([np.cos(angle), np.sin(angle)]))  # counter-clockwise: left is inward
    expected = (40.0 - left) * np.array([math.cos(s / 40.0), math.sin(s / 40.0)])
    assert path.length == pytest.approx(60.0, abs=1e-3)
    assert path.at(s, left) == pytest.approx(expected, abs=5e-3)
    assert float(path.yaw(s)) == pytest.approx(s / 40.0 + math.pi / 2, abs=2e-3)


def test_a_strip_covers_its_length_without_gaps() -> None:
    strip = Path.through([[0.0, 0.0], [30.0, 0.0]]).strip(-1.0, 2.0, 5.0, 25.0)
    assert strip[0, 0] == pytest.approx([5.0, -1.0]) and strip[-1, 2] == pytest.approx([25.0, 2.0])
    assert strip[:-1, 1] == pytest.approx(strip[1:, 0])


def test_a_box_looks_outwards_and_the_ground_up() -> None:
    mesh = MeshBuilder()
    mesh.box(SQUARE, 0.0, 2.0, Texture.PLAIN, (1, 1, 1))
    mesh.ground(SQUARE[None, ::-1], 0.0, Texture.PLAIN, (1, 1, 1))
    quads = mesh.build()
    assert quads[:, 0, 3:6] == pytest.approx(
        np.array([[0, -1, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, 1]], dtype=float)
    )


def test_a_frame_turns_its_rectangles() -> None:
    corners = Frame((10.0, 20.0), math.pi / 2).rectangle(0.0, 2.0, 0.0, 1.0)
    assert corners == pytest.approx(np.array([[10, 20], [10, 22], [9, 22], [9, 20]], dtype=float))


def test_a_raster_knows_what_is_taken() -> None:
    taken = Raster()
    taken.draw([[[0.0, 0.0], [10.0, 0.0], [10.0, 5.0], [0.0, 5.0]]], 3)
    assert taken.at([[5.0, 2.5], [20.0, 2.5]]).tolist() == [3, 0]
    assert taken.at([1e4, 0.0]) == 255
    assert not taken.is_free([[9.0, 1.0], [12.0, 1.0], [12.0, 2.0], [9.0, 2.0]])
    assert taken.is_free([[11.0, 1.0], [14.0, 1.0], [14.0, 2.0], [11.0, 2.0]])
