"""The node's parameters: what they are (the dataclasses), and how they get from ROS into them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.localizer import LocalizerConfig
from geoflow_ros.options import Option, Scalar, build, option, options_of
from geoflow_ros.resources import share_file
from geoflow_ros.tracking.prior import HeadingConfig, PriorConfig

MIDDLEWARE_PARAMETERS = ("use_sim_time", "start_type_description_service", "qos_overrides.")
HALF_TURN = (-math.pi, math.pi)


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """How the camera is mounted on base_link; there is no default, a guessed mount is a wrong pose."""

    forward: float = option("from base_link to the camera in driving direction", unit="m", range=(-30.0, 30.0))
    left: float = option("from base_link to the camera to the left", unit="m", range=(-30.0, 30.0))
    height: float = option("of the lens above the ground", unit="m", range=(0.1, 20.0))
    roll: float = option("of the viewing direction in base_link", unit="rad", range=HALF_TURN)
    pitch: float = option("of the viewing direction in base_link, positive looks down", unit="rad", range=(-1.5, 1.5))
    yaw: float = option("of the viewing direction in base_link, positive looks left", unit="rad", range=HALF_TURN)
    rectified: bool = option("whether the images are rectified already: then P of camera_info is read, not K", False)

    @property
    def mount(self) -> Mount:
        """The mount as the localiser takes it."""
        return Mount(self.forward, self.left, self.height, self.roll, self.pitch, self.yaw)


@dataclass(frozen=True, slots=True)
class DatumConfig:
    """Origin of the map frame."""

    latitude: float = option("WGS84, origin of the map frame; nan takes the first good fix", math.nan, "deg")
    longitude: float = option("WGS84, origin of the map frame; nan takes the first good fix", math.nan, "deg")
    altitude: float = option("ellipsoidal height of the origin", 0.0, "m", (-1000.0, 10000.0))

    @property
    def datum(self) -> Datum | None:
        """The configured origin, None if the first fix shall be it."""
        if math.isnan(self.latitude) and math.isnan(self.longitude):
            return None
        return Datum(self.latitude, self.longitude, self.altitude)


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything the node `localize` can be told."""

    camera: CameraConfig
    tiles: str = option("path of the satellite tiles: an MBTiles file or a z/x/y folder")
    checkpoint: str = option("path of the network's weights (.safetensors); empty takes the shipped ones", "")
    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    datum: DatumConfig = field(default_factory=DatumConfig)
    localizer: LocalizerConfig = field(default_factory=LocalizerConfig)
    seed: int = option("seed of the hypotheses, so that a result can be replayed", 0, range=(0, 2**31 - 1))
    threads: int = option("processor threads of the network; 0 leaves the choice to torch", 0, range=(0, 256))
    image_transport: Literal["any", "raw", "compressed"] = option(
        "which of the topics image (raw) and image/compressed to listen to", "any"
    )
    image_reliability: Literal["reliable", "best_effort"] = option(
        "reliability asked of the image publisher; reliable hears nothing from a best-effort publisher", "reliable"
    )
    map_frame: str = option("frame_id of the poses: east/north/up at the datum", "map")
    base_frame: str = option("frame_id of pose_fix: the frame whose pose is estimated", "base_link")

    def __post_init__(self) -> None:
        for name in ("tiles", "map_frame", "base_frame"):
            if not getattr(self, name):
                raise InputError(f"parameter {name} is empty: give a value or leave the parameter out")
        _ = self.camera.mount, self.datum.datum  # an impossible mount or datum is refused at the start

    @property
    def checkpoint_path(self) -> Path:
        """The checkpoint given, or the shipped one."""
        return Path(self.checkpoint) if self.checkpoint else share_file("models/default.safetensors")


def declare(node: Node) -> NodeConfig:
    """The node's parameters, declared read-only with description and range.

    The node must have been made with `automatically_declare_parameters_from_overrides`: only so does ROS tell
    of parameters that no one knows, which are refused here.
    """
    given = {
        name: parameter.value
        for name, parameter in node.get_parameters_by_prefix("").items()
        if not name.startswith(MIDDLEWARE_PARAMETERS)
    }
    config = build(NodeConfig, given)
    for each in options_of(NodeConfig):
        if each.name in given:
            node.undeclare_parameter(each.name)
        node.declare_parameter(each.name, value_of(config, each.name), _descriptor(each), ignore_override=True)
    return config


def value_of(config: NodeConfig, name: str) -> Scalar:
    """The value of a dotted parameter name."""
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    value = value.value if isinstance(value, Enum) else value
    if not isinstance(value, (bool, int, float, str)):
        raise TypeError(f"{name} is a group of parameters, not one")
    return value


def _descriptor(each: Option) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=each.help, read_only=True)
    if each.choices:
        descriptor.additional_constraints = f"one of {', '.join(each.choices)}"
    if each.range is not None and each.type is int:
        low, high = map(int, each.range)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif each.range is not None:
        descriptor.floating_point_range = [FloatingPointRange(from_value=each.range[0], to_value=each.range[1])]
    return descriptor
