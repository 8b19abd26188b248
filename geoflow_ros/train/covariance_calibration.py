"""Honest covariances: the predicted ones scaled so that they cover the errors on validation data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.sample import LocalizationDataset
from geoflow_ros.localization.localizer import locate
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.metrics import PoseErrors, chi_square, pose_errors
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.weights import load, read, save

COVERAGE = 0.9
CALIBRATION_SAMPLES = 1000


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` indices below `count`, evenly apart: neighbours show the same place."""
    taken = min(count, wanted)
    return [index * count // taken for index in range(taken)]


def errors_on(model: LocalizationModel, samples: LocalizationDataset, indices: Iterable[int]) -> PoseErrors:
    """Errors of the estimates, with the priors that the samples state."""
    estimates, truths, covariances = [], [], []
    for index in indices:
        sample = samples[index]
        view = sample.ground, sample.camera, sample.patch
        estimate = locate(model, *view, sample.prior, LocalizerConfig(), seed=index)
        estimates.append((estimate.east, estimate.north, estimate.yaw))
        truths.append(sample.truth)
        covariances.append(estimate.covariance)
    return pose_errors(estimates, truths, covariances)


def variance_factor(nees: NDArray[np.float64], dimensions: int) -> float:
    """What to multiply variances by so that COVERAGE of the errors in so many dimensions are within their ellipse."""
    return float(np.quantile(nees, COVERAGE) / chi_square(COVERAGE, dimensions))


def calibrate_checkpoint(path: Path, samples: LocalizationDataset) -> tuple[float, float]:
    """Fit the variance scales of a checkpoint on samples it was not trained on and save it; the scales now in force."""
    model = load(path)
    model.config = dataclasses.replace(model.config, position_variance_scale=1.0, yaw_variance_scale=1.0)
    errors = errors_on(prepare(model), samples, spread(len(samples), CALIBRATION_SAMPLES))
    position, yaw = variance_factor(errors.nees, 2), variance_factor(errors.yaw_nees, 1)
    model.config = dataclasses.replace(model.config, position_variance_scale=position, yaw_variance_scale=yaw)
    save(model, path, read(path)[0].card)
    return position, yaw
