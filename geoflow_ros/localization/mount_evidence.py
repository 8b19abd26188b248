"""What a frame says of how its camera is mounted: how well it fits the imagery when it is read through a mount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from geoflow_ros.localization.hypotheses import Prior, wrap_yaw
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.planar import rotate


@dataclass(frozen=True, slots=True, eq=False)
class MountEvidence:
    """A frame read through a mount.

    log_likelihood: of the frame, averaged over the prior of the pose, up to a constant that is the same for all mounts.
    match: probability that the frame was taken within the patch. place: (2,) where the camera most likely is, forward
    and left (m) of the prior's mean.
    """

    log_likelihood: float
    match: float
    place: NDArray[np.float64]


@torch.inference_mode()
def mount_evidence(
    model: LocalizationModel, latent: Latent, frame: PatchFrame, prior: PosePrior
) -> MountEvidence | None:
    """What the latent of a mount says; None from a network that has no density. prior: of the camera."""
    grid = model.pose_grid(latent)
    if grid is None or latent.log_evidence is None or latent.match_logit is None:
        return None
    belief: Prior = frame.prior(prior)
    joint = belief.log_density_on(grid) + grid.log_probability
    total = float(logsumexp(joint))
    share = np.exp(joint - total)
    x, y = float((share.sum((0, 1)) * grid.x).sum()), float((share.sum((0, 2)) * grid.y).sum())
    east, north, _ = frame.to_enu(wrap_yaw(np.array([[x, y, 0.0]])))[0]
    place = rotate(-prior.yaw, np.array([east - prior.east, north - prior.north]))
    return MountEvidence(total + float(latent.log_evidence[0]), float(expit(float(latent.match_logit[0]))), place)
