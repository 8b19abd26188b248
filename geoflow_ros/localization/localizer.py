"""The localiser: an image, a camera and a prior in; a pose with its covariance, or the reason for none, out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.budget import TimeBudget
from geoflow_ros.localization.density import carried_density
from geoflow_ros.localization.encoded_patches import PatchEncoder, Snapping
from geoflow_ros.localization.estimation import compile_ahead, estimate_pose
from geoflow_ros.localization.inputs import cached_lift_grid, ground_image, image_tensor, lift_grid, searched_headings
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.mount_evidence import mount_evidence
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.localization.pose import (
    MountEvidence,
    PoseEstimate,
    PosePrior,
    Rejection,
    UniformPosePrior,
    carried,
    moved,
    of_base,
    position_std,
)
from geoflow_ros.localization.whole_frames import CameraFrame, Searched, answered
from geoflow_ros.model.config import Runtime, parse_runtime
from geoflow_ros.model.inference.runtimes import accelerated
from geoflow_ros.model.interface import Latent, Lifter, LocalizationModel
from geoflow_ros.model.weights import load
from geoflow_ros.planar import compose
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.patch import SatellitePatch

BLANK_IMAGE_STD = 3.0  # grey levels; a covered lens


def load_model(checkpoint: Path, runtime: Runtime | str = Runtime.AUTO) -> LocalizationModel:
    """The network of a checkpoint, ready for inference by a runtime, or the name of one."""
    compile_ahead()
    return accelerated(load(checkpoint), parse_runtime(runtime))


@torch.inference_mode()
def encode(
    model: LocalizationModel,
    ground: NDArray[np.uint8],
    camera: CameraModel,
    patch: SatellitePatch,
    features: Tensor | None = None,
    yaw_offset: float = 0.0,
    yaw_reach: float = math.inf,
) -> Latent:
    """What the network keeps of a rectified (H, W, 3) RGB image and a patch, for `estimate_pose`.

    features: of the patch, from `LocalizationModel.encode_satellite`, where it is at hand. yaw_offset: around which the
    heading is searched, counter-clockwise from the patch's +u (rad); a few degrees, the network knows no others.
    yaw_reach: how far to either side of it (rad), at most and by default as far as the network was trained to.
    """
    seen = model.encode_ground(image_tensor(ground_image(ground, model.config)), cached_lift_grid(camera, model.config))
    known = model.encode_satellite(image_tensor(patch.image)) if features is None else features
    middle = torch.tensor([yaw_offset], dtype=torch.float32)
    return replace(model.match(seen, known, middle, yaw_reach), yaw_offset=yaw_offset)


def locate(
    model: LocalizationModel,
    ground: NDArray[np.uint8],
    camera: CameraModel,
    patch: SatellitePatch,
    prior: PosePrior | UniformPosePrior,
    config: LocalizerConfig,
    seed: int,
) -> PoseEstimate:
    """Pose of the camera (not of base_link) in the patch's frame, from a rectified (H, W, 3) RGB image.

    prior: of the camera, in the patch's frame.
    """
    return estimate_pose(model, encode(model, ground, camera, patch), patch, prior, config, seed)


class Localizer:
    """Localises frames against a satellite map.

    `localize` is a pure function of its arguments, unless `max_latency_ms` makes it depend on the clock, or it does not
    wait for the nearest patch, which makes it depend on those that are encoded.
    """

    def __init__(
        self,
        model: LocalizationModel,
        satellite: SatelliteMap,
        frame: LocalFrame,
        config: LocalizerConfig = LocalizerConfig(),  # noqa: B008 - frozen
        waits: bool = True,
    ) -> None:
        """waits: for the nearest patch, though another that is encoded serves; `warm` encodes it between frames."""
        self.model = model
        self.satellite = satellite
        self.frame = frame
        self.config = config
        heading = math.radians(config.patch_heading_deg)
        snapping = Snapping(config.patch_grid_m, heading, model.config.search_radius)
        self._waits = waits
        self._patches = PatchEncoder(model, satellite, frame, snapping, config.cache_mb << 20, waits=waits)
        self._budget = TimeBudget(config.max_latency_ms / 1e3)

    def with_config(self, config: LocalizerConfig) -> Localizer:
        """The same with another configuration, and the patches that are encoded, unless others are wanted now."""
        other = Localizer(self.model, self.satellite, self.frame, config, self._waits)
        if other._patches.snapping == self._patches.snapping:
            other._patches = self._patches
            other._patches.resize(config.cache_mb << 20)
        return other

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        """Pose of base_link in the `map` frame from an RGB image (H, W, 3) as the camera gave it."""
        if self._takes_whole_frames:
            return self.localize_rig([CameraFrame(image, camera, prior, seed)])[0]
        start = time.perf_counter()
        searched = self._searched(image, camera, prior)
        if isinstance(searched, Rejection):
            return searched
        latent = self._encode(camera.rectify(image), camera.rectified(), searched)
        config = self._affordable(time.perf_counter() - start)
        start = time.perf_counter()
        estimate = estimate_pose(self.model, latent, searched.encoded.patch, searched.prior, config, seed)
        self._budget.spent(time.perf_counter() - start, config.hypotheses, config.steps)
        return self._checked(estimate, searched.prior, camera.mount)

    def localize_rig(self, frames: Sequence[CameraFrame]) -> list[PoseEstimate | Rejection]:
        """`localize` of each of several frames, of several cameras say: all at once where the network can do that."""
        if not self._takes_whole_frames:
            return [self.localize(each.image, each.camera, each.prior, each.seed) for each in frames]
        results: list[Searched | Rejection] = [self._searched(each.image, each.camera, each.prior) for each in frames]
        taken = [(frame, each) for frame, each in zip(frames, results, strict=True) if isinstance(each, Searched)]
        poses = iter(answered(self.model, taken, self.config))
        return [
            self._checked(next(poses), each.prior, frame.camera.mount) if isinstance(each, Searched) else each
            for frame, each in zip(frames, results, strict=True)
        ]

    @property
    def _takes_whole_frames(self) -> bool:
        """Whether the network goes from images to hypotheses in one go, which leaves no moment to count the time in."""
        return self.model.answer is not None and self.config.max_latency_ms == 0.0

    def _searched(self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior) -> Searched | Rejection:
        """Where an image is looked for, or why it cannot be."""
        if unusable := _blind(image, camera) or self._too_vague(prior):
            return unusable
        of_camera = moved(prior, camera.mount.planar)
        encoded = self._patches.around(of_camera)
        if encoded.patch.missing > self.config.max_missing:
            return Rejection(self._no_imagery(encoded.patch, of_camera))
        return Searched(of_camera, encoded)

    def _no_imagery(self, patch: SatellitePatch, of_camera: PosePrior) -> str:
        latitude, longitude, _ = map(float, self.frame.to_geodetic([of_camera.east, of_camera.north]))
        aside = self.satellite.aside(latitude, longitude)
        return (
            f"no satellite imagery for {patch.missing:.0%} of the {patch.size_m:.0f} m around latitude {latitude:.5f}, "
            f"longitude {longitude:.5f}{aside and f': {aside}'}"
        )

    def weigh_mounts(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]
    ) -> Iterator[MountEvidence]:
        """What an image says of each of several mounts that differ in roll, pitch and height; none if nothing.

        Each is computed when it is asked for, in a few milliseconds; the first with the features they share.
        """
        searched = self._searched(image, camera, prior)
        if isinstance(searched, Rejection):
            return
        lifter = self._lifter(camera.rectify(image))
        if lifter is None:
            return
        for mount in mounts:
            evidence = self._weigh_mount(lifter, replace(camera.rectified(), mount=mount), searched)
            if evidence is not None:
                yield evidence

    @torch.inference_mode()
    def _lifter(self, rectified: NDArray[np.uint8]) -> Lifter | None:
        return self.model.lifter(image_tensor(ground_image(rectified, self.model.config)))

    @torch.inference_mode()
    def _weigh_mount(self, lifter: Lifter, view: CameraModel, searched: Searched) -> MountEvidence | None:
        lift, encoded = lift_grid(view, self.model.config), searched.encoded
        if lift is None:
            return None
        middle, reach = searched_headings(searched.prior, encoded.patch)
        latent = self.model.match(lifter(lift), encoded.features, torch.tensor([middle], dtype=torch.float32), reach)
        frame = PatchFrame(encoded.patch, self.model.config.search_radius, middle)
        return mount_evidence(self.model, latent, frame, searched.prior)

    def _encode(self, rectified: NDArray[np.uint8], camera: CameraModel, searched: Searched) -> Latent:
        encoded, headings = searched.encoded, searched_headings(searched.prior, searched.encoded.patch)
        return encode(self.model, rectified, camera, encoded.patch, encoded.features, *headings)

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height (px) that the network reads; a larger image is no better."""
        return self.model.config.ground_width, self.model.config.ground_height

    def warm(self, prior: PosePrior, mount: Mount, is_hurried: bool = False) -> bool:
        """Encode at most one patch that the frames after this prior may need; False when there is none to encode.

        For the time between two frames: a frame that finds its patch encoded takes half as long. is_hurried: frames
        wait, only the patch of this very prior is worth the time.
        """
        return self._patches.ahead(moved(prior, mount.planar), is_hurried)

    def _affordable(self, elapsed_s: float) -> LocalizerConfig:
        count, steps = self._budget.affordable(elapsed_s, self.config.hypotheses, self.config.steps)
        return replace(self.config, hypotheses=count, steps=steps)

    def _checked(self, estimate: PoseEstimate, of_camera: PosePrior, mount: Mount) -> PoseEstimate | Rejection:
        """base_link's estimate from the camera's, or why it is not to be trusted alone."""
        of_base = _to_base(estimate, mount)
        away = math.hypot(estimate.east - of_camera.east, estimate.north - of_camera.north)
        doubt = self._doubt(of_base, away)
        return Rejection(doubt, withheld=of_base) if doubt else of_base

    def _doubt(self, estimate: PoseEstimate, away: float) -> str | None:
        """Why an estimate so many metres away from the prior is not to be trusted alone."""
        config, limit = self.config, math.sqrt(2) * self.model.config.search_radius
        if estimate.match < config.min_match:
            return (
                f"image and satellite imagery match with probability {estimate.match:.2f} only, "
                f"min_match is {config.min_match:g}"
            )
        if away > limit:
            return f"the hypotheses met {away:.0f} m from the prior, outside the {limit:.0f} m searched"
        std = position_std(estimate.covariance)
        if not std <= config.max_std_m:
            return f"position is uncertain by {std:.1f} m, more than max_std_m = {config.max_std_m:g} m"
        return None

    def _too_vague(self, prior: PosePrior) -> Rejection | None:
        config = self.model.config
        std = position_std(prior.covariance)
        if std > config.search_radius:
            return Rejection(
                f"prior position is uncertain by {std:.0f} m, more than the search radius of {config.search_radius:g} m"
            )
        yaw_std_deg = math.degrees(math.sqrt(prior.covariance[2, 2]))
        if config.searches_heading and yaw_std_deg > config.yaw_range_deg:
            searched = f"the {config.yaw_range_deg:g} deg that are searched"
            return Rejection(f"prior heading is uncertain by {yaw_std_deg:.0f} deg, more than {searched}")
        return None


