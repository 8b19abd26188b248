"""How well a frame fits the imagery when it is read through a mount."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import expit, logsumexp

from geoflow_ros.localization.hypotheses import Prior, wrap_yaw
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.localization.pose import MountEvidence, PosePrior
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.planar import rotate


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
