"""Training samples made more varied: looks that matching must not rely on, and the mirrored world."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.localization.pose import UniformPosePrior

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class MountError:
    """Standard deviations of what a mount is known wrong by: a vehicle pitches and rolls, and nobody measures exactly.

    tilt_std: of roll and of pitch (rad). height_std: as a share of the height.
    """

    tilt_std: float = math.radians(0.3)
    height_std: float = 0.02


def augment(sample: Sample, rng: np.random.Generator, mount_error: MountError) -> Sample:
    """The sample with other looks of both images and a mount known a little wrong; half the time mirrored."""
    if rng.random() < 0.5:
        sample = mirror(sample)
    patch = replace(sample.patch, image=photometric(sample.patch.image, rng))
    camera = replace(sample.camera, mount=jittered(sample.camera.mount, rng, mount_error))
    return replace(sample, ground=photometric(sample.ground, rng), camera=camera, patch=patch)


def jittered(mount: Mount, rng: np.random.Generator, error: MountError) -> Mount:
    """The mount with random errors in roll, pitch and height."""
    roll, pitch = rng.normal(0.0, error.tilt_std, 2)
    height = mount.height * (1.0 + rng.normal(0.0, error.height_std))
    return replace(mount, roll=mount.roll + roll, pitch=mount.pitch + pitch, height=height)


def mirror(sample: Sample) -> Sample:
    """The sample of the world mirrored left to right; the camera of the mirrored image is mirrored with it."""
    camera, patch = sample.camera, sample.patch
    mount = replace(camera.mount, left=-camera.mount.left, roll=-camera.mount.roll, yaw=-camera.mount.yaw)
    mask = None if camera.mask is None else camera.mask.mirrored()
    camera = replace(camera, cx=camera.width - camera.cx, mount=mount, mask=mask)
    # East stays, north changes sign: the patch flips along v and every angle changes sign.
    east, north, yaw = sample.truth
    mirrored = replace(
        patch,
        image=np.ascontiguousarray(patch.image[::-1]),
        center=(patch.center[0], -patch.center[1]),
        yaw=-patch.yaw,
    )
    ground = np.ascontiguousarray(sample.ground[:, ::-1])
    truth, prior = (east, -north, -yaw), _mirrored(sample.prior)
    heights = sample.ground_heights, sample.patch_heights
    below, above = (
        None if codes is None else np.flip(codes, axis) for codes, axis in zip(heights, (1, 0), strict=True)
    )
    return replace(
        sample, ground=ground, camera=camera, patch=mirrored, truth=truth, prior=prior, ground_heights=below,
        patch_heights=above,
    )  # fmt: skip


def _mirrored(prior: UniformPosePrior) -> UniformPosePrior:
    sides = None if prior.sides is None else -prior.sides
    return replace(prior, north=-prior.north, yaw=-prior.yaw, sides=sides)


def photometric(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The (H, W, 3) image with random gain, gamma, tint, saturation, blur and noise."""
    levels = np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None]
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    curve = np.clip(levels ** rng.uniform(0.7, 1.4) * gain + rng.uniform(-0.08, 0.08), 0.0, 1.0)
    table = (curve * 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table[:, None, :]), dtype=np.uint8)
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.5, 1.4)
    mix = saturation * np.eye(3) + (1.0 - saturation) * np.tile(LUMA, (3, 1))
    image = np.asarray(cv2.transform(image, mix), dtype=np.uint8)
    if rng.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5)), dtype=np.uint8)
    if rng.random() < 0.3:
        noise = rng.normal(0.0, rng.uniform(2.0, 8.0), (image.shape[0], image.shape[1])).astype(np.int16)
        image = np.clip(image + noise[:, :, None], 0, 255).astype(np.uint8)
    return image
