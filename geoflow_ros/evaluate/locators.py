"""Localising the samples of a dataset with a network."""

from __future__ import annotations

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import search_headings
from geoflow_ros.evaluate.outcome import Locator, Solve
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.model.interface import LocalizationModel


def locator_of(model: LocalizationModel, any_heading: bool) -> Locator:
    """Localises samples with the prior that they state.

    any_heading: look for the heading all around; the samples' patches must then be of `wide_size_px`.
    """

    def locator(sample: Sample) -> Solve:
        if any_heading:
            patch, latent = search_headings(model, sample)
        else:
            patch, latent = sample.patch, encode(model, sample.ground, sample.camera, sample.patch)

        def solve(config: LocalizerConfig, seed: int) -> PoseEstimate:
            return estimate_pose(model, latent, patch, sample.prior, config, seed)

        return solve

    return locator
