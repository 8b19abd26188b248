"""A frame on the ground is where trigonometry says, and a wrong mount moves it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.planar import PlanarPose
from geoflow_ros.reports.mount_view import PANEL_PX, SIDE_M, NamedMount, draw_mounts, seen_from_above
from geoflow_ros.satellite.patch import SatellitePatch

MOUNT = Mount(forward=1.0, left=-0.5, height=1.5, pitch=math.radians(4.0), yaw=math.radians(30.0))
CAMERA = CameraModel(400, 300, 300.0, 300.0, 200.0, 150.0, MOUNT)
POSE = PlanarPose(100.0, 50.0, math.radians(60.0))
PATCH = SatellitePatch(np.full((480, 480, 3), 90, np.uint8), (99.5, 60.0), 0.05, math.radians(20.0))


def frame_with_dot(u: int, v: int) -> np.ndarray:
    image = np.zeros((300, 400, 3), np.uint8)
    image[v - 5 : v + 5, u - 5 : u + 5] = 255
    return image


def dot_on_ground(camera: CameraModel, u: int, v: int) -> np.ndarray:
    """East, north (m) of the dot's middle."""
    laid, seen = seen_from_above(frame_with_dot(u, v), camera, POSE, PATCH)
    rows, columns = np.nonzero(seen & (laid[..., 0] > 128))
    assert len(rows) > 3
    return PATCH.to_enu((columns.mean() + 0.5, rows.mean() + 0.5))


@pytest.mark.parametrize(("u", "v"), [(200, 210), (200, 260), (140, 230), (290, 230)])
def test_a_point_of_the_frame_lies_where_its_ray_meets_the_ground(u: int, v: int) -> None:
    # the camera looks to 90 degrees, north; its lens is at (1, -0.5) in a base that looks to 60 degrees
    cos, sin = math.cos(math.radians(60.0)), math.sin(math.radians(60.0))
    lens = np.array([100.0 + cos + 0.5 * sin, 50.0 + sin - 0.5 * cos])
    below = math.radians(4.0) + math.atan((v - 150.0) / 300.0)  # of the ray through the middle column of that row
    along_axis = math.hypot(1.0, (v - 150.0) / 300.0)
    slant = 1.5 / math.sin(below)
    expected = lens + [slant / along_axis * (u - 200.0) / 300.0, 1.5 / math.tan(below)]
    assert dot_on_ground(CAMERA, u, v) == pytest.approx(expected, abs=0.12)


def test_a_lower_or_steeper_mount_brings_the_ground_nearer() -> None:
    north = dot_on_ground(CAMERA, 200, 210)[1]
    steeper = replace(CAMERA, mount=replace(MOUNT, pitch=math.radians(6.0)))
    lower = replace(CAMERA, mount=replace(MOUNT, height=1.2))
    assert dot_on_ground(steeper, 200, 210)[1] < north - 0.5
    assert dot_on_ground(lower, 200, 210)[1] < north - 0.5


def test_what_is_above_the_horizon_or_behind_is_not_shown() -> None:
    _, seen = seen_from_above(frame_with_dot(200, 200), CAMERA, POSE, PATCH)
    behind = SatellitePatch(PATCH.image, (101.0, 30.0), 0.05)
    assert seen.any()
    assert not seen_from_above(frame_with_dot(200, 200), CAMERA, POSE, behind)[1].any()


def test_a_wrong_mount_breaks_what_the_right_one_continues() -> None:
    """The frame is a picture of the imagery itself, bands across the view: the right mount leaves them as they are."""
    lens = POSE @ MOUNT.planar
    middle = lens @ PlanarPose(SIDE_M / 2)
    side, resolution = 800, 0.05  # more imagery than is shown, turned otherwise
    imagery = SatellitePatch(np.zeros((side, side, 3), np.uint8), (middle.x, middle.y), resolution, 1.0)
    pixels = np.moveaxis(np.indices((side, side)), 0, -1)[..., ::-1] + 0.5
    beyond_m = lens.into(imagery.to_enu(pixels))[..., 0]
    stripe = np.where((beyond_m // 2.5) % 2, 220, 40).astype(np.uint8)
    imagery.image[:] = stripe[..., None]
    below = math.radians(4.0) + np.arctan((np.arange(300) + 0.5 - 150.0) / 300.0)
    with np.errstate(divide="ignore"):
        ahead = np.where(below > 1e-3, 1.5 / np.tan(below), np.inf)  # of each row of the frame, in the middle
    stripes = np.where((np.minimum(ahead, 1e4) // 2.5) % 2, 220, 40).astype(np.uint8)
    frame = np.repeat(np.repeat(stripes[:, None, None], 400, 1), 3, 2)
    wrong = replace(MOUNT, pitch=math.radians(5.0))
    picture = draw_mounts(frame, CAMERA, POSE, imagery, wrong, MOUNT)
    assert picture.shape == (round(3 * PANEL_PX * 0.75) + PANEL_PX, 3 * PANEL_PX, 3)
    near = slice(PANEL_PX - 300, PANEL_PX - 90)  # 5 to 16 m ahead
    panels = [panel[near, 150:290].astype(int) for panel in np.hsplit(picture[-PANEL_PX:], 3)]
    broken = [np.mean(np.abs(panel - panels[0]) > 60) for panel in panels[1:]]
    assert broken[1] < 0.06 and broken[0] > 0.25, broken


def test_the_words_are_degrees() -> None:
    assert NamedMount("stated", MOUNT).words == "stated: pitch +4.0, roll +0.0, yaw +30.0 deg, height 1.50 m"
