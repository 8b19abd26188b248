"""What frames say for and against a belief."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.tracking.evidence.corrections import Corrections
from geoflow_ros.tracking.evidence.frame_evidence import Seen, match_evidence


def test_the_evidence_of_a_match_grows_with_its_probability_and_is_bounded() -> None:
    assert match_evidence(0.5) == pytest.approx(1.8)
    assert match_evidence(math.exp(2) / (1 + math.exp(2))) == pytest.approx(1.8 + 2 * 0.45)
    assert match_evidence(0.0) == -4.0 and match_evidence(1.0) == 4.0


def test_a_place_that_fits_says_less_than_one_that_does_not() -> None:
    assert Seen(0.0, 9.0, 1.0).evidence == 2.0
    assert Seen(0.5, -9.0, 1.0).evidence == -5.5
    assert Seen(9.0, -9.0, 1.0).objection == "the frame fits another place better"
    assert "match" in Seen(0.0, 1.0, -3.0).objection


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
