"""Cameras, places and imagery of varied towns, by hand-made ones."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from town_support import PLAIN_LOOK, draws, marked_town, red_center

from geoflow_ros.datasets.town_views import VARIED_TRAIN_SEEDS, TownSamples, render_town
from geoflow_ros.town.path import Path as StreetPath
from geoflow_ros.town.props import Placements, Shape
from geoflow_ros.town.road_network import Network, Profile, Street
from geoflow_ros.town.style import Style
from geoflow_ros.town.varied_views import blurred, varied_camera, varied_pose
from geoflow_ros.town.world import Town


def one_street(marks: list[tuple[float, float, float]] | None = None) -> Town:
    """Grey ground with a street along east of half width 5 m, and red cubes on the marks."""
    path = StreetPath.through(np.column_stack([np.linspace(-200.0, 200.0, 200), np.zeros(200)]))
    street = Street(0, 1, path, Profile(7.0, 1.5, 1, False, False))
    network = Network(np.array([[-200.0, 0.0], [200.0, 0.0]]), np.full(2, 5.0), (street,), ())
    style = Style("plain", looks=lambda rng: (PLAIN_LOOK, PLAIN_LOOK))
    return dataclasses.replace(marked_town(marks or [], 3.0), network=network, style=style)


def test_cameras_are_of_every_height_and_shape_and_a_third_are_square_cuts_of_panoramas() -> None:
    rng = np.random.default_rng(0)
    cameras = [varied_camera(rng) for _ in range(600)]
    heights = [camera.mount.height for camera in cameras]
    assert 1.0 <= min(heights) < 1.1 and 3.1 < max(heights) <= 3.2
    fields = [math.degrees(2 * math.atan(camera.width / 2 / camera.fx)) for camera in cameras]
    assert 50.0 <= min(fields) < 52.0 and 108.0 < max(fields) <= 110.0
    aspects = [camera.width / camera.height for camera in cameras]
    assert min(aspects) >= 1.0 and 3.0 < max(aspects) <= 3.21
    square = [camera for camera in cameras if camera.width == camera.height]
    assert 150 < len(square) < 250
    assert all((c.cx, c.cy) == (320.0, 320.0) and c.fx == pytest.approx(320.0) for c in square)


def test_half_of_the_views_look_along_the_lane_and_all_stand_on_the_street() -> None:
    rng, town = np.random.default_rng(0), one_street()
    poses = np.array([varied_pose(town, rng, 1.5) for _ in range(400)])
    along = np.abs(np.sin(poses[:, 2])) < 0.15
    assert 0.42 < along.mean() < 0.66  # half of them, and those of the others that look along it by chance
    elsewhere = poses[~along, 2]
    assert np.histogram(elsewhere, 4, (-math.pi, math.pi))[0].min() > len(elsewhere) / 4 * 0.6
    aside = np.abs(poses[:, 1])
    assert aside.max() < 4.7 and 0.06 < (aside > 3.5).mean() < 0.2  # off the road: 1.2 sigma from the lane


def test_no_camera_is_in_leaves_and_a_low_one_may_stand_under_a_crown() -> None:
    props = Placements()
    props.add(Shape.BROAD_TREE, np.column_stack([np.arange(-200.0, 200.0, 25.0), np.full(16, -3.0)]), scale=8.0)
    town = dataclasses.replace(one_street(), props=props.build())
    trees = props.build()[Shape.BROAD_TREE][:, :2]
    for height, nearest in ((1.2, 0.6), (3.0, 0.6 * 8.0)):
        rng = np.random.default_rng(0)
        distances = [np.hypot(*(trees - varied_pose(town, rng, height)[:2]).T).min() for _ in range(150)]
        assert nearest <= min(distances) < nearest + 1.0


def test_blur_keeps_everything_in_its_place() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((164, 164, 3), np.uint8)
    cv2.circle(image, (100, 40), 5, (255, 0, 0), -1)
    shown = [blurred(rng, image) for _ in range(20)]
    for each in shown:
        assert each.shape == image.shape and red_center(each) == pytest.approx((100.5, 40.5), abs=0.2)
    softer = [int(each.max()) < 250 or int(((each > 20) & (each < 230)).sum()) > 30 for each in shown]
    assert 8 < sum(softer) < 20


@draws
def test_the_orthophoto_is_turned_with_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geoflow_ros.town.render import Renderer

    marks = [(east, north, 1.5) for east in range(-240, 241, 60) for north in (-20.0, 20.0)]
    monkeypatch.setattr(Town, "generate", lambda seed: one_street(marks))
    render_town(tmp_path / "030000", VARIED_TRAIN_SEEDS[0], 5, Renderer())
    samples, compared = TownSamples(tmp_path, [30_000], 5, size_px=400, resolution=0.4), 0
    for index in range(5):
        sample = samples[index]
        red = sample.patch.image.astype(int)
        v, u = np.nonzero(red[..., 0] - red[..., 1] > 60)
        ahead = sample.patch.to_enu(np.column_stack([u, v]) + 0.5)  # in the camera's own frame
        columns = sample.ground.astype(int)
        seen = np.flatnonzero((columns[..., 0] - columns[..., 1] > 60).any(axis=0))
        bearing = np.arctan2(ahead[:, 1], ahead[:, 0])
        fx, cx = sample.camera.fx, sample.camera.cx
        expected = cx - fx * np.tan(bearing[np.abs(bearing) < 0.6])
        expected = expected[(expected > 20) & (expected < sample.camera.width - 20)]
        for column in expected:
            assert np.abs(seen - column).min() < 12.0
        compared += len(expected) > 0
    assert compared >= 2
    heights = [each["mount"]["height"] for each in json.loads((tmp_path / "030000" / "views.json").read_text())]
    assert len(set(heights)) == 5
