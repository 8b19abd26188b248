"""Probability of the position of the camera, or of base_link, over the patch, for the heatmap."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.special import logsumexp, softmax

from geoflow_ros.localization.hypotheses import Prior
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.planar import PlanarPose

Array = NDArray[np.float64]
GRID = 64
HEADINGS = 5
REACH = 1.2  # half-width of the grid in search radii


@torch.inference_mode()
def density_grid(
    model: LocalizationModel, latent: Latent, prior: Prior, hypotheses: Array, weights: Array, moments: Array
) -> NDArray[np.float32]:
    """(GRID, GRID) probabilities summing to 1, rows along v, columns along u, over REACH search radii to each side.

    The network's own density times the prior where it has one, summed over headings; else a Gaussian around each
    of the weighted hypotheses (N, 3) as wide as what it still lacks, `moments` (N, 3, 3).
    """
    axis = (np.arange(GRID) + 0.5) / GRID * 2 * REACH - REACH
    x, y = np.meshgrid(axis, axis)
    place = np.stack([x, y], axis=-1).reshape(-1, 2)
    log_density = _of_network(model, latent, prior, place, hypotheses[:, 2])
    if log_density is None:
        log_density = _of_hypotheses(place, hypotheses, weights, moments)
    return np.asarray(softmax(log_density).reshape(GRID, GRID), np.float32)


def carried_density(estimate: PoseEstimate, there: PlanarPose) -> NDArray[np.float32]:
    """The density of what is `there` in the `map` frame, carried along as the estimate is: by its lever arm."""
    density = estimate.density
    pixels = estimate.patch.to_pixel(np.array([(estimate.east, estimate.north), (there.x, there.y)]))
    cell_px = estimate.density_size_m / len(density) / estimate.patch.resolution
    column, row = (pixels[1] - pixels[0]) / cell_px
    carried = shift(density, (row, column), order=1)
    return np.asarray(carried / max(float(carried.sum()), 1e-12), np.float32)


def _of_network(model: LocalizationModel, latent: Latent, prior: Prior, place: Array, yaws: Array) -> Array | None:
    headings = np.quantile(yaws, np.linspace(0.1, 0.9, HEADINGS))
    poses = np.column_stack([np.tile(place, (HEADINGS, 1)), np.repeat(headings, len(place))])
    log_density = model.log_density(latent, torch.from_numpy(poses.astype(np.float32))[None])
    if log_density is None:
        return None
    joint = log_density[0].numpy() + prior.log_density(poses)
    return np.asarray(logsumexp(joint.reshape(HEADINGS, -1), axis=0))


def _of_hypotheses(place: Array, hypotheses: Array, weights: Array, moments: Array) -> Array:
    cell = 2 * REACH / GRID
    covariance = moments[:, :2, :2] + np.eye(2) * cell**2
    offset = place[:, None] - hypotheses[None, :, :2]
    squared = np.einsum("pni,nij,pnj->pn", offset, np.linalg.inv(covariance), offset, optimize=True)
    log_norm = 0.5 * np.linalg.slogdet(covariance)[1]
    return np.asarray(logsumexp(np.log(weights + 1e-12) - 0.5 * squared - log_norm, axis=1))
