"""How far odometry may have led astray since the last frame, by hand."""

from __future__ import annotations

import pytest

from geoflow_ros.tracking.evidence.slip import Slip


def slip(*frames: tuple[float, float]) -> list[float]:
    """Metres after frames of stamp (s) and speed (m/s) by which odometry is off; it halves in two seconds."""
    followed = Slip()
    return [followed.since_last(round(seconds * 1e9), speed, 2.0) for seconds, speed in frames]


def test_where_frames_agree_with_odometry_there_is_none() -> None:
    assert slip((0.0, 0.0), (0.1, 0.0), (0.2, 0.0)) == [0.0, 0.0, 0.0]


def test_it_is_as_fast_as_the_belief_was_moved_and_halves_in_two_seconds() -> None:
    # Twice 3 m in a second, for a tenth of one; then for two seconds at half of that.
    assert slip((0.0, 0.0), (0.1, 3.0), (2.1, 0.0)) == pytest.approx([0.0, 0.6, 6.0])


def test_another_leap_renews_it_and_a_smaller_one_does_not() -> None:
    *_, smaller, larger = slip((0.0, 0.0), (1.0, 4.0), (2.0, 1.0), (3.0, 5.0))
    assert smaller == pytest.approx(2.0 * 4.0 * 0.5**0.5)
    assert larger == pytest.approx(10.0)


def test_it_ends() -> None:
    assert slip((0.0, 0.0), (0.1, 3.0), *((0.1 + 0.5 * tick, 0.0) for tick in range(1, 40)))[-1] == 0.0


def test_late_frames_add_nothing_and_long_gaps_little() -> None:
    assert slip((1.0, 0.0), (1.5, 3.0), (1.2, 3.0), (99.5, 0.0)) == pytest.approx([0.0, 3.0, 0.0, 6.0])
