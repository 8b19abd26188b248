"""The mounts that a recorded drive shows: it is played again with what the time before it said."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.calibrate.focal_length import better_focal_length
from geoflow_ros.calibrate.velocity import VelocityUse, check_velocity
from geoflow_ros.calibrate.verdict import EstimateRecorder, kept_as_stated
from geoflow_ros.calibrate.views import View, ViewRecorder
from geoflow_ros.camera import Mount
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.configuration import NodeConfig, changed
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle
from geoflow_ros.replay.closing_words import often_said
from geoflow_ros.replay.command_line import localizers_of, session_of, topics_of
from geoflow_ros.replay.play import Played, Script, play, roles_in
from geoflow_ros.replay.results import check, judge
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.frame_localizer import FrameLocalizer
from geoflow_ros.tracking.mount.estimate import (
    CAMERA,
    STATES,
    MountEstimate,
    corrected,
    given_stated,
    group_of,
    in_words,
)
from geoflow_ros.tracking.track import TrackState

PASSES = 2
"""The second begins where the first ended, in what it showed: frames that a wrong mount spoilt say something then."""
CHECKED = 8
"""Frames of each camera, at most, that are asked about its calibration."""
OBSERVED = 0.5
"""The share of what was uncertain before that may be left of what counts as observed."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundMount:
    """What a drive says of a camera's mount. estimate: around what was stated; prior: standard deviations (4,)."""

    estimate: MountEstimate
    prior: NDArray[np.float64]

    @property
    def observed(self) -> dict[str, bool]:
        """Whether the drive showed it, by `STATES`; what was stated as exactly known is not asked for."""
        return dict(zip(STATES, (self.estimate.std < OBSERVED * self.prior).tolist(), strict=True))

    @property
    def not_observable(self) -> str:
        """What the drive did not show, and how well it is known; empty if it showed all that was asked for."""
        stds = zip(STATES, self.estimate.std.tolist(), self.prior.tolist(), strict=True)
        unseen = [(name, std) for name, std, prior in stds if prior > 0.0 and not self.observed[name]]
        said = ", ".join(f"{name} (+- {in_words(name, std)})" for name, std in unseen)
        return f"not observable: {said}" if said else ""

    @property
    def likeliest(self) -> Mount:
        """What is not observed, or believed to be as stated, as it was stated, and the rest as it is then.

        A camera that cannot tell how high it is tells its pitch for each height: that of the height that is kept.
        """
        estimate = self.estimate
        is_kept = ~np.array([*self.observed.values()]) | (estimate.correction == 0.0)
        kept = np.flatnonzero(is_kept).tolist()
        return corrected(estimate.stated, given_stated(estimate.correction, estimate.covariance, kept))

    def to_json(self) -> dict[str, Any]:
        """For `json.dump`: radians and metres."""
        document = self.estimate.to_json()
        return {
            **{key: document[key] for key in ("stated", "estimated", "std")},
            "observed": self.observed,
            "sentence": self.estimate.sentence,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """mounts: by the camera's name. frames: localised ones, and all. driven_m: by the localised ones.

    views: where frames are known best. masks: files of what shows the world, of cameras that seem to see the vehicle.
    warnings: by sensor, what was said at many frames, but for what is said of the mounts.
    """

    mounts: Mapping[str, FoundMount]
    localised: int
    frames: int
    driven_m: float
    views: list[View]
    masks: Mapping[str, Path]
    warnings: Mapping[str, str]


def calibrate(arguments: argparse.Namespace, config: NodeConfig, satellite: SatelliteMap) -> Calibration:
    """What the drive says; an InputError says why it shows nothing of the mount.

    Where cameras seem to see a part of the vehicle, masks are written to `arguments.out`, and the drive begins anew.
    """
    if config.views:
        raise InputError("the views of a panorama cannot be calibrated one by one: state how its camera is mounted")
    script = Script(topics_of(arguments), cameras=config.cameras, uncalibrated=config.uncalibrated)
    roles = roles_in(arguments.bag, script).values()
    check_velocity(arguments.bag, roles)
    stated: Mapping[str, MountEstimate] = {}
    masks: Mapping[str, Path] = {}
    passes = 0
    while passes < PASSES:
        session, recorder = session_of(config, satellite, arguments.bag), ViewRecorder()
        stated = stated or _asked(session.mount_estimates)
        velocity, said = VelocityUse(session, roles), EstimateRecorder(session)
        played = play(arguments.bag, session, script, recorder.watch, velocity.watch, said.watch)
        velocity.check(arguments.bag)
        if session.worlds and not masks:
            masks = _written(session.worlds, arguments.out)
            config = changed(config, {f"{group_of(name)}.mask": str(path) for name, path in masks.items()})
            continue
        passes += 1
        _check_localised(arguments.bag, played, session.mount_estimates)
        mounts = {name: _found(stated[name], each) for name, each in session.mount_estimates.items()}
        config = _restated(config, mounts)
    mounts = {name: _concluded(stated[name], said.over_the_drive(name)) for name in mounts}
    localised, driven_m = _driven(played)
    _check_observed(arguments.bag, mounts, localised, driven_m)
    if session.frame is not None:
        localizer = localizers_of(config, satellite)(session.frame)
        _check_focal_length(arguments.bag, recorder.views(session, CHECKED), mounts, localizer)
    often = often_said(played.complaints, len(played.frames)).items()
    told = {sensor: sentence for sensor, sentence in often if sensor.partition(" ")[0] != "mount"}
    return Calibration(mounts, localised, len(played.frames), driven_m, recorder.views(session), masks, told)


def _written(worlds: Mapping[str, CameraMask], folder: Path) -> Mapping[str, Path]:
    """Files of the masks, by the camera's name."""
    masks = {}
    for name, mask in worlds.items():
        path = folder.resolve() / ("mask.png" if name == ONE else f"mask_{name}.png")
        path.write_bytes(mask.png())
        masks[name or CAMERA] = path
    return masks


def _asked(estimates: Mapping[str, MountEstimate]) -> Mapping[str, MountEstimate]:
    """What is believed before the drive; an InputError where nothing is uncertain."""
    if not any(each.std.any() for each in estimates.values()):
        raise InputError(
            "camera.roll_sigma, pitch_sigma, yaw_sigma and height_sigma are all 0, so the mount is known exactly: set "
            "to how well it is known what is to be found out"
        )
    return dict(estimates)


def _restated(config: NodeConfig, found: Mapping[str, FoundMount]) -> NodeConfig:
    """The configuration as if what was observed had been stated, as uncertain as before."""
    mounts = {group_of(name): each.likeliest for name, each in found.items()}
    return changed(
        config, {f"{group}.{state}": getattr(mount, state) for group, mount in mounts.items() for state in STATES}
    )


def _found(stated: MountEstimate, last: MountEstimate) -> FoundMount:
    """The estimate of the last pass, around what was stated."""
    roll, pitch, yaw, height = (getattr(last.mount, each) - getattr(stated.stated, each) for each in STATES)
    correction = np.array([wrap_angle(roll), pitch, wrap_angle(yaw), height])
    return FoundMount(MountEstimate(stated.stated, correction, last.covariance), stated.std)


def _concluded(stated: MountEstimate, last: MountEstimate) -> FoundMount:
    """What is written: as it was stated, in all that the last pass shows and yet tolerates as it was."""
    found = _found(stated, last)
    return replace(found, estimate=kept_as_stated(found.estimate, np.array([*found.observed.values()])))


def _driven(played: Played) -> tuple[int, float]:
    """How many frames were localised, and the metres between them."""
    localised = [each.track for each in played.frames if each.track.state is TrackState.LOCALISED]
    places = [(track.pose.east, track.pose.north) for track in localised if track.pose is not None]
    return len(places), sum(starmap(math.dist, pairwise(places)))


def _check_localised(bag: Path, played: Played, estimates: Mapping[str, MountEstimate]) -> None:
    if suspicion := next((each.suspicion for each in estimates.values() if each.suspicion), ""):
        raise InputError(f"{bag} does not show the mount: {suspicion}")
    fused = judge(played.frames, lambda frame: frame.track.pose, None)
    check(bag, played.frames, fused, fused, None)


def _check_focal_length(
    bag: Path, views: Sequence[View], mounts: Mapping[str, FoundMount], localizer: FrameLocalizer
) -> None:
    """InputError where frames say that a camera's calibration is of another one: its mount is none then."""
    for name, found in mounts.items():
        own = [view for view in views if view.name == name]
        tried = found.estimate.stated, found.estimate.mount
        if factor := better_focal_length(own, tried, localizer):
            raise InputError(
                f"{bag} does not show the mount: frames of {name} fit the imagery better with a focal length some "
                f"{factor:g} times that of camera_info ({own[0].camera.fx:.0f} px): is that of another camera, or of "
                "another size or zoom of the image?"
            )


def _check_observed(bag: Path, mounts: Mapping[str, FoundMount], localised: int, driven_m: float) -> None:
    """InputError where not one number of not one camera was seen."""
    if not any(any(each.observed.values()) for each in mounts.values()):
        said = "; ".join(each.not_observable for each in mounts.values())
        raise InputError(
            f"{bag} is too little: {said}, after {driven_m:.0f} m with {localised} frames localised: expected some "
            "300 m with curves, over imagery that shows kerbs and markings"
        )
