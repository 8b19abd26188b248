"""Marks are where the poses are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.reports.heatmap import CYAN, GREEN, draw_heatmap, ellipse_axes
from geoflow_ros.satellite.patch import SatellitePatch

SIZE = 500
VIEW_M = 40.0 * 1.1


def drawn(patch_yaw: float, density_at: tuple[int, int], size: int = SIZE) -> np.ndarray:
    """Estimate 10 m east of the patch centre, prior 10 m west; all density in one cell of 40 x 40 of 1 m."""
    patch = SatellitePatch(np.full((320, 320, 3), 100, np.uint8), (500.0, 900.0), 0.25, patch_yaw)
    density = np.zeros((40, 40), np.float32)
    density[density_at] = 1.0
    pose = np.array([[510.0, 900.0, 0.0]])
    covariance = np.diag([0.01, 0.01, 0.01])
    estimate = PoseEstimate(510.0, 900.0, 0.0, covariance, pose, np.ones(1), density, 40.0, patch)
    return draw_heatmap(estimate, PosePrior(490.0, 900.0, math.pi / 2, covariance), size)


def pixel(image: np.ndarray, east: float, north: float) -> tuple[int, ...]:
    """Colour at metres from the patch centre."""
    column, row = SIZE / 2 + east / VIEW_M * SIZE, SIZE / 2 - north / VIEW_M * SIZE
    return tuple(int(value) for value in image[round(row), round(column)])


def test_poses_are_drawn_in_place_with_their_headings() -> None:
    image = drawn(0.0, (20, 20))
    assert pixel(image, 10.0, 0.0) == GREEN
    assert pixel(image, 13.0, 0.0) == GREEN  # heading east
    assert pixel(image, -10.0, 0.0) == CYAN
    assert pixel(image, -10.0, 3.0) == CYAN  # heading north
    assert pixel(image, 10.0, 8.0) == (80, 80, 80)  # imagery, dimmed


def test_density_of_a_turned_patch_is_drawn_north_up() -> None:
    # 10 cells to +u of the centre; +u is north in a patch of yaw 90 degrees
    image = drawn(math.pi / 2, (20, 30))
    brightest = np.unravel_index(image.astype(int).sum(axis=2)[:, 200:300].argmax(), (SIZE, 100))
    east, north = (brightest[1] + 200 - SIZE / 2) * VIEW_M / SIZE, (SIZE / 2 - brightest[0]) * VIEW_M / SIZE
    # the cell spans 10..11 m along +u (north) and 0..1 m along +v (east)
    assert (east, north) == pytest.approx((0.5, 10.5), abs=0.4)


def test_ellipse_holds_ninety_percent() -> None:
    angle = 0.5
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    covariance = turn @ np.diag([9.0, 1.0]) @ turn.T
    major, minor, direction = ellipse_axes(covariance)
    assert (major / minor, math.tan(direction)) == pytest.approx((3.0, math.tan(angle)))
    samples = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000) @ turn
    inside = (samples[:, 0] / major) ** 2 + (samples[:, 1] / minor) ** 2 <= 1
    assert inside.mean() == pytest.approx(0.9, abs=0.01)


def test_letters_of_a_picture_that_is_shown_smaller_can_be_read() -> None:
    """A page shows the node's heatmaps of 720 px at half their size."""
    corners = [drawn(0.0, (20, 20), size)[: size // 3, : size // 3] for size in (360, 720)]
    small, large = (np.ptp(np.nonzero((corner == GREEN).all(axis=-1))[0]) + 1 for corner in corners)
    assert large >= 1.4 * small
