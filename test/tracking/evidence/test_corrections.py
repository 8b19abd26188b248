"""Whether what frames correct is more than was uncertain, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.tracking.evidence.corrections import Corrections


def corrected(moves: list[float], std: float, grows: float = 0.0) -> Corrections:
    """Frames a tenth of a second apart that move a belief east; its variance grows between them."""
    corrections = Corrections()
    covariance = np.diag([std**2, std**2, 0.0])
    for tick, move in enumerate(moves):
        later = covariance + np.diag([grows, grows, 0.0])
        before = np.zeros(3), covariance if tick == 0 else later
        corrections.add(tick * 10**8, before, (np.array([move, 0.0, 0.0]), covariance), 1.0)
    return corrections


def test_moving_the_belief_further_than_it_was_uncertain_is_a_leap() -> None:
    assert corrected([0.0, 0.0, 3.0], 0.2).leap_m == 3.0
    assert corrected([0.0, 0.0, 3.0], 2.0).leap_m == 0.0
    assert corrected([0.3] * 10, 0.2).leap_m == pytest.approx(3.0)  # little by little


def test_errors_that_undo_each_other_are_none() -> None:
    assert corrected([0.5, -0.5] * 5, 0.2).leap_m == 0.0


def test_what_odometry_leaves_uncertain_may_be_corrected() -> None:
    assert corrected([0.3] * 10, 0.2, grows=0.1).leap_m == 0.0


def test_an_old_leap_is_forgotten() -> None:
    assert corrected([3.0] + [0.0] * 10, 0.2).leap_m == 3.0
    assert corrected([3.0] + [0.0] * 11, 0.2).leap_m == 0.0


def moved(*frames: tuple[float, float, float, float], window_s: float = 1.0) -> float:
    """The leap after frames of stamp (s), shift (m) of a belief and its variance before; after it, it is 0.1."""
    corrections = Corrections()
    for seconds, east, north, variance in frames:
        before = np.array([7.0, -3.0, 0.0]), np.diag([variance / 2, variance / 2, 9.0])
        after = np.array([7.0 + east, -3.0 + north, 1.0]), np.diag([0.05, 0.05, 9.0])
        corrections.add(round(seconds * 1e9), before, after, window_s)
    return corrections.leap_m


def test_six_sigmas_are_allowed() -> None:
    # 36 * (0.5 + 2 * 0.1^2) = 18.72
    assert moved((0.0, 3.0, 3.13, 0.5)) == pytest.approx(np.hypot(3.0, 3.13))  # 18.80
    assert moved((0.0, 3.0, 3.11, 0.5)) == 0.0  # 18.67


def test_what_odometry_added_in_between_is_allowed_too() -> None:
    # 36 * (0.1 + (0.35 - 0.1) + 0.02) = 13.32
    assert moved((0.0, 2.0, 0.0, 0.1), (0.1, 1.66, 0.0, 0.35)) == pytest.approx(3.66)  # 13.40
    assert moved((0.0, 2.0, 0.0, 0.1), (0.1, 1.64, 0.0, 0.35)) == 0.0  # 13.25


def test_a_belief_that_grew_surer_in_between_allows_no_less() -> None:
    # 36 * (0.1 + 0 + 0.02) = 4.32
    assert moved((0.0, 1.0, 0.0, 0.1), (0.1, 1.09, 0.0, 0.05)) == pytest.approx(2.09)  # 4.37
    assert moved((0.0, 1.0, 0.0, 0.1), (0.1, 1.07, 0.0, 0.05)) == 0.0  # 4.28


def test_a_leap_says_which_way() -> None:
    assert corrected([0.0, -3.0], 0.2).leap.tolist() == [-3.0, 0.0]
    assert corrected([0.0, -3.0], 2.0).leap.tolist() == [0.0, 0.0]


def test_no_correction_is_no_leap() -> None:
    assert Corrections().leap_m == 0.0
