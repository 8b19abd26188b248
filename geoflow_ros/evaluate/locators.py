"""Localising the samples of a dataset with a network."""

from __future__ import annotations

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import search_headings
from geoflow_ros.evaluate.outcome import Locator, Solve
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.inputs import image_tensor
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.uncertain_mount import MountReadings, MountsOf
from geoflow_ros.model.interface import LocalizationModel


def locator_of(model: LocalizationModel, any_heading: bool, mounts: MountsOf | None = None) -> Locator:
    """Localises samples with the prior that they state.

    any_heading: look for the heading all around; the samples' patches must then be of `wide_size_px`. mounts: that a
    camera may have for which this one is stated, by default none but it; with any_heading it is taken as known.
    """

    def locator(sample: Sample) -> Solve:
        if any_heading:
            patch, latent = search_headings(model, sample)
        elif mounts is not None:
            readings = MountReadings.of(model, sample.ground, sample.camera, mounts(sample.camera.mount))
            read = readings.before(model.encode_satellite(image_tensor(sample.patch.image)))
            return lambda config, seed: read.estimate(model, sample.patch, sample.prior, config, seed)
        else:
            patch, latent = sample.patch, encode(model, sample.ground, sample.camera, sample.patch)
        return lambda config, seed: estimate_pose(model, latent, patch, sample.prior, config, seed)

    return locator
