"""Localising the samples of a dataset with a network."""

from __future__ import annotations

from dataclasses import replace

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import search_headings
from geoflow_ros.evaluate.outcome import Locator, Solve
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import LocalizerConfig, encode
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.model.interface import LocalizationModel


def locator_of(model: LocalizationModel, heading_in_crop: float, any_heading: bool) -> Locator:
    """Localises samples without a prior: within the patch's search area.

    heading_in_crop: the prior heading counter-clockwise from each patch's +u (rad), for networks that take it as
    known. any_heading: look for the heading all around; the samples' patches must then be of `wide_size_px`.
    """

    def locator(sample: Sample) -> Solve:
        if any_heading:
            patch, latent = search_headings(model, sample.ground, sample.camera, sample.patch)
        else:
            patch, latent = sample.patch, encode(model, sample.ground, sample.camera, sample.patch)

        def solve(config: LocalizerConfig, seed: int) -> PoseEstimate:
            estimate = estimate_pose(model, latent, patch, None, config, seed)
            return replace(estimate, yaw=estimate.yaw + heading_in_crop)

        return solve

    return locator
