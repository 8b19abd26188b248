"""Velocities added up step by step, against numpy's interpolation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.tracking.motion import HELD_NS, HELD_S, WALKED, sampled, spanning, walked

Floats = NDArray[np.float64]


def table(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """Measurements of three seconds, some of them at one moment."""
    seconds = np.round(np.sort(rng.uniform(0.0, 3.0, rows)), 1)
    return np.column_stack([seconds, rng.normal(0.0, 2.0, (rows, columns))])


def alone(function: object) -> object:
    """As it is where numba is not installed."""
    return getattr(function, "py_func", function)


@pytest.mark.parametrize("rows", [0, 1, 2, 40])
def test_values_between_measurements_are_numpys(rows: int) -> None:
    measured = table(np.random.default_rng(rows), rows, 3)
    seconds = np.sort(np.random.default_rng(1).uniform(-2.0, 5.0, 200))
    values, ages = sampled(measured, seconds)
    expected = np.abs(seconds[:, None] - measured[None, :, 0]).min(axis=1, initial=math.inf)
    np.testing.assert_allclose(ages, expected)
    for column in range(3):
        there = np.interp(seconds, measured[:, 0], measured[:, 1 + column]) if rows else np.zeros(len(seconds))
        np.testing.assert_allclose(values[:, column], np.where(expected <= HELD_S, there, 0.0), atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_way_in_pieces_is_the_whole_way_and_the_same_without_a_compiler(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.uniform(0.5, 2.0, 30))
    waves = np.sin(seconds[:, None] * rng.uniform(0.5, 2.0, 5) + rng.uniform(0.0, 6.0, 5))
    velocities, rates = np.column_stack([seconds, waves[:, :4]]), np.column_stack([seconds - 0.4, waves[:, 4]])
    ends = np.round(np.cumsum(rng.uniform(0.0, 0.4, 6)), 2)
    motions = walked(ends, velocities, rates)
    np.testing.assert_allclose(motions, alone(walked)(ends, velocities, rates), atol=1e-9)  # type: ignore[operator]
    whole = walked(np.linspace(ends[0], ends[-1], 2001), velocities, rates)
    assert motions.shape == (5, WALKED)
    np.testing.assert_allclose(motions[:, 2].sum(), whole[:, 2].sum(), atol=0.03)
    np.testing.assert_allclose(motions[:, 3:].sum(axis=0), whole[:, 3:].sum(axis=0), atol=0.03)


def test_a_circle_is_closed() -> None:
    velocities = np.array([[second, 2.0, 0.0, 1.0, 0.0] for second in np.linspace(0.0, 6.5, 100)])
    x, y, yaw, distance, turned, *unknown_s = walked(np.array([0.0, math.tau]), velocities, np.zeros((0, 2)))[0]
    assert math.hypot(x, y) < 1e-9 and yaw == pytest.approx(math.tau)
    assert distance == pytest.approx(2.0 * math.tau) and turned == pytest.approx(math.tau)
    assert unknown_s == [0.0] * 4


@pytest.mark.parametrize("from_numpy", [False, True])
def test_what_spans_a_time_begins_before_it_and_ends_after_it(from_numpy: bool) -> None:
    spans = alone(spanning) if from_numpy else spanning
    stamps_ns, numbers = np.arange(10, 60, 10), np.arange(10.0).reshape(5, 2)

    def spanned(start_ns: int, end_ns: int) -> list[int]:
        found = spans(stamps_ns, numbers, start_ns, end_ns)  # type: ignore[operator]
        there_ns = np.round(found[:, 0] * 1e9 + start_ns).astype(np.int64)
        np.testing.assert_array_equal(found[:, 1:], numbers[np.isin(stamps_ns, there_ns)])
        return there_ns.tolist()

    assert spanned(25, 35) == [20, 30, 40] and spanned(20, 40) == [20, 30, 40] and spanned(31, 32) == [30, 40]
    assert spanned(0, 5) == [10] and spanned(60, 70) == [50]
    far = 50 + HELD_NS
    assert spanned(far, far + 1) == [50] and spanned(far + 1, far + 2) == []
    assert spanned(10 - HELD_NS, 10 - HELD_NS) == [10] and spanned(9 - HELD_NS, 9 - HELD_NS) == []
    still_ns = np.full(4, 30)
    for few, start_ns, end_ns in ((stamps_ns[:0], 1, 2), (still_ns, 30, 30), (still_ns, far, far + 1)):
        assert len(spans(few, numbers[: len(few)], start_ns, end_ns)) == 0  # type: ignore[operator]
