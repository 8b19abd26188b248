"""A single frame of a camera whose pitch is only roughly known: what it says, whatever the pitch may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.hypotheses import wrap_yaw
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import MOUNT_GAIN, PoseEstimate, PosePrior, UniformPosePrior
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.model.volume import TABLE_SCALE
from geoflow_ros.satellite.patch import SatellitePatch

SIGMAS = np.linspace(-2.5, 2.5, 11)
"""Of the pitch, that are looked through: a frame tells a third of a degree."""


@dataclass(frozen=True, slots=True, eq=False)
class PitchMixture:
    """A frame read through several pitches: (N,) latents and how likely each is, and what they say together."""

    latents: Sequence[Latent]
    shares: NDArray[np.float64]
    mixed: Latent

    def estimate(
        self,
        model: LocalizationModel,
        patch: SatellitePatch,
        prior: PosePrior | UniformPosePrior,
        config: LocalizerConfig,
        seed: int,
    ) -> PoseEstimate:
        """As `estimate_pose`, with how far the poses of the pitches are apart in the covariance.

        Refined hypotheses of the mixture gather at its peak, where the spread between pitches is lost.
        """
        estimate = estimate_pose(model, self.mixed, patch, prior, config, seed)
        each = [estimate_pose(model, latent, patch, prior, config, seed) for latent in self.latents]
        offsets = wrap_yaw(np.array([pose.planar.array() for pose in each]) - estimate.planar.array())
        away = offsets - self.shares @ offsets
        return replace(estimate, covariance=estimate.covariance + (self.shares * away.T) @ away)


@torch.inference_mode()
def read_whatever_pitch(
    model: LocalizationModel, ground: NDArray[np.uint8], camera: CameraModel, patch: SatellitePatch, sigma: float
) -> PitchMixture:
    """What the network keeps of a frame of a camera whose pitch has the standard deviation `sigma` (rad)."""
    lifter = model.lifter(image_tensor(ground_image(ground, model.config)))
    if lifter is None:
        latent = encode(model, ground, camera, patch)
        return PitchMixture([latent], np.ones(1), latent)
    known = model.encode_satellite(image_tensor(patch.image))
    latents = []
    for pitch in camera.mount.pitch + sigma * SIGMAS:
        lift = lift_grid(replace(camera, mount=replace(camera.mount, pitch=float(pitch))), model.config)
        assert lift is not None
        latents.append(model.match(lifter(lift), known))
    return mixture(latents, -0.5 * torch.from_numpy(SIGMAS).square())


def mixture(latents: Sequence[Latent], log_prior: Tensor) -> PitchMixture:
    """Of a frame that one of several latents (N,) shows truly, each a priori as likely as `log_prior` says."""
    evidence = torch.stack([_known(each.log_evidence) for each in latents]).flatten()
    shares = (MOUNT_GAIN * evidence + log_prior.float()).softmax(0)
    tables = [_known(each.table) for each in latents]
    levels = zip(*(each.log_mass for each in latents), strict=True)
    logits = torch.stack([_known(each.match_logit) for each in latents]).flatten()
    mixed = replace(
        latents[0],
        log_mass=tuple(_mixed(level, shares, 1.0) for level in levels),
        table=_mixed(tables, shares, TABLE_SCALE),
        match_logit=(shares.log() + logits).logsumexp(0, keepdim=True),
        log_evidence=(evidence + log_prior.float().log_softmax(0)).logsumexp(0, keepdim=True),
    )
    return PitchMixture(latents, shares.double().numpy(), mixed)


def _mixed(logs: Sequence[Tensor], shares: Tensor, scale: float) -> Tensor:
    """Of logarithms of one more than a mass, times `scale`, that of the mean mass."""
    mass = sum((share * torch.expm1(log / scale) for share, log in zip(shares, logs, strict=True)), torch.zeros(()))
    return scale * torch.log1p(mass)


def _known(part: Tensor | None) -> Tensor:
    assert part is not None, "the latent is of a network without a match volume"
    return part
