"""What lets new weights pass, and the information of frames whose density is known."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from gaussian_volume import gaussian_volume

from geoflow_ros.adapt.gates import HeldOut, Scores, check_judges, failed_gates, information
from geoflow_ros.errors import InputError

OLD = Scores(30, 2.0, -1.0, 0.2, 0.01, 0.9, 3.0, 1.0, 3.0)
BETTER = replace(OLD, information_bits=5.0, accepted=0.9, mean_error_m=1.0)


def test_better_weights_pass() -> None:
    assert failed_gates(OLD, BETTER) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"information_bits": 2.05}, "does not improve"),
        ({"information_bits": math.nan}, "does not improve"),
        ({"black_bits": 0.5}, "black images"),
        ({"auc": 0.85}, "wrong tiles"),
        ({"wrong_accepted": 0.2}, "wrong tiles"),
        ({"nees": 9.0}, "honest"),
    ],
)
def test_each_gate_says_why(changes: dict[str, float], reason: str) -> None:
    (failed,) = failed_gates(OLD, replace(BETTER, **changes))  # type: ignore[arg-type] # frames is an int
    assert reason in failed


@pytest.mark.parametrize(
    ("count", "elsewhere", "reason"),
    [
        (9, True, "9 frames of the last fifth of the drive, which judges, have imagery, 10 are needed"),
        (0, True, "0 frames"),
        (30, False, "no place of the drive is 100 m from its end"),
    ],
)
def test_judges_that_would_not_know_are_told_before_training(count: int, elsewhere: bool, reason: str) -> None:
    frame = cast(HeldOut, SimpleNamespace(elsewhere=object() if elsewhere else None))
    with pytest.raises(InputError, match=reason):
        check_judges([frame] * count)


def test_enough_judges_one_of_which_knows_another_place_are_taken() -> None:
    frames = [cast(HeldOut, SimpleNamespace(elsewhere=each)) for each in [None] * 9 + [object()]]
    check_judges(frames)


def test_information_of_a_gaussian_at_its_peak() -> None:
    """Density of a Gaussian over that of a uniform cube, both known exactly."""
    std, yaw_std = 2.0, math.radians(4.0)
    volume = gaussian_volume(0, (0.0, 0.0, 0.0), (std, yaw_std))
    sure = np.diag([1e-3, 1e-3, 1e-4]) ** 2
    # Cells: 97 x 97 of 0.5 m, 13 of 2 degrees; the headings beyond 12 degrees are cut off, 0.27 % of them.
    peak = 1.0 / (2 * math.pi * std**2 * math.sqrt(2 * math.pi) * yaw_std)
    uniform = 1.0 / (97 * 97 * 0.25 * 13 * math.radians(2.0))
    assert information(volume, (0.0, 0.0, 0.0), sure) == pytest.approx(math.log2(peak / uniform), abs=0.05)


def test_confidence_in_a_wrong_place_costs_no_more_than_the_floor() -> None:
    volume = gaussian_volume(0, (0.0, 0.0, 0.0), (0.5, 0.05))
    assert information(volume, (15.0, 0.0, 0.0), np.diag([0.1, 0.1, 0.01]) ** 2) == pytest.approx(math.log2(1e-6))
