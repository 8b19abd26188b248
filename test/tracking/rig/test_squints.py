"""The yaws of a rig's cameras are no surer than they are right, however many there are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.cameras import View
from geoflow_ros.tracking.motion import Motion
from geoflow_ros.tracking.track import BeliefConfig

FRAME_M, FRAME_YAW = 0.5, math.radians(1.0)  # of every frame, one standard deviation
STEP_NS, STEP_M = 100_000_000, 0.8


def driven(cameras: int, seed: int, off: float = 0.0) -> NDArray[np.float64]:
    """Mean and standard deviation (N, 2) of the cameras' yaws (rad) after 12 s of bends; off: of the second camera."""
    rng = np.random.default_rng(seed)
    yaws = np.arange(cameras) * math.tau / cameras
    views = [View(f"camera {i}", PlanarPose(math.cos(yaw) / 2, math.sin(yaw) / 2, yaw)) for i, yaw in enumerate(yaws)]
    belief = Belief.of_prior(BeliefConfig(), PosePrior(0.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.001])), 0, rng)
    belief.doubt_yaw({view.camera: math.radians(1.5) for view in views})
    pose = PlanarPose()
    for step in range(1, 121):
        turn = 0.025 * math.sin(step / 15)
        way = PlanarPose(STEP_M * math.cos(turn / 2), STEP_M * math.sin(turn / 2), turn)
        pose = pose @ way
        slip, drift = rng.normal(0.0, (0.01, 0.002)).tolist()
        told = PlanarPose(way.x + slip, way.y, way.yaw + drift)
        belief.advance(step * STEP_NS, Motion(told, STEP_M, abs(turn)), 0.0)
        for index, view in enumerate(views):
            error = rng.normal(0.0, (FRAME_M, FRAME_M, FRAME_YAW)) + (0.0, 0.0, off if index == 1 else 0.0)
            belief.see(sim.estimate(pose.array() + error, FRAME_M, FRAME_YAW), view=view)
    return np.array([belief._particles.squint_moments(view.camera) for view in views])


@pytest.mark.parametrize("cameras", [2, 4, 6])
def test_yaws_that_are_as_stated_are_not_surely_found_to_be_others(cameras: int) -> None:
    scaled = np.concatenate([mean / std for mean, std in (driven(cameras, seed).T for seed in range(3))])
    assert np.sqrt(np.mean(scaled**2)) < 1.3 and np.abs(scaled).max() < 3.0


def test_one_that_is_two_degrees_off_is_found_in_a_rig() -> None:
    found = driven(4, 0, math.radians(2.0))
    assert found[1, 0] == pytest.approx(math.radians(2.0), abs=math.radians(0.7)) and found[1, 0] > 4.0 * found[1, 1]
    assert (np.abs(np.delete(found[:, 0], 1)) < math.radians(0.8)).all()


def guessed(seed: int) -> NDArray[np.float64]:
    """Mean and standard deviation (N, 2) of the yaws (rad) of four cameras that look as stated, 7 s after a guess.

    The first frames are of a heading 15 degrees off: each is right as far as that was searched.
    """
    rng = np.random.default_rng(seed)
    views = [View(f"camera {i}", PlanarPose(yaw=i * math.pi / 2)) for i in range(4)]
    std = dict.fromkeys([view.camera for view in views], math.radians(1.5))
    belief = Belief.of_frame(
        BeliefConfig(), sim.estimate(np.array([2.0, 1.0, math.radians(15.0)]), 1.5, 0.06), 0, rng, views[0]
    )
    pose, offs = PlanarPose(), [math.radians(off) for off in (15.0, 6.0, 3.5, 1.0)]
    for step in range(1, 71):
        pose = pose @ PlanarPose(STEP_M)
        drift = rng.normal(0.0, 0.002)
        belief.advance(step * STEP_NS, Motion(PlanarPose(STEP_M, 0.0, drift), STEP_M, 0.0), 0.0)
        for index, view in enumerate(views):
            off = offs[index] if step == 1 else 0.0
            error = rng.normal(0.0, (FRAME_M, FRAME_M, FRAME_YAW)) + (0.0, 0.0, off)
            belief.see(sim.estimate(pose.array() + error, FRAME_M, FRAME_YAW), view=view)
        if step * STEP_M >= 10.0:
            belief.confirmed(std)
    assert len(belief._particles.poses) == BeliefConfig().particles  # there were more for a while
    return np.array([belief._particles.squint_moments(view.camera) for view in views])


def test_a_guessed_heading_that_was_wrong_at_first_leaves_no_yaws_behind() -> None:
    scaled = np.concatenate([mean / std for mean, std in (guessed(seed).T for seed in range(4))])
    assert np.sqrt(np.mean(scaled**2)) < 1.3 and np.abs(scaled).max() < 3.0
