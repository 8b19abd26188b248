"""A single frame of a camera whose pitch is only roughly known: what it says, whatever the pitch may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.localization.localizer import encode
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.model.volume import TABLE_SCALE
from geoflow_ros.satellite.patch import SatellitePatch

SIGMAS = np.linspace(-2.5, 2.5, 11)
"""Of the pitch, that are looked through: a frame tells a third of a degree."""


@torch.inference_mode()
def encode_whatever_pitch(
    model: LocalizationModel, ground: NDArray[np.uint8], camera: CameraModel, patch: SatellitePatch, sigma: float
) -> Latent:
    """As `encode`, of a camera whose pitch has the standard deviation `sigma` (rad): averaged over what it may be."""
    lifter = model.lifter(image_tensor(ground_image(ground, model.config)))
    if lifter is None:
        return encode(model, ground, camera, patch)
    known = model.encode_satellite(image_tensor(patch.image))
    latents = []
    for pitch in camera.mount.pitch + sigma * SIGMAS:
        lift = lift_grid(replace(camera, mount=replace(camera.mount, pitch=float(pitch))), model.config)
        assert lift is not None
        latents.append(model.match(lifter(lift), known))
    return mixture(latents, -0.5 * torch.from_numpy(SIGMAS).square())


def mixture(latents: Sequence[Latent], log_prior: Tensor) -> Latent:
    """The latent of a frame that one of several (N,) shows truly, each a priori as likely as `log_prior` says."""
    evidence = torch.stack([_known(each.log_evidence) for each in latents]).flatten() + log_prior.float()
    shares = evidence.softmax(0)
    tables = [_known(each.table) for each in latents]
    levels = zip(*(each.log_mass for each in latents), strict=True)
    logits = torch.stack([_known(each.match_logit) for each in latents]).flatten()
    return replace(
        latents[0],
        log_mass=tuple(_mixed(level, shares, 1.0) for level in levels),
        table=_mixed(tables, shares, TABLE_SCALE),
        match_logit=(shares.log() + logits).logsumexp(0, keepdim=True),
        log_evidence=(evidence - log_prior.float().logsumexp(0)).logsumexp(0, keepdim=True),
    )


def _mixed(logs: Sequence[Tensor], shares: Tensor, scale: float) -> Tensor:
    """Of logarithms of one more than a mass, times `scale`, that of the mean mass."""
    mass = sum((share * torch.expm1(log / scale) for share, log in zip(shares, logs, strict=True)), torch.zeros(()))
    return scale * torch.log1p(mass)


def _known(part: Tensor | None) -> Tensor:
    assert part is not None, "the latent is of a network without a match volume"
    return part
