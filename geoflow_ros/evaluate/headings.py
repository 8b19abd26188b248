"""Localising when the heading is unknown: the search area is seen from all sides, the side that fits best is kept."""

from __future__ import annotations

import math

import torch

from geoflow_ros.datasets.crop import crop
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch


def wide_size_px(size_px: int) -> int:
    """Side of the patch from which one of `size_px` can be cut at any heading without missing corners."""
    return math.ceil(size_px * math.sqrt(2.0))


def headings(searched_deg: float, prior_range: float) -> list[float]:
    """Turns of the patch (rad) that look at all headings within `prior_range` (rad) to each side.

    searched_deg: how far to either side of each turn the network looks.
    """
    count, seen = math.ceil(180.0 / searched_deg), math.radians(searched_deg)
    turns = [wrap_angle(2 * math.pi * turn / count) for turn in range(count)]
    return [turn for turn in turns if abs(turn) < prior_range + seen]


def turned(wide: SatellitePatch, turn: float, size_px: int) -> SatellitePatch:
    """The middle of a patch, turned counter-clockwise by `turn` (rad); at least as much is missing as of the whole."""
    middle = wide.size_px / 2
    image, missing = crop(wide.image, (middle, middle), turn, size_px, 1.0)
    return SatellitePatch(image, wide.center, wide.resolution, wide.yaw + turn, max(missing, wide.missing))


@torch.inference_mode()
def search_headings(model: LocalizationModel, sample: Sample) -> tuple[SatellitePatch, Latent]:
    """The turn of the sample's patch within which its frame most likely was taken, and the latent of both.

    That is the turn with the most evidence of a match. model: one that searches headings and tells how well frame
    and patch match (`default`). The patch is one of `wide_size_px`, its +u along the prior's heading.
    """
    config = model.config
    seen = model.encode_ground(image_tensor(ground_image(sample.ground, config)), lift_grid(sample.camera, config))
    turns = headings(config.yaw_range_deg, sample.prior.yaw_range)
    patches = (turned(sample.patch, turn, config.satellite_px) for turn in turns)
    matches = ((patch, model.match(seen, model.encode_satellite(image_tensor(patch.image)))) for patch in patches)
    return max(matches, key=lambda match: _evidence(match[1]))


def _evidence(latent: Latent) -> float:
    assert latent.match_logit is not None, "the network cannot tell how well frame and patch match"
    return float(latent.match_logit[0])
