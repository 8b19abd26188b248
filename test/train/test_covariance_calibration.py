from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_support import Noise, tiny_network

from geoflow_ros.localization.estimation import position_factors
from geoflow_ros.model.weights import load, read, save
from geoflow_ros.train.covariance_calibration import (
    LEAST_SCALE,
    calibrate_checkpoint,
    errors_on,
    position_scale,
    spread,
    variance_factor,
)


def test_the_variance_factor_makes_nine_of_ten_fit() -> None:
    nees = np.random.default_rng(0).chisquare(2, 20_000)
    assert variance_factor(nees, 2) == pytest.approx(1.0, abs=0.03)
    assert variance_factor(4 * nees, 2) == pytest.approx(4.0, abs=0.12)


def test_the_scale_of_narrow_positions_is_found_beside_wide_ones_that_are_as_wide_as_they_say() -> None:
    rng = np.random.default_rng(1)
    variances = rng.choice([0.04, 0.5, 25.0], 30_000)
    honest = rng.chisquare(2, 30_000)
    told = position_factors(0.4, variances) * honest  # errors of variances that are so much smaller than predicted
    assert position_scale(told, variances) == pytest.approx(0.4, abs=0.02)
    assert position_scale(3.0 * honest, variances) == pytest.approx(3.0, abs=0.1)
    assert position_scale(np.zeros(10), np.full(10, 0.1)) == LEAST_SCALE


def test_a_calibrated_checkpoint_covers_what_it_was_calibrated_on(tmp_path: Path) -> None:
    save(tiny_network(), tmp_path / "raw", {"step": 7})
    scales = calibrate_checkpoint(tmp_path / "raw", Noise())
    model = load(tmp_path / "raw")
    assert (model.config.position_variance_scale, model.config.yaw_variance_scale) == scales
    assert read(tmp_path / "raw")[0].card == {"step": 7}
    errors = errors_on(model, Noise(), range(6))
    assert np.quantile(errors.nees, 0.9) <= 4.605 * 1.01  # untrained: some are wide, and stay as wide as they say
    assert np.quantile(errors.yaw_nees, 0.9) == pytest.approx(2.706, rel=1e-2)


def test_validation_samples_are_spread_over_the_data() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 100) == [0, 1, 2]
