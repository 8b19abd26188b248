"""What a heatmap shows of a rig: all cameras that see the place now, each moved to the newest one's moment."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.rig.joint_view import CELLS, RigFrames
from geoflow_ros.tracking.track import BeliefConfig

INDEPENDENT = BeliefConfig(camera_correlation=0.0, outlier_depth=18.0)
SPEED, LATE_NS = 8.0, 50_000_000
PRIOR = PosePrior(0.0, 0.0, 0.0, np.diag([100.0, 100.0, 0.01]))


def seen(east: float, north: float, sigma: float = 1.0) -> PoseEstimate:
    return sim.estimate(np.array([east, north, 0.0]), sigma, 0.05)


def eastward() -> MotionBuffer:
    motions = MotionBuffer()
    for index in range(60):
        motions.add_velocity(BodyVelocity(index * 50_000_000, SPEED, 0.0))
    return motions


def test_two_cameras_agree_where_the_vehicle_is_now() -> None:
    """The left camera saw the vehicle 0.4 m further back, 50 ms ago, that is where the front camera sees it now."""
    frames = RigFrames()
    frames.add("left", 10**9 - LATE_NS, seen(0.6, -1.0))
    frames.add("front", 10**9, seen(-1.0, 1.0))
    view = frames.together(eastward(), INDEPENDENT)
    assert view is not None
    shown = view.estimate(PRIOR)
    assert (shown.east, shown.north) == pytest.approx(((1.0 - 1.0) / 2.01, 0.0), abs=0.03)
    # two of variance 1 and a prior of 100; the cells' own width added
    cell = shown.density_size_m / CELLS
    assert shown.covariance[0, 0] == pytest.approx(1 / 2.01 + cell**2 / 12, rel=0.05)
    assert shown.density.shape == (CELLS, CELLS) and shown.density.sum() == pytest.approx(1.0, abs=1e-5)
    row, column = np.unravel_index(np.argmax(shown.density), shown.density.shape)
    assert abs(row - (CELLS - 1) / 2) <= 1 and abs(column - (CELLS - 1) / 2) <= 1


@pytest.mark.parametrize("before_ns", [400_000_000, 1_500_000_000])
def test_what_was_seen_elsewhere_is_not_of_this_view(before_ns: int) -> None:
    """3.2 m, or 1.5 s, before."""
    frames = RigFrames()
    frames.add("left", 2 * 10**9 - before_ns, seen(0.0, 0.0))
    frames.add("front", 2 * 10**9, seen(0.0, 0.0))
    assert frames.together(eastward(), INDEPENDENT) is None


def test_of_one_camera_there_is_only_its_newest_frame() -> None:
    frames = RigFrames()
    for index in range(3):
        frames.add("front", index, seen(float(index), 0.0))
    assert frames.together(MotionBuffer(), INDEPENDENT) is None
    frames.add("left", 3, seen(2.0, 0.0))
    view = frames.together(MotionBuffer(), INDEPENDENT)
    assert view is not None and [each.east for each, _ in view.frames] == [2.0, 2.0]


def test_headings_about_south_west_are_no_two_headings() -> None:
    """Just beside the half turn, on either side."""
    frames = RigFrames()
    for name, yaw in (("left", math.pi - 0.02), ("front", -math.pi + 0.02)):
        frames.add(name, 0, sim.estimate(np.array([1.0, 2.0, yaw]), 1.0, 0.1))
    view = frames.together(MotionBuffer(), INDEPENDENT)
    assert view is not None
    shown = view.estimate(PosePrior(0.0, 0.0, math.pi, np.diag([100.0, 100.0, 0.01])))
    assert (shown.east, shown.north) == pytest.approx((2.0 / 2.01, 4.0 / 2.01), abs=0.05)