def _blind(image: NDArray[np.uint8], camera: CameraModel) -> Rejection | None:
    """Why an image shows nothing, if it does not."""
    if image.shape[:2] != (camera.height, camera.width):
        size, calibrated = f"{image.shape[1]} x {image.shape[0]}", f"{camera.width} x {camera.height}"
        remedy = "less its roi and binning: it must be that of the images as they come"
        return Rejection(f"image is {size} but the camera's calibration is for {calibrated}, {remedy}", is_blind=True)
    # A quarter of the pixels can have twice the contrast of all, no more: most images are not looked at further.
    if _contrast(image[::16]) < 2 * BLANK_IMAGE_STD and _contrast(image[::4]) < BLANK_IMAGE_STD:
        return Rejection("image has no contrast: is the lens covered?", is_blind=True)
    return None


def _contrast(image: NDArray[np.uint8]) -> float:
    """The largest standard deviation of a channel (grey levels)."""
    return float(cv2.meanStdDev(image)[1].max())


def _to_base(estimate: PoseEstimate, mount: Mount) -> PoseEstimate:
    """base_link's estimate from the camera's."""
    base = mount.planar.inverse()
    there, covariance = carried(estimate, base)
    return replace(
        estimate,
        east=there.x,
        north=there.y,
        yaw=there.yaw,
        covariance=covariance,
        hypotheses=compose(estimate.hypotheses, base.array()),
        density_source=lambda: carried_density(estimate, there),
        log_likelihood=None if estimate.log_likelihood is None else of_base(estimate.log_likelihood, mount.planar),
    )
