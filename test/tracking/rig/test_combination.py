"""How frames count together: Gaussians by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.tracking.rig.combination import Frame, joint, observed, part_of, share_of_each

PLACES = np.column_stack([np.linspace(-10.0, 10.0, 401), np.zeros(401), np.zeros(401)])
SURE, NO_MATCH, DEEP = 30.0, -30.0, 18.0


def gaussian(east: float, sigma: float = 1.0, match: float = SURE) -> Frame:
    return Frame(lambda poses: 3.0 - 0.5 * ((poses[:, 0] - east) / sigma) ** 2, match)


def moments(log_likelihood: np.ndarray) -> tuple[float, float]:
    weights = np.exp(log_likelihood - log_likelihood.max())
    mean = float(weights @ PLACES[:, 0] / weights.sum())
    return mean, float(weights @ (PLACES[:, 0] - mean) ** 2 / weights.sum())


@pytest.mark.parametrize(("correlation", "counted"), [(0.0, 4.0), (0.5, 1.6), (1.0, 1.0)])
def test_cameras_count_as_their_errors_are_correlated(correlation: float, counted: float) -> None:
    """n of them as n / (1 + (n - 1) rho) of equal variance 1."""
    assert 4 * share_of_each(4, correlation) == pytest.approx(counted)
    together = joint([gaussian(1.0)] * 4, correlation, DEEP)
    assert moments(together(PLACES)) == pytest.approx((1.0, 1.0 / counted), rel=0.02)


def test_what_two_see_lies_between_them_nearer_to_the_surer_one() -> None:
    """Variances 1 and 4: weights 4 to 1."""
    together = joint([gaussian(0.0), gaussian(2.0, 2.0)], 0.0, DEEP)
    assert moments(together(PLACES)) == pytest.approx((0.4, 0.8), rel=0.02)


def test_a_rig_that_matches_nothing_says_nothing() -> None:
    told = joint([gaussian(1.0, match=NO_MATCH), gaussian(-4.0, 0.5, NO_MATCH)], 0.0, DEEP)(PLACES)
    assert told == pytest.approx(np.zeros(401), abs=1e-6)


def test_a_frame_speaks_no_louder_against_a_place_than_its_depth() -> None:
    """3 nats above knowing nothing at its best place."""
    told = observed(3.0 + np.array([[0.0, -2.0, -50.0]]), [SURE], 1.0, 6.0)
    assert told == pytest.approx([math.log(1 + math.exp(-6)), np.logaddexp(-2, -6), -6.0], abs=1e-6)


def test_cameras_find_together_what_each_alone_finds_elsewhere() -> None:
    """Each is sure of a place of its own (5 nats above) and thinks another one possible, which is the same for both."""
    common = [Frame(lambda poses, own=own: np.logaddexp(5.0 - 50.0 * (poses[:, 0] - own) ** 2,
                                                        -50.0 * poses[:, 0] ** 2), SURE)
              for own in (-6.0, 6.0)]  # fmt: skip
    alone, together = (joint(frames, 0.0, 3.0)(PLACES) for frames in (common[:1], common))
    assert PLACES[np.argmax(alone), 0] == pytest.approx(-6.0)
    middle, side = together[200], together[80]
    assert middle > -1e-2 and middle == together.max() and side < middle


def test_what_cameras_prove_adds_up_and_what_they_deny_is_shared() -> None:
    assert sum(part_of(each, 4) * each for each in (3.0, 2.0, -1.0, -3.0)) == 3.0 + 2.0 - 1.0
