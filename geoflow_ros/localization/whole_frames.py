"""Frames asked of a network that goes from images to refined hypotheses in one go: those of a rig all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.encoded_patches import EncodedPatch
from geoflow_ros.localization.estimation import agreed_pose
from geoflow_ros.localization.hypotheses import GaussianPrior
from geoflow_ros.localization.inputs import cached_lift_grid, ground_image, image_tensor, searched_headings
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.model.interface import FrameQuestion, LocalizationModel


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """An RGB image (H, W, 3) as a camera gave it, with the prior of base_link, and the seed of what is drawn."""

    image: NDArray[np.uint8]
    camera: CameraModel
    prior: PosePrior
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """Where a frame is looked for. prior: of the camera."""

    prior: PosePrior
    encoded: EncodedPatch


def answered(
    model: LocalizationModel, frames: Sequence[tuple[CameraFrame, Searched]], config: LocalizerConfig
) -> list[PoseEstimate]:
    """Poses of the cameras, as `encode` and `estimate_pose` find them one by one."""
    assert model.answer is not None
    if not frames:
        return []
    places = [_place(model.config, searched) for _, searched in frames]
    asked = [
        _question(model.config, *each, belief, config.hypotheses)
        for each, (_, belief) in zip(frames, places, strict=True)
    ]
    answers = model.answer(asked, config.schedule.fractions(config.steps))
    return [
        agreed_pose(model, answer, *place, config, is_posterior=True)
        for answer, place in zip(answers, places, strict=True)
    ]


def _place(config: ModelConfig, searched: Searched) -> tuple[PatchFrame, GaussianPrior]:
    """Coordinates of the hypotheses of a frame, and what is believed beforehand in them."""
    patch = searched.encoded.patch
    frame = PatchFrame(patch, config.search_radius, searched_headings(searched.prior, patch)[0])
    belief = frame.prior(searched.prior)
    assert isinstance(belief, GaussianPrior)
    return frame, belief


def _question(
    config: ModelConfig, frame: CameraFrame, searched: Searched, belief: GaussianPrior, count: int
) -> FrameQuestion:
    camera, patch, rng = frame.camera, searched.encoded.patch, np.random.default_rng(frame.seed)
    yaw_offset, yaw_reach = searched_headings(searched.prior, patch)
    lift = cached_lift_grid(camera.rectified(), config)
    assert lift is not None
    # The random numbers that `draw_posterior` would take, in its order.
    rank, jitter = rng.random(), rng.uniform(-0.5, 0.5, (count, 3))
    return FrameQuestion(
        ground=image_tensor(ground_image(camera.rectify(frame.image), config)),
        lift=lift,
        satellite=searched.encoded.features,
        yaw_offset=yaw_offset,
        yaw_reach=yaw_reach,
        mean=belief.mean,
        root=np.asarray(np.linalg.cholesky(belief.precision)),
        rank=rank,
        jitter=jitter,
    )
