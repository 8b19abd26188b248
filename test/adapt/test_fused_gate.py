"""Whether new weights may drive: judged by the fused pose, with what chance and the smoother's uncertainty allow."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.adapt.fused_gate import compare, failed_driving
from geoflow_ros.adapt.held_out_drive import Driven, Stretch

COUNT, BLOCKS = 100, 5
ROWS = np.arange(COUNT) * BLOCKS // COUNT


def _stretch(std_m: float = 0.05, blocks: int = BLOCKS) -> Stretch:
    """A straight stretch of 20 m a block, along which the smoother is as uncertain as this."""
    positions = np.column_stack([np.arange(COUNT) * blocks * 20.0 / COUNT, np.zeros(COUNT)])
    covariances = np.tile(std_m**2 * np.eye(2), (COUNT, 1, 1))
    return Stretch(positions, covariances, np.arange(COUNT) * blocks // COUNT, 20.0 * blocks)


def _driven(stretch: Stretch, ahead_m: float | np.ndarray, std_m: float = 0.3, has: slice = slice(None)) -> Driven:
    """Poses so far ahead of the smoother's, LOCALISED, in the frames of `has`."""
    positions = np.full((COUNT, 2), np.nan)
    positions[has] = (stretch.positions + np.column_stack([np.broadcast_to(ahead_m, COUNT), np.zeros(COUNT)]))[has]
    return Driven(positions, np.tile(std_m**2 * np.eye(2), (COUNT, 1, 1)), np.isfinite(positions[:, 0]))


def test_equal_driving_passes_and_is_told() -> None:
    stretch = _stretch()
    fused = compare(stretch, _driven(stretch, 0.2), _driven(stretch, 0.2))
    assert failed_driving(fused) == []
    assert (fused.blocks, fused.compared) == (5, 5)
    assert (fused.rms_before_m, fused.rms_after_m, fused.limit_m) == pytest.approx((0.2, 0.2, 0.2))
    assert fused.after.nees == pytest.approx(0.2**2 / (0.3**2 + 0.05**2))
    assert str(fused).startswith("driven on the held-out 100 m the node is 0.20 m off the smoother's poses")


@pytest.mark.parametrize(("smoother_std_m", "passes"), [(0.1, False), (0.4, True)])
def test_a_shift_is_worse_where_the_smoother_is_sure_of_it(smoother_std_m: float, passes: bool) -> None:
    """0.3 m ahead, then 0.33: squares 0.019 m^2 apart, of which 0.06 m x std are the smoother's: 0.32 m is as much."""
    stretch = _stretch(smoother_std_m)
    fused = compare(stretch, _driven(stretch, 0.3), _driven(stretch, 0.33))
    assert fused.limit_m == pytest.approx(math.sqrt(0.3**2 + 2 * 0.03 * smoother_std_m))
    assert (failed_driving(fused) == []) == passes


def test_worse_here_and_better_there_is_chance_but_worse_throughout_is_not() -> None:
    stretch, old = _stretch(1e-3), np.full(COUNT, 0.3)
    mixed = compare(stretch, _driven(stretch, old), _driven(stretch, np.array([0.1, 0.45, 0.1, 0.45, 0.35])[ROWS]))
    assert mixed.rms_after_m is not None and mixed.rms_after_m > 0.3
    assert failed_driving(mixed) == []
    worse = compare(stretch, _driven(stretch, old), _driven(stretch, np.array([0.4, 0.35, 0.4, 0.45, 0.4])[ROWS]))
    (reason,) = failed_driving(worse)
    assert "fused pose becomes worse on the held-out stretch: 0.40 m (rms), before 0.30" in reason


@pytest.mark.parametrize(("before_m", "limit_m"), [(0.16, 1.15 * 0.16), (0.05, 0.07)])
def test_much_worse_is_refused_though_neither_scatter_nor_the_smoother_rule_out_chance(
    before_m: float, limit_m: float
) -> None:
    """As measured: 0.16 m, then 0.20, where the scatter of ten blocks would have let 0.22 pass."""
    stretch, errors = _stretch(0.5), before_m + np.array([0.04, -0.03, 0.12, 0.03, 0.03])[ROWS]
    fused = compare(stretch, _driven(stretch, before_m), _driven(stretch, errors))
    (reason,) = failed_driving(fused)
    assert fused.limit_m == pytest.approx(limit_m) and "becomes worse" in reason


def test_of_errors_along_a_way_as_large_as_before_most_pass_and_of_those_a_quarter_larger_few() -> None:
    """Errors that correlate over 10 m, half of them common to both, drawn a hundred times."""
    rng, stretch, passed = np.random.default_rng(0), _stretch(0.05, blocks=10), {1.0: 0, 1.25: 0, 1.5: 0}
    for _ in range(100):
        common = _wandering(rng)
        old = stretch.positions + 0.08 * (common + _wandering(rng))
        for ratio in passed:
            new = stretch.positions + ratio * 0.08 * (common + _wandering(rng))
            before, after = (replace(_driven(stretch, 0.0), positions=each) for each in (old, new))
            passed[ratio] += not failed_driving(compare(stretch, before, after))
    assert passed[1.0] >= 70 and passed[1.25] <= 40 and passed[1.5] <= 10, passed


def _wandering(rng: np.random.Generator) -> np.ndarray:
    """(COUNT, 2) of variance 1 that forgets itself over five frames, 10 m."""
    kicks, keep = rng.normal(size=(COUNT, 2)), math.exp(-1 / 5)
    series = kicks.copy()
    for index in range(1, COUNT):
        series[index] = keep * series[index - 1] + math.sqrt(1 - keep**2) * kicks[index]
    return series


def test_weights_that_find_a_lost_vehicle_are_not_compared_with_nothing() -> None:
    stretch = _stretch()
    fused = compare(stretch, _driven(stretch, 0.0, has=slice(0, 10)), _driven(stretch, 0.4))
    assert (fused.compared, fused.limit_m, failed_driving(fused)) == (1, None, [])


def test_weights_that_lose_the_vehicle_are_refused() -> None:
    stretch = _stretch()
    (reason,) = failed_driving(compare(stretch, _driven(stretch, 0.2), _driven(stretch, 0.2, has=slice(0, 80))))
    assert reason == "the node is LOCALISED in 80% of the held-out stretch, before 100%"


def test_one_place_believed_that_is_wrong_is_dishonest() -> None:
    """The blocks' scatter would call it chance."""
    stretch = _stretch()
    wrong = np.where(ROWS == 2, 5.0, 0.2)
    *_, reason = failed_driving(compare(stretch, _driven(stretch, 0.2), _driven(stretch, wrong)))
    assert "less honest" in reason


@pytest.mark.parametrize(
    ("blocks", "has", "told"),
    [(2, slice(None), "on the held-out 40 m it has poses in 2 blocks"), (5, slice(0, 0), "poses in 0 blocks")],
)
def test_too_little_driving_is_not_known(blocks: int, has: slice, told: str) -> None:
    stretch = _stretch(blocks=blocks)
    driven = _driven(stretch, 0.2, has=has)
    (reason,) = failed_driving(compare(stretch, driven, driven))
    assert "not known" in reason and told in reason
