"""Focal lengths that frames contradict: said once they add up, and taken back."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.focal_length_check import FACTORS, FocalLengthCheck


def said(*fits: float, match: float = 0.9) -> list[MountEvidence]:
    """Log likelihoods by factor, of a mount that fits, and worse by 5 of another."""
    return [MountEvidence(fit - worse, match, np.zeros(2)) for fit in fits for worse in (0.0, 5.0)]


def test_frames_that_fit_clearly_better_with_another_one_add_up_and_are_taken_back() -> None:
    check, heard = FocalLengthCheck(), []
    for _ in range(5):
        check.learn(said(0.0, -4.0, 30.0))  # one frame counts no more than 3, less the 0.7 that is expected of it
        heard.append(check.sentence)
    assert [bool(each) for each in heard] == [False, False, False, True, True] and "some 1.4 times" in heard[-1]
    for _ in range(3):
        check.learn(said(0.0, -3.0, -3.0))  # of 11.5 each takes 3.7
    assert check.sentence == ""


@pytest.mark.parametrize("gain", [0.0, 0.6])
def test_what_a_little_more_height_would_explain_as_well_is_never_said(gain: float) -> None:
    check = FocalLengthCheck()
    for _ in range(100):
        check.learn(said(0.0, gain, -gain))
    assert check.sentence == ""


def test_frames_that_fit_nothing_or_are_cut_short_say_nothing() -> None:
    check = FocalLengthCheck()
    for _ in range(20):
        check.learn(said(0.0, 9.0, 0.0, match=0.4))
        check.learn(said(0.0, 9.0))
        check.learn([])
    assert check.sentence == ""


def test_frames_are_asked_every_ten_metres_and_seldom_once_ten_have_fitted() -> None:
    check, motions, asked = FocalLengthCheck(), MotionBuffer(), []
    for tick in range(601):
        motions.add_velocity(BodyVelocity(tick * 10**9, 2.0, 0.0))
        if check.is_due(tick * 10**9, motions):
            asked.append(2 * tick)
            check.learn(said(0.0, *[-2.0] * (len(FACTORS) - 1)))
    assert asked == [*range(10, 101, 10), *range(200, 1201, 100)]


def test_standing_asks_nothing() -> None:
    check, motions = FocalLengthCheck(), MotionBuffer()
    for tick in range(100):
        motions.add_velocity(BodyVelocity(tick * 10**9, 0.0, 0.0))
        assert not check.is_due(tick * 10**9, motions)
