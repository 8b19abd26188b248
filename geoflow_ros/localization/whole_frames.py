"""Frames asked of a network that goes from images to refined hypotheses in one go: those of a rig all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.encoded_patches import EncodedPatch
from geoflow_ros.localization.estimation import agreed_pose, agreements
from geoflow_ros.localization.hypotheses import GaussianPrior
from geoflow_ros.localization.inputs import cached_lift_grid, searched_headings
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
    # All at once: of a matrix, the call takes longer than the sums.
    roots = np.linalg.cholesky(np.linalg.inv([belief.covariance for _, belief in places]))
    asked = [
        _question(model.config, *each, belief.mean, root, config.hypotheses)
        for each, (_, belief), root in zip(frames, places, roots, strict=True)
    ]
    answers = model.answer(asked, config.schedule.fractions(config.steps))
    beliefs, bandwidth = [belief for _, belief in places], config.bandwidth_m / model.config.search_radius
    agreed = agreements(answers, beliefs, bandwidth)
    return [
        agreed_pose(model, answer.latent, agreement, answer.refined, *place, has_density=True)
        for answer, agreement, place in zip(answers, agreed, places, strict=True)
    ]


def _place(config: ModelConfig, searched: Searched) -> tuple[PatchFrame, GaussianPrior]:
    """Coordinates of the hypotheses of a frame, and what is believed beforehand in them."""
    patch = searched.encoded.patch
    frame = PatchFrame(patch, config.search_radius, searched_headings(searched.prior, patch)[0])
    belief = frame.prior(searched.prior)
    assert isinstance(belief, GaussianPrior)
    return frame, belief


def _question(
    config: ModelConfig,
    frame: CameraFrame,
    searched: Searched,
    mean: NDArray[np.float64],
    root: NDArray[np.float64],
    count: int,
) -> FrameQuestion:
    camera, (rank, jitter) = frame.camera, _drawn(frame.seed, count)
    yaw_offset, yaw_reach = searched_headings(searched.prior, searched.encoded.patch)
    lift = cached_lift_grid(camera.rectified(), config)
    assert lift is not None
    return FrameQuestion(
        image=camera.rectify(frame.image),
        lift=lift,
        satellite=searched.encoded.features,
        yaw_offset=yaw_offset,
        yaw_reach=yaw_reach,
        mean=mean,
        root=root,
        rank=rank,
        jitter=jitter,
    )


@lru_cache(maxsize=16)
def _drawn(seed: int, count: int) -> tuple[float, NDArray[np.float64]]:
    """The random numbers that `draw_posterior` would take, in its order; a drive has one seed for all its frames."""
    rng = np.random.default_rng(seed)
    return rng.random(), rng.uniform(-0.5, 0.5, (count, 3))
