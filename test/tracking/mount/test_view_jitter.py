"""How far frames are found to jump about along their camera's view, and what is made of it."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest
import tracking_support as sim
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate, Rejection
from geoflow_ros.planar import rotated_covariance
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.view_jitter import LEAP_M, USUAL_M, ViewJitter, smeared

SPEED, YAW, SECONDS = 8.0, 0.6, 20.0


def heard(offsets: NDArray[np.float64], view_yaw: float = 0.0, told: tuple[float, float] = (0.2, 0.2)) -> float:
    """What is found of a straight drive whose frames, ten a second, are off by (N, 2) ahead of and left of the view.

    told: the standard deviations (m) that they state there.
    """
    jitter, motions = ViewJitter(), MotionBuffer()
    view = np.array([math.cos(YAW + view_yaw), math.sin(YAW + view_yaw)])
    for tick, (ahead, aside) in enumerate(offsets.tolist()):
        motions.add_velocity(BodyVelocity(tick * 10**8, SPEED, 0.0))
        way = SPEED * tick / 10 * np.array([math.cos(YAW), math.sin(YAW)])
        place = way + ahead * view + aside * np.array([-view[1], view[0]])
        frame = sim.estimate(np.array([*place, YAW]), 0.2, 0.02)
        covariance = frame.covariance.copy()
        covariance[:2, :2] = rotated_covariance(YAW + view_yaw, np.diag(np.square(told)))
        jitter.hear(tick * 10**8, replace(frame, covariance=covariance), view_yaw, motions)
    return jitter.std


@pytest.mark.parametrize("view_yaw", [0.0, -1.5])
def test_a_nod_is_found_along_the_view_whichever_side_that_is(view_yaw: float) -> None:
    times = np.arange(0.0, SECONDS, 0.1)
    nod = np.column_stack([1.2 * np.sin(2 * math.pi * times), np.zeros(len(times))])
    turn = cmath.exp(-0.2j * math.pi)  # of a sine of 1 Hz in 0.1 s
    passed = abs((1 - turn) / (1 - math.exp(-0.1) * turn)) ** 2  # by differences that are forgotten in a second
    assert heard(nod, view_yaw) == pytest.approx(math.sqrt(0.5 * 1.2**2 * passed - USUAL_M**2), rel=0.02)
    assert heard(nod[:, ::-1], view_yaw) == 0.0  # to the side: that is no nod


def test_frames_that_err_as_usual_or_to_all_sides_alike_are_taken_as_they_are() -> None:
    noise = np.random.default_rng(0).normal(0.0, 1.0, (round(10 * SECONDS), 2))
    assert heard(noise * [0.3, 0.1]) == 0.0
    assert heard(noise * 0.7) < 0.1
    slow = np.column_stack([np.linspace(0.0, 4.0, 200), np.zeros(200)])  # of a scale of odometry: 0.2 m in a second
    assert heard(slow) == 0.0


@pytest.mark.parametrize("view_yaw", [0.0, 1.5])
def test_what_frames_state_along_their_view_is_no_nod(view_yaw: float) -> None:
    """As behind a bonnet, where no ground is near; a body that nods there is found nevertheless."""
    rng, nod = np.random.default_rng(0), 1.2 * np.sin(0.2 * math.pi * np.arange(10 * SECONDS))
    far = rng.normal(0.0, 1.0, (len(nod), 2)) * [0.6, 0.1]
    assert heard(far, view_yaw, (0.1, 0.8)) > 0.3
    assert heard(far, view_yaw, (0.8, 0.1)) == 0.0
    dive = np.column_stack([nod, np.zeros(len(nod))])
    assert 0.5 < heard(far + dive, view_yaw, (0.8, 0.1)) < 1.0
    assert heard(0.5 * far + 1.6 * dive, view_yaw, (9.0, 9.0)) > 0.5  # that know nothing of their place


def test_frames_that_fit_another_place_now_and_then_are_left_out() -> None:
    """Though they come back from it by and by, which alone would look like a body that dived there."""
    offsets = np.zeros((round(10 * SECONDS), 2))
    for begin in range(5, len(offsets) - 5, 20):
        offsets[begin : begin + 4, 0] = 3.6, 2.9, 2.3, 0.9
    usual = np.random.default_rng(0).normal(0.0, 0.1, offsets.shape)
    assert heard(usual + offsets) < 0.3
    assert heard(usual + np.where(offsets > LEAP_M, 0.0, offsets)) < 0.3


def test_a_smeared_frame_is_wide_along_its_view_only() -> None:
    frame = sim.estimate(np.array([3.0, 4.0, math.pi / 2]), 0.4, 0.02)
    wide = smeared(frame, 1.0, 0.0)
    assert isinstance(wide, PoseEstimate) and frame.log_likelihood is not None and wide.log_likelihood is not None
    np.testing.assert_allclose(wide.covariance[:2, :2], np.diag([0.16, 1.16]), atol=1e-12)
    off = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, -1.5], [0.4, 0.0], [-0.4, 1.0]])
    poses = np.column_stack([[3.0, 4.0] + off, np.full(len(off), math.pi / 2)])
    best = frame.log_likelihood(poses[:1]) + math.log(0.4 / math.sqrt(1.16))
    expected = best - 0.5 * (off**2 / [0.16, 1.16]).sum(axis=1)
    np.testing.assert_allclose(wide.log_likelihood(poses), expected, atol=0.15)
    assert smeared(frame, 0.0, 0.0) is frame


def test_a_frame_that_is_not_trusted_alone_is_smeared_too() -> None:
    frame = sim.estimate(np.array([3.0, 4.0, math.pi / 2]), 0.4, 0.02)
    doubted = smeared(Rejection("no", withheld=frame), 1.0, math.pi / 2)
    assert isinstance(doubted, Rejection) and doubted.withheld is not None
    np.testing.assert_allclose(doubted.withheld.covariance[:2, :2], np.diag([1.16, 0.16]), atol=1e-12)
    assert smeared(unseen := Rejection("no"), 1.0, 0.0) is unseen
