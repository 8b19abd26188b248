"""The localiser: an image, a camera and a prior in; a pose with its covariance, or the reason for none, out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.density import REACH, density_grid
from geoflow_ros.geodesy import LocalFrame, wrap_angle
from geoflow_ros.hypotheses import (
    GaussianPrior,
    Prior,
    Schedule,
    UniformPrior,
    consensus,
    pose_covariance,
    refine,
    remaining_error,
)
from geoflow_ros.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.model.base import Latent, LocalizationModel
from geoflow_ros.model.checkpoint import load
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.runtime import prepare
from geoflow_ros.pose import Likelihood, PoseEstimate, PosePrior, Rejection
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.patch import SatellitePatch

UNIFORM_YAW_RANGE = math.radians(10.0)
BLANK_IMAGE_STD = 3.0  # grey levels; a covered lens

cached_lift_grid = lru_cache(maxsize=16)(lift_grid)


@dataclass(frozen=True, slots=True)
class LocalizerConfig:
    """How hypotheses are refined, and when an estimate is withheld."""

    hypotheses: int = field(default=64, metadata={"help": "hypotheses drawn from the prior", "range": (1, 4096)})
    steps: int = field(default=5, metadata={"help": "refinement steps", "range": (1, 50)})
    schedule: Schedule = field(default=Schedule.FULL, metadata={"help": "step length: paper, full or annealed"})
    bandwidth_m: float = field(
        default=2.0, metadata={"help": "how close hypotheses must be to agree", "unit": "m", "range": (0.1, 20.0)}
    )
    max_missing: float = field(
        default=0.3, metadata={"help": "refuse when more of the patch has no imagery", "range": (0.0, 1.0)}
    )
    min_match: float = field(
        default=0.5, metadata={"help": "refuse when image and imagery match with less probability", "range": (0.0, 1.0)}
    )
    max_std_m: float = field(
        default=10.0, metadata={"help": "refuse an estimate less certain than this", "unit": "m", "range": (0.1, 100.0)}
    )


def load_model(checkpoint: Path) -> LocalizationModel:
    """The network of a checkpoint, ready for inference."""
    return prepare(load(checkpoint))


@torch.inference_mode()
def locate(
    model: LocalizationModel,
    ground: NDArray[np.uint8],
    camera: CameraModel,
    patch: SatellitePatch,
    prior: PosePrior | None,
    config: LocalizerConfig,
    seed: int,
) -> PoseEstimate:
    """Pose of the camera (not of base_link) in the patch's frame, from a rectified (H, W, 3) RGB image.

    prior: of the camera, in the patch's frame; None is uniform within the search radius and 10 degrees.
    """
    radius = model.config.search_radius
    generator = torch.Generator().manual_seed(seed)
    belief = UniformPrior(UNIFORM_YAW_RANGE) if prior is None else _in_patch(prior, patch, radius)
    latent = model.encode(
        image_tensor(ground_image(ground, model.config)),
        image_tensor(patch.image),
        cached_lift_grid(camera, model.config),
    )
    drawn = belief.draw(config.hypotheses, generator)
    yaw_variance = _yaw_variance(belief)
    if not isinstance(model.config, DefaultConfig):  # heading is taken as known: leave it at the prior's
        drawn[:, 2] = 0.0 if isinstance(belief, UniformPrior) else belief.mean[2]
    hypotheses = refine(model, latent, drawn[None], config.steps, config.schedule)
    moments = remaining_error(model.flow(latent, hypotheses), yaw_variance)
    fit = model.log_density(latent, hypotheses)
    log_weights = belief.log_density(hypotheses[0]) + (0.0 if fit is None else fit[0])
    weights = torch.softmax(log_weights, dim=0)
    pose = consensus(hypotheses[0], weights, config.bandwidth_m / radius)
    position, yaw = math.sqrt(model.config.position_variance_scale), math.sqrt(model.config.yaw_variance_scale)
    scale = torch.tensor([position, position, yaw])
    covariance = pose_covariance(pose, hypotheses[0], weights, moments) * torch.outer(scale, scale)
    match = 1.0 if latent.match_logit is None else float(torch.sigmoid(latent.match_logit[0]))
    density = density_grid(model, latent, belief, hypotheses[0], weights, moments)
    poses = _to_enu(torch.cat([pose[None], hypotheses[0]]), patch, radius)
    return PoseEstimate(
        east=float(poses[0, 0]),
        north=float(poses[0, 1]),
        yaw=float(poses[0, 2]),
        covariance=_covariance_to_enu(covariance, patch, radius),
        hypotheses=poses[1:],
        weights=weights.double().numpy(),
        density=density.numpy(),
        density_size_m=2 * REACH * radius,
        patch=patch,
        match=match,
        log_likelihood=None if fit is None else _likelihood(model, latent, patch),
    )


class Localizer:
    """Localises frames against a satellite map; `localize` is a pure function of its arguments."""

    def __init__(
        self,
        model: LocalizationModel,
        satellite: SatelliteMap,
        frame: LocalFrame,
        config: LocalizerConfig = LocalizerConfig(),  # noqa: B008 - frozen
    ) -> None:
        self.model = model
        self.satellite = satellite
        self.frame = frame
        self.config = config

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        """Pose of base_link in the `map` frame from an RGB image (H, W, 3) as the camera gave it."""
        if reason := self._unusable(image, camera, prior):
            return Rejection(reason)
        of_camera = _moved(prior, camera.mount)
        size, resolution = self.model.config.satellite_px, self.model.config.satellite_resolution
        patch = self.satellite.patch(self.frame, (of_camera.east, of_camera.north), of_camera.yaw, size, resolution)
        if patch.missing > self.config.max_missing:
            extent = f"{patch.size_m:.0f} m around {of_camera.east:.0f} m east, {of_camera.north:.0f} m north"
            return Rejection(f"no satellite imagery for {patch.missing:.0%} of the {extent} of the datum")
        rectified = camera.rectify(image)
        estimate = locate(self.model, rectified, camera.rectified(), patch, of_camera, self.config, seed)
        if estimate.match < self.config.min_match:
            return Rejection(
                f"image and satellite imagery match with probability {estimate.match:.2f} only, "
                f"min_match is {self.config.min_match:g}"
            )
        away = math.hypot(estimate.east - of_camera.east, estimate.north - of_camera.north)
        if away > (limit := math.sqrt(2) * self.model.config.search_radius):
            return Rejection(f"the hypotheses met {away:.0f} m from the prior, outside the {limit:.0f} m searched")
        estimate = _to_base(estimate, camera.mount)
        std = math.sqrt(np.linalg.eigvalsh(estimate.covariance[:2, :2]).max())
        if not std <= self.config.max_std_m:
            return Rejection(f"position is uncertain by {std:.1f} m, more than max_std_m = {self.config.max_std_m:g} m")
        return estimate

    def _unusable(self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior) -> str | None:
        if image.shape[:2] != (camera.height, camera.width):
            return (
                f"image is {image.shape[1]} x {image.shape[0]} but the camera's calibration is for "
                f"{camera.width} x {camera.height}"
            )
        if image[::4, ::4].std() < BLANK_IMAGE_STD:
            return "image has no contrast: is the lens covered?"
        config = self.model.config
        std = math.sqrt(np.linalg.eigvalsh(prior.covariance[:2, :2]).max())
        if std > config.search_radius:
            return (
                f"prior position is uncertain by {std:.0f} m, more than the search radius of {config.search_radius:g} m"
            )
        yaw_std_deg = math.degrees(math.sqrt(prior.covariance[2, 2]))
        if isinstance(config, DefaultConfig) and yaw_std_deg > config.yaw_range_deg:
            searched = f"the {config.yaw_range_deg:g} deg that are searched"
            return f"prior heading is uncertain by {yaw_std_deg:.0f} deg, more than {searched}"
        return None


def _yaw_variance(prior: Prior) -> float:
    if isinstance(prior, UniformPrior):
        return prior.yaw_range**2 / 3
    return float(prior.covariance[2, 2])


def _patch_from_enu(patch: SatellitePatch) -> NDArray[np.float64]:
    """(3, 3) that turns an (east, north, yaw) difference into patch axes (right, down, yaw), metres and radians."""
    cos, sin = math.cos(patch.yaw), math.sin(patch.yaw)
    return np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, 1.0]])


def _in_patch(prior: PosePrior, patch: SatellitePatch, radius: float) -> GaussianPrior:
    scale = np.array([1 / radius, 1 / radius, 1.0])
    turn = scale[:, None] * _patch_from_enu(patch)
    offset = np.array([prior.east - patch.center[0], prior.north - patch.center[1], wrap_angle(prior.yaw - patch.yaw)])
    return GaussianPrior(
        mean=torch.from_numpy(turn @ offset).float(),
        covariance=torch.from_numpy(turn @ prior.covariance @ turn.T).float(),
    )


def _to_enu(hypotheses: Tensor, patch: SatellitePatch, radius: float) -> NDArray[np.float64]:
    """(N, 3) east, north (m), yaw (rad) of hypotheses (N, 3)."""
    poses = hypotheses.double().numpy()
    uv = poses[:, :2] * radius / patch.resolution + patch.size_px / 2
    yaw = np.mod(poses[:, 2:] + patch.yaw + math.pi, 2 * math.pi) - math.pi
    return np.concatenate([patch.to_enu(uv), yaw], axis=1)


def _from_enu(poses: NDArray[np.float64], patch: SatellitePatch, radius: float) -> Tensor:
    """Hypotheses (N, 3) of poses (N, 3) east, north (m), yaw (rad)."""
    place = (patch.to_pixel(poses[:, :2]) - patch.size_px / 2) * patch.resolution / radius
    yaw = np.mod(poses[:, 2:] - patch.yaw + math.pi, 2 * math.pi) - math.pi
    return torch.from_numpy(np.concatenate([place, yaw], axis=1)).float()


def _likelihood(model: LocalizationModel, latent: Latent, patch: SatellitePatch) -> Likelihood:
    """The network's log density as a function of camera poses in the patch's frame."""

    @torch.inference_mode()
    def log_likelihood(poses: NDArray[np.float64]) -> NDArray[np.float64]:
        fit = model.log_density(latent, _from_enu(poses, patch, model.config.search_radius)[None])
        assert fit is not None
        return np.asarray(fit[0].double().numpy())

    return log_likelihood


def _of_base(of_camera: Likelihood, mount: Mount) -> Likelihood:
    """The likelihood of base_link poses from that of camera poses."""

    def log_likelihood(poses: NDArray[np.float64]) -> NDArray[np.float64]:
        place = poses[:, :2] + mount.lever_arm(poses[:, 2])
        return of_camera(np.column_stack([place, poses[:, 2] + mount.yaw]))

    return log_likelihood


def _covariance_to_enu(covariance: Tensor, patch: SatellitePatch, radius: float) -> NDArray[np.float64]:
    scale = np.array([radius, radius, 1.0])
    turn = _patch_from_enu(patch).T * scale  # the rotation is orthogonal: its transpose turns back
    moved = turn @ covariance.double().numpy() @ turn.T
    return np.asarray((moved + moved.T) / 2)


def _lever_jacobian(lever: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) of a pose moved by a lever arm that turns with its yaw."""
    jacobian = np.eye(3)
    jacobian[:2, 2] = -lever[1], lever[0]
    return jacobian


