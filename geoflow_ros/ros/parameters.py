"""The node's parameters: what they are (the dataclasses), and how they get from ROS into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer import LocalizerConfig
from geoflow_ros.model.inference.runtimes import Runtime
from geoflow_ros.options import Option, Scalar, build, option, options_of
from geoflow_ros.resources import share_file
from geoflow_ros.ros.camera_parameters import MountedCameraConfig
from geoflow_ros.ros.interfaces import CHANGEABLE_AT_RUN_TIME
from geoflow_ros.ros.publishing.saved_pose import SavedPoseConfig
from geoflow_ros.tracking.prior import HeadingConfig, PriorConfig
from geoflow_ros.tracking.session import SessionConfig
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.tracker import TrackerConfig

MIDDLEWARE_PARAMETERS = ("use_sim_time", "start_type_description_service", "qos_overrides.", "bond_disable_heartbeat")
"""Beginnings of the names that rclpy and bondpy declare for themselves."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything the node `localize` can be told."""

    tiles: str = option("path of the satellite tiles: an MBTiles file or a z/x/y folder")
    camera: MountedCameraConfig = field(default_factory=MountedCameraConfig)
    checkpoint: str = option("path of the network's weights (.safetensors); empty takes the shipped ones", "")
    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
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
    autostart: bool = option("configure and activate at the start; false leaves both to a lifecycle manager", True)
    bond: bool = option("without autostart: hold a bond with the lifecycle manager while active (needs bondpy)", True)

    def __post_init__(self) -> None:
        for name in ("tiles", "map_frame", "base_frame"):
            if not getattr(self, name):
                raise InputError(f"parameter {name} is empty: give a value or leave the parameter out")
        _ = self.camera.mount, self.datum.datum  # an impossible mount or datum is refused at the start

    @property
    def checkpoint_path(self) -> Path:
        """The checkpoint given, or the shipped one."""
        return Path(self.checkpoint) if self.checkpoint else share_file("models/default.safetensors")

    @property
    def session(self) -> SessionConfig:
        """What of it a session is told."""
        return SessionConfig(self.heading, self.prior, self.datum, self.tracker, self.camera.rectified)


def declare(node: Node) -> NodeConfig:
    """The node's parameters, declared with description and range; most of them read-only.

    The node must have been made with `automatically_declare_parameters_from_overrides`: only so does ROS tell
    of parameters that no one knows, which are refused here.
    """
    given = {name: each.value for name, each in node.get_parameters_by_prefix("").items() if is_own(name)}
    config = build(NodeConfig, given)
    for each in options_of(NodeConfig):
        if each.name in given:
            node.undeclare_parameter(each.name)
        value = value_of(config, each.name)
        node.declare_parameter(each.name, value, _descriptor(each, value), ignore_override=True)
    return config


def changed(config: NodeConfig, values: Mapping[str, object]) -> NodeConfig:
    """The configuration with other values; an InputError if they do not fit together."""
    present = {each.name: value_of(config, each.name) for each in options_of(NodeConfig)}
    given = {name: value for name, value in {**present, **values}.items() if not _is_absent(value)}
    return build(NodeConfig, given)


def is_own(name: str) -> bool:
    """Whether a parameter is the node's and not the middleware's."""
    return not name.startswith(MIDDLEWARE_PARAMETERS)


def value_of(config: NodeConfig, name: str) -> Scalar:
    """The value of a dotted parameter name."""
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    value = value.value if isinstance(value, Enum) else value
    if not isinstance(value, (bool, int, float, str)):
        raise TypeError(f"{name} is a group of parameters, not one")
    return value


def _is_absent(value: object) -> bool:
    return value != value  # nan


def _descriptor(each: Option, value: Scalar) -> ParameterDescriptor:
    read_only = not each.name.startswith(CHANGEABLE_AT_RUN_TIME)
    descriptor = ParameterDescriptor(description=each.help, read_only=read_only)
    if each.choices:
        descriptor.additional_constraints = f"one of {', '.join(each.choices)}"
    if each.range is not None and each.type is int:
        low, high = map(int, each.range)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif each.range is not None and not _is_absent(value):  # rclpy would refuse the absent value
        descriptor.floating_point_range = [FloatingPointRange(from_value=each.range[0], to_value=each.range[1])]
    return descriptor
