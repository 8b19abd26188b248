"""A camera that is turned aside while driving, or odometry that turns: what steps, and what becomes of the belief."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.cameras import View
from geoflow_ros.tracking.motion import Motion
from geoflow_ros.tracking.mount.turned_check import TurnedCheck
from geoflow_ros.tracking.track import BeliefConfig

STEP_NS, STEP_M = 100_000_000, 0.8
KNOCK = math.radians(6.0)


def looking(look: Callable[[float], float], metres: int = 60, bend: float = 0.0) -> list[tuple[int, float]]:
    """The metre of each turn that is found, and its step (rad), of a camera that looks so against odometry."""
    check = TurnedCheck()
    found = [(metre, check.hear("front", look(metre), metre, bend * metre)) for metre in range(metres)]
    return [(metre, turn.step) for metre, turn in found if turn]


def test_a_step_is_found_within_a_few_metres_and_once() -> None:
    noise = np.random.default_rng(0).normal(0.0, math.radians(0.5), 60)
    ((metre, step),) = looking(lambda metre: noise[int(metre)] + (KNOCK if metre >= 30 else 0.0))
    assert 30 < metre <= 36 and step == pytest.approx(KNOCK, abs=math.radians(1.0))


@pytest.mark.parametrize("half_turn", [0.0, math.pi])
def test_what_drifts_or_scatters_or_leaps_for_a_moment_is_no_step(half_turn: float) -> None:
    rng = np.random.default_rng(1)
    assert not looking(lambda metre: wrap_angle(half_turn + 0.002 * metre))
    assert not looking(lambda metre: wrap_angle(half_turn + rng.normal(0.0, math.radians(4.0))))
    assert not looking(lambda metre: wrap_angle(half_turn + (0.2 if metre in (30, 31) else 0.0)))


def test_in_a_bend_nothing_is_said() -> None:
    assert not looking(lambda metre: KNOCK if metre >= 30 else 0.0, bend=0.05)


def test_a_camera_that_is_read_otherwise_was_not_turned() -> None:
    check = TurnedCheck()
    for metre in range(60):
        if metre == 30:
            check.read_on("front", KNOCK)
        assert check.hear("front", -KNOCK if metre >= 30 else 0.0, metre, 0.0) is None


def driven(
    cameras: int, seed: int, knock: float, odometry: float = 0.0, after_s: float = 6.0
) -> tuple[Belief, PlanarPose, dict[str, float]]:
    """After 6 s and so many more: belief, truth, and yaws (rad) that were corrected, of the first camera knocked.

    odometry: by how much (rad) that turns at the same moment without the vehicle.
    """
    rng = np.random.default_rng(seed)
    yaws = np.arange(cameras) * math.tau / cameras
    views = [View(f"camera {i}", PlanarPose(math.cos(yaw) / 2, math.sin(yaw) / 2, yaw)) for i, yaw in enumerate(yaws)]
    belief = Belief.of_prior(BeliefConfig(), PosePrior(0.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.001])), 0, rng)
    belief.doubt_yaw({view.camera: math.radians(1.5) for view in views})
    pose, corrected = PlanarPose(), dict.fromkeys([view.camera for view in views], 0.0)
    for step in range(1, 61 + round(10 * after_s)):
        turn = 0.01 * math.sin(step / 15)
        way = PlanarPose(STEP_M * math.cos(turn / 2), STEP_M * math.sin(turn / 2), turn)
        pose = pose @ way
        slip, drift = rng.normal(0.0, (0.01, 0.002)).tolist()
        leap = odometry if step == 60 else 0.0
        belief.advance(
            step * STEP_NS, Motion(PlanarPose(way.x + slip, way.y, way.yaw + drift + leap), STEP_M, abs(turn)), 0.0
        )
        for index, view in enumerate(views):
            off = (knock if index == 0 and step >= 60 else 0.0) - corrected[view.camera]
            error = rng.normal(0.0, (0.4, 0.4, math.radians(0.8))) + (0.0, 0.0, off)
            belief.see(sim.estimate(pose.array() + error, 0.5, math.radians(1.0)), view=view)
            if squint := belief.take_squint(view.camera, math.radians(0.2)):
                corrected[view.camera] += squint[0]
    return belief, pose, corrected


@pytest.mark.parametrize(("cameras", "seed"), [(1, 0), (1, 1), (4, 0), (4, 1)])
def test_the_heading_stays_right_and_the_camera_is_found_turned(cameras: int, seed: int) -> None:
    belief, pose, corrected = driven(cameras, seed, KNOCK)
    mean, covariance = belief.pose()
    off = wrap_angle(mean[2] - pose.yaw)
    assert abs(off) < math.radians(1.5) and abs(off) < 3.0 * math.sqrt(covariance[2, 2])
    assert corrected["camera 0"] == pytest.approx(KNOCK, abs=math.radians(1.5))
    others = [yaw for camera, yaw in corrected.items() if camera != "camera 0"]
    assert all(abs(yaw) < math.radians(1.5) for yaw in others)


@pytest.mark.parametrize("cameras", [1, 4])
def test_where_odometry_turned_the_heading_is_that_of_the_cameras(cameras: int) -> None:
    belief, pose, corrected = driven(cameras, 0, 0.0, odometry=KNOCK)
    mean, covariance = belief.pose()
    off = wrap_angle(mean[2] - pose.yaw)
    assert abs(off) < max(math.radians(1.5), 3.0 * math.sqrt(covariance[2, 2]))
