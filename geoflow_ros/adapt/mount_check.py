"""Camera height, pitch and yaw under which the frames fit best where the smoother puts them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from geoflow_ros.adapt.gates import HeldOut, information
from geoflow_ros.localization.localizer import encode
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.planar import PlanarPose
from geoflow_ros.smoothing.frame_volume import volume_in

CHECKED = 12  # frames
STEPS = {"height": 0.2, "pitch": math.radians(1.5), "yaw": math.radians(1.5)}  # m, rad


@dataclass(frozen=True, slots=True)
class MountCheck:
    """By how much the mount seems to be off, in m and degrees; None where the frames do not tell."""

    height_m: float | None
    pitch_deg: float | None
    yaw_deg: float | None


def check_mount(model: LocalizationModel, frames: Sequence[HeldOut]) -> MountCheck:
    """The vertices of the parabolas through the frames' mean information under three mounts each.

    frames: of one camera.
    """
    if not frames:
        return MountCheck(None, None, None)
    some = frames[:: max(1, len(frames) // CHECKED)][:CHECKED]
    found = {}
    for name, step in STEPS.items():
        scores = np.array([np.mean([_bits(model, each, name, sign * step) for each in some]) for sign in (-1, 0, 1)])
        curvature = scores[0] - 2.0 * scores[1] + scores[2]
        inside = scores[1] >= max(scores[0], scores[2]) and curvature < 0.0
        found[name] = float(step * (scores[0] - scores[2]) / (2.0 * curvature)) if inside else None
    pitch, yaw = (None if found[name] is None else math.degrees(found[name] or 0.0) for name in ("pitch", "yaw"))
    return MountCheck(found["height"], pitch, yaw)


def _bits(model: LocalizationModel, frame: HeldOut, name: str, change: float) -> float:
    """What a frame says where it is, its camera mounted otherwise."""
    sample, pose = frame.sample, np.array(frame.sample.truth)
    if name == "yaw":
        pose = pose + (0.0, 0.0, change)
    mount = sample.camera.mount
    mount = mount if name == "yaw" else replace(mount, **{name: getattr(mount, name) + change})
    latent = encode(model, sample.ground, replace(sample.camera, mount=mount), sample.patch)
    return information(volume_in(model, latent, 0, sample.patch, PlanarPose()), tuple(pose.tolist()), frame.covariance)
