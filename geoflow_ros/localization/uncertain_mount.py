"""A single frame of a camera whose mount is only roughly known: what it says, whatever the mount may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.hypotheses import wrap_yaw
from geoflow_ros.localization.inputs import cached_lift_grid, ground_image, image_tensor, lift_grid
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import MOUNT_GAIN, PoseEstimate, PosePrior, UniformPosePrior
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.model.volume import TABLE_SCALE
from geoflow_ros.satellite.patch import SatellitePatch

PITCHES = np.linspace(-2.5, 2.5, 11)
"""In standard deviations, that are looked through: a frame tells a third of a degree."""
TILTS = np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3) if x**2 + y**2 <= 4])
"""(13, 2) of pitch and roll. More of them, and other heights beside them, say no more of photographs of real places."""


@dataclass(frozen=True, slots=True, eq=False)
class Mounts:
    """(N,) mounts that a camera may have, and the logarithm of how likely each is, up to a constant."""

    mounts: Sequence[Mount]
    log_prior: Tensor


MountsOf = Callable[[Mount], Mounts]
"""The mounts that a camera may have for which one is stated."""


def known_mount(mount: Mount) -> Mounts:
    """The one that is stated."""
    return Mounts([mount], torch.zeros(1))


def unknown_pitch(mount: Mount, sigma: float) -> Mounts:
    """Around the one that is stated, the pitch of which has the standard deviation `sigma` (rad)."""
    mounts = [replace(mount, pitch=mount.pitch + sigma * float(off)) for off in PITCHES]
    return Mounts(mounts, -0.5 * torch.from_numpy(PITCHES).square())


def unknown_tilt(mount: Mount, sigma: float) -> Mounts:
    """Around the one that is stated, pitch and roll of which have the standard deviation `sigma` (rad) each."""
    mounts = [
        replace(mount, pitch=mount.pitch + sigma * float(p), roll=mount.roll + sigma * float(r)) for p, r in TILTS
    ]
    return Mounts(mounts, -0.5 * torch.from_numpy(TILTS).square().sum(1))


@dataclass(frozen=True, slots=True, eq=False)
class MountMixture:
    """A frame read through several mounts: (N,) latents and how likely each is, and what they say together."""

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
        """As `estimate_pose`, with how far the poses of the mounts are apart in the covariance.

        Refined hypotheses of the mixture gather at its peak, where the spread between mounts is lost.
        """
        estimate = estimate_pose(model, self.mixed, patch, prior, config, seed)
        if len(self.latents) == 1:
            return estimate
        each = [estimate_pose(model, latent, patch, prior, config, seed) for latent in self.latents]
        offsets = wrap_yaw(np.array([pose.planar.array() for pose in each]) - estimate.planar.array())
        away = offsets - self.shares @ offsets
        return replace(estimate, covariance=estimate.covariance + (self.shares * away.T) @ away)


@dataclass(frozen=True, slots=True, eq=False)
class MountReadings:
    """What an image shows of the ground through each of several mounts: (N,) feature maps to match with patches."""

    model: LocalizationModel
    grounds: Sequence[Tensor]
    log_prior: Tensor

    @classmethod
    @torch.inference_mode()
    def of(
        cls, model: LocalizationModel, ground: NDArray[np.uint8], camera: CameraModel, known: Mounts
    ) -> MountReadings:
        """Read an image; a network that does not lift knows no mount, and has one reading."""
        image = image_tensor(ground_image(ground, model.config))
        if len(known.mounts) == 1 or (lifter := model.lifter(image)) is None:
            only = replace(camera, mount=known.mounts[0])
            return cls(model, [model.encode_ground(image, cached_lift_grid(only, model.config))], torch.zeros(1))
        lifts = [lift_grid(replace(camera, mount=mount), model.config) for mount in known.mounts]
        return cls(model, [lifter(lift) for lift in lifts if lift is not None], known.log_prior)

    @torch.inference_mode()
    def before(self, patch: Tensor) -> MountMixture:
        """The frame before an encoded patch, whatever the mount is."""
        return mixture(self._latents(patch), self.log_prior)

    @torch.inference_mode()
    def match_log_odds(self, patch: Tensor) -> float:
        """That it shows what the patch does."""
        latents = self._latents(patch)
        logits = torch.cat([_known(each.match_logit) for each in latents])
        return float((_log_shares(latents, self.log_prior) + logits).logsumexp(0))

    def _latents(self, patch: Tensor) -> list[Latent]:
        return [self.model.match(ground, patch) for ground in self.grounds]


def mixture(latents: Sequence[Latent], log_prior: Tensor) -> MountMixture:
    """Of a frame that one of several latents (N,) shows truly, each a priori as likely as `log_prior` says."""
    if len(latents) == 1:
        return MountMixture(latents, np.ones(1), latents[0])
    evidence = torch.cat([_known(each.log_evidence) for each in latents])
    log_shares = _log_shares(latents, log_prior)
    shares, tables = log_shares.exp(), [_known(each.table) for each in latents]
    logits = torch.cat([_known(each.match_logit) for each in latents])
    mixed = replace(
        latents[0],
        log_mass=_mixed([each.volume for each in latents], shares, 1.0),
        table=_mixed(tables, shares, TABLE_SCALE),
        match_logit=(log_shares + logits).logsumexp(0, keepdim=True),
        log_evidence=(evidence + log_prior.float().log_softmax(0)).logsumexp(0, keepdim=True),
    )
    return MountMixture(latents, shares.double().numpy(), mixed)


def _log_shares(latents: Sequence[Latent], log_prior: Tensor) -> Tensor:
    """(N,) how likely each mount is, after the frame."""
    if len(latents) == 1:
        return torch.zeros(1)
    evidence = torch.cat([_known(each.log_evidence) for each in latents])
    return (MOUNT_GAIN * evidence + log_prior.float()).log_softmax(0)


def _mixed(logs: Sequence[Tensor], shares: Tensor, scale: float) -> Tensor:
    """Of logarithms of one more than a mass, times `scale`, that of the mean mass."""
    mass = sum((share * torch.expm1(log / scale) for share, log in zip(shares, logs, strict=True)), torch.zeros(()))
    return scale * torch.log1p(mass)


def _known(part: Tensor | None) -> Tensor:
    assert part is not None, "the latent is of a network without a match volume"
    return part
