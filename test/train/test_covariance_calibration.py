from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_support import Noise, tiny_network

from geoflow_ros.model.weights import load, read, save
from geoflow_ros.train.covariance_calibration import (
    calibrate_checkpoint,
    errors_on,
    spread,
    variance_factor,
)


def test_the_variance_factor_makes_nine_of_ten_fit() -> None:
    nees = np.random.default_rng(0).chisquare(2, 20_000)
    assert variance_factor(nees, 2) == pytest.approx(1.0, abs=0.03)
    assert variance_factor(4 * nees, 2) == pytest.approx(4.0, abs=0.12)


def test_a_calibrated_checkpoint_covers_what_it_was_calibrated_on(tmp_path: Path) -> None:
    save(tiny_network(), tmp_path / "raw", {"step": 7})
    scales = calibrate_checkpoint(tmp_path / "raw", Noise())
    model = load(tmp_path / "raw")
    assert (model.config.position_variance_scale, model.config.yaw_variance_scale) == scales
    assert read(tmp_path / "raw")[0].card == {"step": 7}
    nees = errors_on(model, Noise(), range(6)).nees
    assert np.quantile(nees, 0.9) == pytest.approx(4.605, rel=1e-2)


def test_validation_samples_are_spread_over_the_data() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 100) == [0, 1, 2]
