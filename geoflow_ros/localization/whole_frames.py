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
    questions = [_question(model.config, *each, config.hypotheses) for each in frames]
    answers = model.answer(questions, config.schedule.fractions(config.steps)) if questions else []
    poses = []
    for (_, searched), answer in zip(frames, answers, strict=True):
        frame = PatchFrame(searched.encoded.patch, model.config.search_radius, answer.latent.yaw_offset)
        belief = frame.prior(searched.prior)
        poses.append(agreed_pose(model, answer, frame, belief, config, is_posterior=True))
    return poses


def _question(config: ModelConfig, frame: CameraFrame, searched: Searched, count: int) -> FrameQuestion:
    camera, patch, rng = frame.camera, searched.encoded.patch, np.random.default_rng(frame.seed)
    yaw_offset, yaw_reach = searched_headings(searched.prior, patch)
    belief = PatchFrame(patch, config.search_radius, yaw_offset).prior(searched.prior)
    lift = cached_lift_grid(camera.rectified(), config)
    assert lift is not None and isinstance(belief, GaussianPrior)
    # The random numbers that `draw_posterior` would take, in its order.
    rank, jitter = rng.random(), rng.uniform(-0.5, 0.5, (count, 3))
    return FrameQuestion(
        ground=image_tensor(ground_image(camera.rectify(frame.image), config)),
        lift=lift,
        satellite=searched.encoded.features,
        yaw_offset=yaw_offset,
        yaw_reach=yaw_reach,
        mean=belief.mean,
        root=np.linalg.cholesky(np.linalg.inv(belief.covariance)),
        rank=rank,
        jitter=jitter,
    )
