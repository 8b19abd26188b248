"""The chain solver against a dense inverse."""

from __future__ import annotations

import numpy as np

from geoflow_ros.smoothing.chain import NormalEquations


def test_solution_and_covariances_are_those_of_the_dense_matrix() -> None:
    rng, count, size = np.random.default_rng(3), 5, 2
    equations = NormalEquations.empty(count, size)
    rows, residuals = [], []
    for k in range(count):
        jacobian, residual = rng.normal(size=(2, size)), rng.normal(size=2)
        equations.add_unary(k, jacobian, residual, np.eye(2))
        rows.append(np.concatenate([np.zeros((2, k * size)), jacobian, np.zeros((2, (count - k - 1) * size))], axis=1))
        residuals.append(residual)
    for k in range(count - 1):
        before, after, residual = rng.normal(size=(2, size)), rng.normal(size=(2, size)), rng.normal(size=2)
        equations.add_between(k, before, after, residual, np.eye(2))
        left, right = np.zeros((2, k * size)), np.zeros((2, (count - k - 2) * size))
        rows.append(np.concatenate([left, before, after, right], axis=1))
        residuals.append(residual)
    dense, right_side = np.concatenate(rows), np.concatenate(residuals)
    step, covariances = equations.solve()
    np.testing.assert_allclose(step.ravel(), np.linalg.lstsq(dense, -right_side, rcond=None)[0], atol=1e-9)
    inverse = np.linalg.inv(dense.T @ dense)
    for k in range(count):
        block = slice(k * size, (k + 1) * size)
        np.testing.assert_allclose(covariances[k], inverse[block, block], atol=1e-9)
