"""Honest covariances: the predicted ones scaled so that they cover the errors on validation data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from geoflow_ros.datasets.sample import LocalizationDataset
from geoflow_ros.localization.estimation import position_factors
from geoflow_ros.localization.localizer import locate
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.metrics import PoseErrors, chi_square, pose_errors
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.weights import load, read, save

Floats = NDArray[np.float64]
COVERAGE = 0.9
LEAST_SCALE = 1e-3
CALIBRATION_SAMPLES = 1000


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` indices below `count`, evenly apart: neighbours show the same place."""
    taken = min(count, wanted)
    return [index * count // taken for index in range(taken)]


def errors_on(model: LocalizationModel, samples: LocalizationDataset, indices: Iterable[int]) -> PoseErrors:
    """Errors of the estimates, with the priors that the samples state."""
    return _estimated(model, samples, indices)[0]


def _estimated(
    model: LocalizationModel, samples: LocalizationDataset, indices: Iterable[int]
) -> tuple[PoseErrors, Floats]:
    """Errors of the estimates, and their covariances (N, 3, 3)."""
    estimates, truths, covariances = [], [], []
    for index in indices:
        sample = samples[index]
        view = sample.ground, sample.camera, sample.patch
        estimate = locate(model, *view, sample.prior, LocalizerConfig(), seed=index)
        estimates.append((estimate.east, estimate.north, estimate.yaw))
        truths.append(sample.truth)
        covariances.append(estimate.covariance)
    return pose_errors(estimates, truths, covariances), np.array(covariances)


def variance_factor(nees: Floats, dimensions: int) -> float:
    """What to multiply variances by so that COVERAGE of the errors in so many dimensions are within their ellipse."""
    return float(np.quantile(nees, COVERAGE) / chi_square(COVERAGE, dimensions))


def position_scale(nees: Floats, variances: Floats) -> float:
    """The scale of `position_factors` by which COVERAGE of the errors are within their ellipse.

    nees: (N,) of the position, as predicted; variances: (N,) predicted, m^2 an axis.
    """

    def left(log_scale: float) -> float:
        return variance_factor(nees / position_factors(math.exp(log_scale), variances), 2) - 1.0

    if left(0.0) >= 0.0:
        return variance_factor(nees, 2)
    least = math.log(LEAST_SCALE)
    return LEAST_SCALE if left(least) <= 0.0 else math.exp(brentq(left, least, 0.0))


def calibrate_checkpoint(path: Path, samples: LocalizationDataset) -> tuple[float, float]:
    """Fit the variance scales of a checkpoint on samples it was not trained on and save it; the scales now in force."""
    model = load(path)
    model.config = dataclasses.replace(model.config, position_variance_scale=1.0, yaw_variance_scale=1.0)
    errors, covariances = _estimated(prepare(model), samples, spread(len(samples), CALIBRATION_SAMPLES))
    position = position_scale(errors.nees, covariances[:, :2, :2].trace(axis1=1, axis2=2) / 2)
    yaw = variance_factor(errors.yaw_nees, 1)
    model.config = dataclasses.replace(model.config, position_variance_scale=position, yaw_variance_scale=yaw)
    save(model, path, read(path)[0].card)
    return position, yaw
