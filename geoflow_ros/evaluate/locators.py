"""Localising the samples of a dataset with a network."""

from __future__ import annotations

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import search_headings
from geoflow_ros.evaluate.outcome import Locator, Solve
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.localization.uncertain_mount import read_whatever_pitch
from geoflow_ros.model.interface import LocalizationModel


def locator_of(model: LocalizationModel, any_heading: bool, pitch_sigma: float = 0.0) -> Locator:
    """Localises samples with the prior that they state.

    any_heading: look for the heading all around; the samples' patches must then be of `wide_size_px`. pitch_sigma: how
    well their cameras' pitch is known (rad); with any_heading it is taken as known.
    """

    def locator(sample: Sample) -> Solve:
        if any_heading:
            patch, latent = search_headings(model, sample)
        elif pitch_sigma > 0.0:
            read = read_whatever_pitch(model, sample.ground, sample.camera, sample.patch, pitch_sigma)
            return lambda config, seed: read.estimate(model, sample.patch, sample.prior, config, seed)
        else:
            patch, latent = sample.patch, encode(model, sample.ground, sample.camera, sample.patch)

        def solve(config: LocalizerConfig, seed: int) -> PoseEstimate:
            return estimate_pose(model, latent, patch, sample.prior, config, seed)

        return solve

    return locator
