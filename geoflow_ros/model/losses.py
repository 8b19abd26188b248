"""What the flow is trained with; all losses are per hypothesis, `flow_loss` is their mean."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from geoflow_ros.model.flow import wrap
from geoflow_ros.model.interface import Flow

DISTANCE_FLOOR = 1e-6  # of the search radius: added before the logarithm, and below it there is no direction


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Unsigned angle (...) in [0, pi] of vectors (..., 2), neither of them zero.

    By atan2 of cross and dot product: the gradient stays finite where that of acos does not, at 0 and pi.
    """
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return torch.atan2(cross.abs(), (a * b).sum(-1))


def direction_loss(direction: Tensor, kappa: Tensor, truth: Tensor) -> Tensor:
    """Negative log-likelihood (...) of unit vectors `truth` (..., 2) under the angular von Mises-Fisher density.

    -log(k^2 + 1) + k * angle + log(1 + exp(-k pi)) (Bae et al., ICCV 2021, equation 11).
    """
    return F.softplus(-math.pi * kappa) + kappa * angle_between(direction, truth) - torch.log1p(kappa.square())


def distance_loss(log_distance: Tensor, variance: Tensor, distance: Tensor) -> Tensor:
    """Gaussian negative log-likelihood (...) of the logarithm of `distance`, up to a constant."""
    return gaussian_loss(torch.log(distance + DISTANCE_FLOOR) - log_distance, variance)


def gaussian_loss(residual: Tensor, variance: Tensor) -> Tensor:
    """Negative log-likelihood (...) of a residual under a zero-mean Gaussian, up to a constant."""
    return 0.5 * (torch.log(variance) + residual.square() / variance)


def heading_loss(residual: Tensor) -> Tensor:
    """1 - cos (...) of a heading error: for heads that give no variance."""
    return 1.0 - torch.cos(residual)


def flow_loss(flow: Flow, hypotheses: Tensor, truth: Tensor) -> Tensor:
    """Mean loss of the flow of hypotheses (B, N, 3) towards the camera's pose (B, 3), in the hypotheses' units."""
    way = truth[:, None, :2] - hypotheses[..., :2]
    distance = torch.linalg.vector_norm(way, dim=-1)
    apart = distance > DISTANCE_FLOOR
    target = torch.where(apart[..., None], way / distance.clamp_min(DISTANCE_FLOOR)[..., None], flow.direction.detach())
    loss = distance_loss(flow.log_distance, flow.variance, distance)
    loss = loss + apart * direction_loss(flow.direction, flow.kappa, target)
    if flow.yaw_step is not None:
        residual = wrap(truth[:, None, 2] - hypotheses[..., 2] - flow.yaw_step)
        variance = flow.yaw_variance
        loss = loss + (heading_loss(residual) if variance is None else gaussian_loss(residual, variance))
    mean: Tensor = loss.mean()
    return mean
