"""From what the network keeps of a frame and a patch to a pose: draw, refine, agree, and say how sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from geoflow_ros.localization.agreement import Agreement
from geoflow_ros.localization.density import REACH, density_grid
from geoflow_ros.localization.hypotheses import Prior, draw_posterior, remaining_error
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, UniformPosePrior
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.model.interface import Latent, LocalizationModel, PoseGrid, Refined
from geoflow_ros.satellite.patch import SatellitePatch

try:
    from geoflow_ros.localization.compiled_agreement import agreement
    from geoflow_ros.localization.compiled_agreement import agreements as agreements
    from geoflow_ros.localization.compiled_agreement import compile_ahead as compile_ahead
except (ImportError, RuntimeError):  # no numba, or no folder for what it compiles, as the runtime warns
    from geoflow_ros.localization.agreement import agreement
    from geoflow_ros.localization.agreement import agreements as agreements
    from geoflow_ros.localization.agreement import compile_ahead as compile_ahead


Floats = NDArray[np.float64]
CELL_M = 1.0
"""Standard deviation of a position that says as much of the frame as of the cells it was matched in."""


@torch.inference_mode()
def estimate_pose(
    model: LocalizationModel,
    latent: Latent,
    patch: SatellitePatch,
    prior: PosePrior | UniformPosePrior,
    config: LocalizerConfig,
    seed: int,
) -> PoseEstimate:
    """Pose of the camera in the patch's frame from what the network kept of a frame and the patch.

    prior: of the camera, in the patch's frame.
    """
    frame = PatchFrame(patch, model.config.search_radius, latent.yaw_offset)
    with model.small_work(config.hypotheses):
        return _estimate(model, latent, frame, frame.prior(prior), config, seed)


def _estimate(
    model: LocalizationModel, latent: Latent, frame: PatchFrame, belief: Prior, config: LocalizerConfig, seed: int
) -> PoseEstimate:
    grid, rng = model.pose_grid(latent), np.random.default_rng(seed)
    if grid is None:
        drawn = _drawn(model.config, belief, config.hypotheses, rng)
    else:
        drawn = draw_posterior(belief, grid, config.hypotheses, rng)
    refined = model.refine(latent, _tensor(drawn), config.schedule.fractions(config.steps))
    agreed = agreement(refined, belief, config.bandwidth_m / frame.radius, grid is not None)
    has_density = grid is not None and refined.log_density is not None
    return agreed_pose(model, latent, agreed, lambda: refined, frame, belief, has_density)


def agreed_pose(
    model: LocalizationModel,
    latent: Latent,
    agreed: Agreement,
    refined: Callable[[], Refined],
    frame: PatchFrame,
    belief: Prior,
    has_density: bool,
) -> PoseEstimate:
    """The pose that refined hypotheses agree on. has_density: the network has one, and they were drawn with it."""
    pose, covariance, hypotheses, weights = agreed
    poses = frame.to_enu(np.concatenate([pose[None], hypotheses]))

    def density() -> NDArray[np.float32]:
        moments = remaining_error(refined().flow, belief.heading_variance)
        return density_grid(model, latent, belief, hypotheses, weights, moments)

    return PoseEstimate(
        east=float(poses[0, 0]),
        north=float(poses[0, 1]),
        yaw=float(poses[0, 2]),
        covariance=calibrated(
            frame.covariance_to_enu(covariance), model.config.position_variance_scale, model.config.yaw_variance_scale
        ),
        hypotheses=poses[1:],
        weights=weights,
        density_source=density,
        density_size_m=2 * REACH * frame.radius,
        patch=frame.patch,
        match=1.0 if latent.match_logit is None else float(expit(float(latent.match_logit[0]))),
        log_likelihood=_Likelihood(model, latent, frame) if has_density else None,
    )


def _tensor(hypotheses: NDArray[np.float64]) -> Tensor:
    """The hypotheses (N, 3) as the network reads them, (1, N, 3)."""
    return torch.from_numpy(hypotheses.astype(np.float32))[None]


def _drawn(config: ModelConfig, belief: Prior, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3) hypotheses from the prior."""
    drawn = belief.draw(count, rng)
    if not config.searches_heading:
        drawn[:, 2] = belief.mean[2]
    return drawn


def _uniform(grid: PoseGrid) -> float:
    """Log density of knowing nothing, in the units of the grid's own."""
    searched = grid.log_probability[grid.log_probability > grid.log_probability.min()]
    highest = float(searched.max())
    return highest + math.log(float(np.exp(searched - highest).mean()))


class _Likelihood:
    """The frame's log likelihood as a function of camera poses in the patch's frame, over that of knowing nothing."""

    def __init__(self, model: LocalizationModel, latent: Latent, frame: PatchFrame) -> None:
        self._model, self._latent, self._frame = model, latent, frame

    def __call__(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.inference_mode():
            fit = self._model.log_likelihood(self._latent, _tensor(self._frame.from_enu(poses)))
        assert fit is not None
        return np.asarray(fit[0].double().numpy()) - self._uniform

    @cached_property
    def _uniform(self) -> float:
        grid = self._model.pose_grid(self._latent)
        assert grid is not None
        return _uniform(grid)


def position_factors(scale: float, variances: Floats) -> Floats:
    """What variances of the position (N,), m^2 an axis, are multiplied by. scale: of narrow ones, fitted to errors.

    Narrow ones are too wide by the width of the match's cells, which a scale below 1 takes out. Wide ones hold places
    that look alike, and are as wide as they say. A scale above 1 is that of a network which is too sure of itself, and
    counts for all.
    """
    share = variances / (variances + CELL_M**2) if scale < 1.0 else np.zeros_like(variances)
    return np.asarray(scale + (1.0 - scale) * share)


def calibrated(covariance: Floats, position_scale: float, yaw_scale: float) -> Floats:
    """The covariance (3, 3) of east, north (m) and yaw (rad) that covers the errors."""
    variance = np.array([(covariance[0, 0] + covariance[1, 1]) / 2])
    position = math.sqrt(float(position_factors(position_scale, variance)[0]))
    scale = np.array([position, position, math.sqrt(yaw_scale)])
    return np.asarray(covariance * np.outer(scale, scale))
