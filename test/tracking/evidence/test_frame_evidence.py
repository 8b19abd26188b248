"""What frames say for and against a belief."""

from __future__ import annotations

import math

import pytest

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
