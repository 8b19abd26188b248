"""The quadratic that a handful of probes tell."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.tracking.mount.probing import RADII, Quadratic, fitted, near, probes

ALL = np.array([True, True, True])
CURVATURE = np.array([[3.0, 0.5, -0.4], [0.5, 5.0, 1.0], [-0.4, 1.0, 2.0]]) / np.outer(RADII, RADII)
OPTIMUM = np.array([0.3, -0.2, 0.4]) * RADII


def log_likelihood(offsets: np.ndarray) -> np.ndarray:
    away = offsets - OPTIMUM
    return np.asarray(7.0 - 0.5 * np.einsum("ni,ij,nj->n", away, CURVATURE, away))


def test_a_quadratic_comes_back_with_its_mixed_terms() -> None:
    for reach in (1.0, 2.0):
        offsets = probes(ALL, reach)
        assert len(offsets) == 10
        fit = fitted(ALL, reach, log_likelihood(offsets))
        np.testing.assert_allclose(fit.curvature, CURVATURE, rtol=1e-9)
        np.testing.assert_allclose(np.linalg.solve(fit.curvature, fit.gradient), OPTIMUM, rtol=1e-9)


def test_a_frame_that_nods_says_less_and_says_it_of_the_same_place() -> None:
    fit = Quadratic(np.array([1.0, 2.0, 0.0]), np.diag([2.0, 4.0, 1.0]))
    blurred = fit.blurred(np.array([0.0, 0.5, 0.0]))
    assert blurred is not None
    np.testing.assert_allclose(blurred.curvature, np.diag([2.0, 2.0, 1.0]))  # 1 / (1 / 4 + 0.5^2)
    np.testing.assert_allclose(blurred.gradient, [1.0, 1.0, 0.0])
    valley = Quadratic(np.zeros(3), np.diag([1.0, -8.0, 1.0]))
    assert valley.blurred(np.array([0.0, 0.5, 0.0])) is None
    together = Quadratic(np.array([0.3, -0.2, 0.4]), CURVATURE).blurred(0.3 * RADII)
    assert together is not None
    expected = np.linalg.inv(np.linalg.inv(CURVATURE) + np.diag(0.3 * RADII) ** 2)
    np.testing.assert_allclose(together.curvature, expected)


@pytest.mark.parametrize("index", range(1, 10))
@pytest.mark.parametrize("reach", [1.0, 3.0])
def test_a_frame_that_fits_at_a_probe_says_nothing_across_the_way_there(index: int, reach: float) -> None:
    offset = probes(ALL, reach)[index]
    fit = near(offset)
    np.testing.assert_allclose(offset @ fit.curvature @ offset, 1.0)  # as far as it is, give or take as much
    np.testing.assert_allclose(fit.gradient @ offset, 1.0)
    values = np.linalg.eigvalsh(fit.curvature * np.outer(RADII, RADII))
    np.testing.assert_allclose(values[:2], 0.0, atol=1e-12)


def test_a_state_that_is_known_is_not_probed() -> None:
    free = np.array([False, True, True])
    offsets = probes(free, 1.0)
    assert len(offsets) == 6 and not offsets[:, 0].any()
    fit = fitted(free, 1.0, log_likelihood(offsets))
    np.testing.assert_allclose(fit.curvature[1:, 1:], CURVATURE[1:, 1:], rtol=1e-9)
    assert not fit.curvature[0].any() and fit.gradient[0] == 0.0


def test_a_likelihood_may_curve_the_other_way() -> None:
    only_pitch = np.array([False, True, False])
    fit = fitted(only_pitch, 1.0, np.array([0.0, 3.0, 1.0]))  # a valley: 2 x 0 - 3 - 1
    np.testing.assert_allclose(fit.curvature[1, 1], -4.0 / RADII[1] ** 2)
    np.testing.assert_allclose(fit.gradient[1], 1.0 / RADII[1])
