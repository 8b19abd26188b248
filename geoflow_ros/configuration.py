"""The configuration of a localisation: one tree of dataclasses for the node, the replay and the reference page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.model.config import Runtime
from geoflow_ros.options import Option, Scalar, build, option, options_of
from geoflow_ros.resources import share_file
from geoflow_ros.satellite.live_config import LiveConfig
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.prior import HeadingConfig, PriorConfig
from geoflow_ros.tracking.rig.panorama_views import PanoramaView, views_of
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.settings import CameraConfig, DatumConfig, OdometryConfig
from geoflow_ros.tracking.track import TrackerConfig

NAME = re.compile(r"[a-z][a-z0-9_]*")
MIDDLEWARE_PARAMETERS = (
    "use_sim_time",
    "start_type_description_service",
    "qos_overrides.",
    "bond_disable_heartbeat",
    "/bond_disable_heartbeat",  # bondpy's name has the slash
)
"""Beginnings of the names that rclpy and bondpy declare for themselves."""


@dataclass(frozen=True, slots=True)
class SavedPoseConfig:
    """Whether a restarted node goes on where it was."""

    path: str = option(
        "file of the last pose; empty is geoflow_ros/<name of the node>.json in $XDG_STATE_HOME (~/.local/state)", ""
    )
    max_age: float = option(
        "start from the saved pose if it is not older than this; 0 neither saves nor reads one", 60.0, "s", (0.0, 1e6)
    )


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything the node `localize` is configured by; what concerns the answers means the same in a replay."""

    tiles: str = option("path of the satellite tiles: an MBTiles file, a PMTiles archive or a z/x/y folder")
    cameras: tuple[str, ...] = option(
        "names of the cameras of a rig: each has the topics NAME/image and NAME/camera_info and the parameters "
        "camera.NAME.*, where the others have camera.*; empty: a single camera",
        (),
    )
    camera: CameraConfig = field(default_factory=CameraConfig)
    rig: Mapping[str, CameraConfig] = field(default_factory=dict)
    checkpoint: str = option("path of the network's weights (.safetensors); empty takes the shipped ones", "")
    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    odometry: OdometryConfig = field(default_factory=OdometryConfig)
    sensors_from_tf: bool = option(
        "whether where fixes (frame_id) and velocities (child_frame_id) are measured comes from TF", False
    )
    datum: DatumConfig = field(default_factory=DatumConfig)
    localizer: LocalizerConfig = field(default_factory=LocalizerConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    fusion: bool = option("whether pose is fused over time; false publishes what each image alone says", True)
    seed: int = option("seed of the hypotheses, so that a result can be replayed", 0, range=(0, 2**31 - 1))
    runtime: Runtime = option(
        "what computes the image encoders; auto takes the fastest that is installed and agrees with torch", Runtime.AUTO
    )
    threads: int = option("processor threads of the network; 0 leaves the choice to torch", 0, range=(0, 256))
    image_transport: Literal["any", "raw", "compressed"] = option(
        "which of the topics image (raw) and image/compressed to listen to", "any"
    )
    image_reliability: Literal["reliable", "best_effort"] = option(
        "reliability asked of the image publisher; reliable hears nothing from a best-effort publisher", "reliable"
    )
    map_frame: str = option("frame_id of the poses: east/north/up at the datum", "map")
    base_frame: str = option("frame_id of pose_fix: the frame whose pose is estimated", "base_link")
    publish_tf: bool = option(
        "whether to broadcast the transform from map_frame to the frame of odom; leave it off when an EKF does", False
    )
    transform_tolerance: float = option(
        "how far beyond the image's stamp a broadcast transform is valid", 1.0, "s", (0.0, 10.0)
    )
    saved_pose: SavedPoseConfig = field(default_factory=SavedPoseConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    autostart: bool = option("configure and activate at the start; false leaves both to a lifecycle manager", True)
    bond: bool = option("without autostart: hold a bond with the lifecycle manager while active (needs bondpy)", True)

    def __post_init__(self) -> None:
        for name in ("tiles", "map_frame", "base_frame"):
            if not getattr(self, name):
                raise InputError(f"parameter {name} is empty: give a value or leave the parameter out")
        self._check_frames()
        for group, camera in self.camera_groups.items():
            camera.check(group)
        names = [view.name for view in self.views] + [name for name in self.cameras if not self.rig[name].panorama]
        if twins := sorted(name for name, count in Counter(names).items() if count > 1):
            raise InputError(f"cameras has {twins[0]}, which is the name of a panorama's view, too: rename the camera")
        _ = self.datum.datum  # an impossible one is refused at the start

    def _check_frames(self) -> None:
        for name in ("map_frame", "base_frame"):
            if (value := getattr(self, name)).startswith("/"):
                raise InputError(f"parameter {name} is {value!r}: TF knows no frame with a slash before its name")
        if self.map_frame == self.base_frame:
            raise InputError(f"parameters map_frame and base_frame are both {self.map_frame!r}: they are two frames")

    @property
    def checkpoint_path(self) -> Path:
        """The checkpoint given, or the shipped one."""
        return Path(self.checkpoint) if self.checkpoint else share_file("models/default.safetensors")

    @property
    def session(self) -> SessionConfig:
        """What of it a session is configured by."""
        return SessionConfig(self.heading, self.prior, self.datum, self.tracker, self.odometry, self.base_frame)

    @property
    def named_cameras(self) -> Mapping[str, CameraConfig]:
        """Each camera by its name; a single one has none."""
        return self.rig if self.cameras else {ONE: self.camera}

    @property
    def camera_groups(self) -> dict[str, CameraConfig]:
        """Each camera by the group of its parameters, `camera` or `camera.NAME`."""
        return {f"camera.{name}" if name else "camera": camera for name, camera in self.named_cameras.items()}

    @property
    def views(self) -> tuple[PanoramaView, ...]:
        """What the images of panoramic cameras are cut into."""
        return tuple(view for name, each in self.named_cameras.items() for view in _views(name, each))

    @property
    def uncalibrated(self) -> frozenset[str]:
        """The cameras that need no camera_info."""
        return frozenset(name for name, each in self.named_cameras.items() if not each.hears_calibration)

    @property
    def camera_setups(self) -> dict[str, CameraSetup]:
        """What is known of each camera beforehand, by its name; in place of a panoramic one there are its views."""
        setups: dict[str, CameraSetup] = {}
        for name, each in self.named_cameras.items():
            setup = CameraSetup(each.mount, each.rectified, each.prior, each.calibrated, None, each.delay, each.world)
            views = {view.name: view.setup(setup) for view in _views(name, each)}
            setups |= views or {name: setup}
        return setups


def _views(name: str, camera: CameraConfig) -> tuple[PanoramaView, ...]:
    return views_of(name, camera.panorama, camera.panorama_lens)


def configured(values: Mapping[str, object]) -> NodeConfig:
    """The configuration from dotted names and values: of a rig, every camera has what `camera.*` says of all.

    An InputError names what is unknown, missing or impossible.
    """
    cameras = next(each for each in options_of(NodeConfig) if each.name == "cameras")
    names = cameras.parse(values.get("cameras", ()))
    assert isinstance(names, tuple)
    if wrong := [name for name in names if not NAME.fullmatch(name)]:
        raise InputError(f"cameras has {wrong[0]!r}, expected names such as front or rear_left: rename the camera")
    if len(set(names)) < len(names):
        raise InputError(f"cameras is {', '.join(names)}: every camera needs a name of its own")
    prefixes = tuple(f"camera.{name}." for name in names)
    common = {name: value for name, value in values.items() if not name.startswith(prefixes)}
    shared = _within(common, "camera.")
    rig = {
        name: _camera(f"camera.{name}", {**shared, **_within(values, prefix)})
        for name, prefix in zip(names, prefixes, strict=True)
    }
    return build(NodeConfig, common, rig=rig)


def parameters_of(config: NodeConfig) -> Iterator[Option]:
    """Every parameter, those of the cameras of a rig among them."""
    yield from options_of(NodeConfig)
    for name in config.rig:
        yield from options_of(CameraConfig, f"camera.{name}.")


def changed(config: NodeConfig, values: Mapping[str, object]) -> NodeConfig:
    """The configuration with other values; an InputError if they do not fit together."""
    present = {each.name: value_of(config, each.name) for each in parameters_of(config)}
    return configured({name: value for name, value in {**present, **values}.items() if not is_absent(value)})


def is_own(name: str) -> bool:
    """Whether a parameter is the node's and not the middleware's."""
    return not name.startswith(MIDDLEWARE_PARAMETERS)


def value_of(config: NodeConfig, name: str) -> Scalar:
    """The value of a dotted parameter name."""
    value: object = config
    parts = name.split(".")
    if len(parts) == 3 and parts[0] == "camera" and parts[1] in config.rig:
        value, parts = config.rig[parts[1]], parts[2:]
    for part in parts:
        value = getattr(value, part)
    value = value.value if isinstance(value, Enum) else value
    if not isinstance(value, (bool, int, float, str, tuple)):
        raise TypeError(f"{name} is a group of parameters, not one")
    return value


def is_absent(value: object) -> bool:
    """Whether it stands for a value that was not given."""
    return isinstance(value, float) and math.isnan(value)


def _within(values: Mapping[str, object], prefix: str) -> dict[str, object]:
    """The values of a group, by their names in it; of its own groups none."""
    inner = {name[len(prefix) :]: value for name, value in values.items() if name.startswith(prefix)}
    return {name: value for name, value in inner.items() if "." not in name}


def _camera(group: str, values: Mapping[str, object]) -> CameraConfig:
    try:
        return build(CameraConfig, values)
    except InputError as error:
        raise InputError(f"{group}: {error}") from error
