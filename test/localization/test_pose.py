"""Covariances of stated priors, whatever numbers they hold."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior


@pytest.mark.parametrize("crossed", [(0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("cross", [1e200, -1e308, 1e-200])
def test_huge_and_tiny_covariances_are_one_sentence(crossed: tuple[int, int], cross: float) -> None:
    """Beyond the variances, or those beneath all others: nothing overflows into an error of the program."""
    covariance = np.diag([1e-300, 1e-300, 1e-300])
    covariance[crossed] = covariance[crossed[::-1]] = cross
    with pytest.raises(InputError, match="not positive definite"):
        PosePrior(0.0, 0.0, 0.0, covariance)


@pytest.mark.parametrize("seed", range(20))
def test_definite_is_what_has_positive_eigenvalues(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes: NDArray[np.float64] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    values = np.array([1.0, 0.5, 0.1]) * rng.choice([1.0, -1.0], 3)
    covariance = (axes * values) @ axes.T
    if (values > 0.0).all():
        PosePrior(0.0, 0.0, 0.0, covariance)
    else:
        with pytest.raises(InputError, match="not positive definite"):
            PosePrior(0.0, 0.0, 0.0, covariance)


@pytest.mark.parametrize("directions", [1, 2])
def test_a_singular_covariance_is_one_sentence_whichever_way_it_is_rounded(directions: int) -> None:
    """As of a pose that is known along one line, or in a plane: accepted, poses can be drawn from it."""
    rng, refused = np.random.default_rng(0), 0
    for _ in range(500):
        root = rng.normal(size=(3, directions)) * 10.0 ** rng.uniform(-3.0, 3.0, (3, 1))
        try:
            prior = PosePrior(0.0, 0.0, 0.0, root @ root.T)
        except InputError:
            refused += 1
        else:
            rng.multivariate_normal(np.zeros(3), prior.covariance, method="cholesky")
    assert refused > 250