def _moved(prior: PosePrior, mount: Mount) -> PosePrior:
    """The camera's prior from base_link's."""
    lever = mount.lever_arm(prior.yaw)
    jacobian = _lever_jacobian(lever)
    yaw = wrap_angle(prior.yaw + mount.yaw)
    covariance = jacobian @ prior.covariance @ jacobian.T
    return PosePrior(prior.east + lever[0], prior.north + lever[1], yaw, covariance)


def _to_base(estimate: PoseEstimate, mount: Mount) -> PoseEstimate:
    """base_link's estimate from the camera's."""
    yaw = wrap_angle(estimate.yaw - mount.yaw)
    lever = -mount.lever_arm(yaw)
    jacobian = _lever_jacobian(lever)
    hypotheses = estimate.hypotheses.copy()
    hypotheses[:, 2] -= mount.yaw
    hypotheses[:, :2] -= mount.lever_arm(hypotheses[:, 2])
    return replace(
        estimate,
        east=estimate.east + float(lever[0]),
        north=estimate.north + float(lever[1]),
        yaw=yaw,
        covariance=jacobian @ estimate.covariance @ jacobian.T,
        hypotheses=hypotheses,
        log_likelihood=None if estimate.log_likelihood is None else _of_base(estimate.log_likelihood, mount),
    )
