"""A frame's Gaussian, against products of Gaussians worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gaussian_volume import gaussian_volume

from geoflow_ros.smoothing.frame_sites import Expected, Mixture, fitted, site_of, without

EXPECTED = Expected(np.array([1.0, 2.0, 0.0]), np.diag([1.0, 1.0, 0.03**2]))


def test_of_a_gaussian_frame_it_is_that_gaussian() -> None:
    volume = gaussian_volume(0, (1.5, 1.0, 0.02), (1.5, 0.05))
    site = site_of(volume, EXPECTED, Mixture(1.0, 0.0, 1.0))
    np.testing.assert_allclose(np.diag(site.information), [1.5**-2, 1.5**-2, 0.05**-2], rtol=0.1)
    mean = EXPECTED.mean + np.linalg.solve(site.information, site.vector)
    np.testing.assert_allclose(mean, [1.5, 1.0, 0.02], atol=0.1)


def test_taking_a_site_out_again_leaves_what_was_expected() -> None:
    site = site_of(gaussian_volume(0, (1.5, 1.0, 0.02), (1.5, 0.05)), EXPECTED, Mixture(1.0, 0.0, 1.0))
    covariance = np.linalg.inv(np.linalg.inv(EXPECTED.covariance) + site.information)
    back = without(Expected(site.mean + covariance @ site.vector, covariance), site)
    assert back is not None
    np.testing.assert_allclose(back.mean, EXPECTED.mean, atol=1e-6)
    np.testing.assert_allclose(back.covariance, EXPECTED.covariance, atol=1e-6)


def test_a_frame_that_fits_elsewhere_says_nothing_but_costs_evidence() -> None:
    site = site_of(gaussian_volume(0, (-15.0, -15.0, 0.0), (0.5, 0.05)), EXPECTED, Mixture(1.0, 0.5, 1.0))
    np.testing.assert_allclose(site.information, 0.0, atol=1e-3)
    assert site.evidence == pytest.approx(math.log(0.5), abs=1e-3) and site.agrees < 1e-3


def test_frames_that_are_too_sure_are_found_to_be() -> None:
    """Their peaks scatter by 1.2 m about what is expected, they claim 0.5 m."""
    rng = np.random.default_rng(0)
    sure = Expected(np.zeros(3), np.diag([0.05, 0.05, 0.01]) ** 2)
    peaks = [(*rng.normal(0.0, 1.2, 2).tolist(), 0.0) for _ in range(40)]
    volumes = [gaussian_volume(i, peak, (0.5, 0.05)) for i, peak in enumerate(peaks)]
    found = fitted(volumes, [sure] * 40, 0.7)
    assert found.temperature >= 4.0 and found.share == 0.7
    honest = [gaussian_volume(i, peak, (1.2, 0.05)) for i, peak in enumerate(peaks)]
    assert fitted(honest, [sure] * 40, 0.7).temperature <= 1.5
