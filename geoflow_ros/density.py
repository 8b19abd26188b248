"""Probability of the camera's position over the patch, for the heatmap."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.hypotheses import Prior
from geoflow_ros.model.base import Latent, LocalizationModel

GRID = 64
HEADINGS = 5
REACH = 1.2  # half-width of the grid in search radii


@torch.inference_mode()
def density_grid(
    model: LocalizationModel, latent: Latent, prior: Prior, hypotheses: Tensor, weights: Tensor, moments: Tensor
) -> NDArray[np.float32]:
    """(GRID, GRID) probabilities summing to 1, rows along v, columns along u, over REACH search radii to each side.

    The network's own density times the prior where it has one, summed over headings; else a Gaussian around each
    of the weighted hypotheses (N, 3) as wide as what it still lacks, `moments` (N, 3, 3).
    """
    axis = (torch.arange(GRID) + 0.5) / GRID * 2 * REACH - REACH
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    place = torch.stack([x, y], dim=-1).reshape(-1, 2)
    log_density = _of_network(model, latent, prior, place, hypotheses[:, 2])
    if log_density is None:
        log_density = _of_hypotheses(place, hypotheses, weights, moments)
    return torch.softmax(log_density, dim=0).view(GRID, GRID).numpy()


def _of_network(model: LocalizationModel, latent: Latent, prior: Prior, place: Tensor, yaws: Tensor) -> Tensor | None:
    headings = torch.quantile(yaws, torch.linspace(0.1, 0.9, HEADINGS))
    poses = torch.cat([place.repeat(HEADINGS, 1), headings.repeat_interleave(len(place))[:, None]], dim=-1)
    log_density = model.log_density(latent, poses[None])
    if log_density is None:
        return None
    joint = log_density[0] + prior.log_density(poses)
    return torch.logsumexp(joint.view(HEADINGS, -1), dim=0)


def _of_hypotheses(place: Tensor, hypotheses: Tensor, weights: Tensor, moments: Tensor) -> Tensor:
    cell = 2 * REACH / GRID
    covariance = moments[:, :2, :2] + torch.eye(2) * cell**2
    offset = place[:, None] - hypotheses[None, :, :2]
    squared = torch.einsum("pni,nij,pnj->pn", offset, torch.linalg.inv(covariance), offset)
    log_norm = 0.5 * torch.logdet(covariance)
    return torch.logsumexp(torch.log(weights + 1e-12) - 0.5 * squared - log_norm, dim=1)
