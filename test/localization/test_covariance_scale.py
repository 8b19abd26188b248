"""Which covariances are scaled: worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.localization.estimation import calibrated, position_factors


def test_narrow_ones_are_scaled_and_wide_ones_are_believed() -> None:
    factors = position_factors(0.4, np.array([0.0, 0.25, 1.0, 9.0, 1e6]))
    assert factors == pytest.approx([0.4, 0.4 + 0.6 * 0.2, 0.7, 0.4 + 0.6 * 0.9, 1.0], abs=1e-5)


def test_a_network_that_is_too_sure_is_so_of_all() -> None:
    assert position_factors(2.5, np.array([0.01, 100.0])) == pytest.approx([2.5, 2.5])


def test_position_and_heading_have_a_scale_each_and_stay_as_correlated() -> None:
    covariance = np.array([[1.5, 0.2, 0.05], [0.2, 0.5, -0.03], [0.05, -0.03, 0.04]])
    scaled = calibrated(covariance, 0.4, 0.81)  # a variance of 1 m^2 an axis: half of the way from 0.4 to 1
    assert scaled[:2, :2] == pytest.approx(0.7 * covariance[:2, :2])
    assert scaled[2, 2] == pytest.approx(0.81 * 0.04)
    before, after = (each / np.sqrt(np.outer(np.diag(each), np.diag(each))) for each in (covariance, scaled))
    assert after == pytest.approx(before)
