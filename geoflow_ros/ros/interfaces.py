"""Everything the node `localize` offers to and wants from a ROS graph: the node and the reference page read it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Qos:
    """Quality of service as the node asks for it or offers it, history `keep last`.

    `by_parameter`: the parameter image_reliability decides.
    """

    reliability: Literal["reliable", "best_effort", "by_parameter"]
    depth: int
    durability: Literal["volatile", "transient_local"] = "volatile"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: its name before remapping, and a type as `ros2 topic list -t` prints it.

    A name with a leading slash ignores the node's namespace. frame: whose frame_id the message carries, "" for none.
    """

    name: str
    type: str
    direction: Literal["in", "out"]
    qos: Qos
    help: str
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the node; `~/` is the node's own name. needs: the package without which it is not there."""

    name: str
    type: str
    help: str
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform, its frames as parameter names or words; `in` is looked up, `out` is broadcast."""

    parent: str
    child: str
    direction: Literal["in", "out"]
    help: str


SENSOR = Qos("best_effort", 50)
"""Hears reliable and best-effort publishers; deep enough for small messages of a bag played at ten times its rate."""
NEWEST_IMAGE = Qos("by_parameter", 4)  # of one, DDS would drop images that come close together, and nobody count them
RESULT = Qos("reliable", 10)
LATCHED = Qos("reliable", 1, "transient_local")

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
POSE = "geometry_msgs/msg/PoseWithCovarianceStamped"
TRIGGER = "std_srvs/srv/Trigger"

TOPICS = (
    Topic("image", IMAGE, "in", NEWEST_IMAGE, "camera image, distorted or rectified (`camera.rectified`)", "camera"),
    Topic(
        "image/compressed",
        COMPRESSED,
        "in",
        NEWEST_IMAGE,
        "the same as JPEG or PNG; follows a remapping of `image`",
        "camera",
    ),
    Topic(
        "camera_info",
        "sensor_msgs/msg/CameraInfo",
        "in",
        SENSOR,
        "calibration; must match the image's size; may be latched",
    ),
    Topic(
        "fix",
        "sensor_msgs/msg/NavSatFix",
        "in",
        SENSOR,
        "rough position of the antenna, with covariance",
    ),
    Topic("imu", "sensor_msgs/msg/Imu", "in", SENSOR, "orientation in east/north/up (`heading.source: imu`), yaw rate"),
    Topic("odom", "nav_msgs/msg/Odometry", "in", SENSOR, "velocity in `base_frame`; pose in `odom` for the transform"),
    Topic(
        "twist",
        "geometry_msgs/msg/TwistStamped",
        "in",
        SENSOR,
        "velocity in `base_frame`, for vehicles without `odom`",
    ),
    Topic(
        "initialpose", POSE, "in", RESULT, "where the vehicle is, as RViz's `2D Pose Estimate` sends it", "map_frame"
    ),
    Topic("pose", POSE, "out", RESULT, "the pose of `base_frame`, fused over time; withheld while lost", "map_frame"),
    Topic("pose_single_frame", POSE, "out", RESULT, "what the image alone says, before fusion", "map_frame"),
    Topic("pose_fix", "sensor_msgs/msg/NavSatFix", "out", RESULT, "`pose` as WGS84 with covariance", "base_frame"),
    Topic("state", "std_msgs/msg/String", "out", LATCHED, "`STATE: reason`, whenever one of the two changes"),
    Topic("hypotheses", "sensor_msgs/msg/PointCloud2", "out", RESULT, "x, y, z, yaw, weight", "map_frame"),
    Topic(
        "heatmap",
        IMAGE,
        "out",
        Qos("reliable", 1),
        "density over the imagery, of a rig that of all its cameras together; drawn while subscribed",
        "map_frame",
    ),
    Topic(
        "~/mount",
        POSE,
        "out",
        LATCHED,
        "what frames say of the camera's mount: forward, left, up axes in `base_frame`; 1 Hz; `~/NAME/mount` of a rig",
        "base_frame",
    ),
    Topic(
        "~/mount_check",
        IMAGE,
        "out",
        Qos("reliable", 1),
        "a frame laid on the imagery, by the mount as stated and as found; drawn while subscribed, 1 Hz; "
        "`~/NAME/mount_check` of a rig",
        "camera",
    ),
    Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "out", RESULT, "state, reason, counts, latency; 1 Hz"),
)

SERVICES = (
    Service("~/relocalise", TRIGGER, "forget the pose and search anew around the next fix"),
    Service("~/pause", TRIGGER, "answer no image until resumed; the tracker keeps following odometry"),
    Service("~/resume", TRIGGER, "answer images again"),
    Service(
        "~/set_datum_here",
        TRIGGER,
        "make the newest fix the origin of `map_frame`, and with it `datum.*`; the tracker starts anew",
    ),
    Service(
        "~/set_datum",
        "robot_localization/srv/SetDatum",
        "the same of a given place, as navsat_transform_node has it; what is refused is in the log",
        needs="robot_localization",
    ),
)

TRANSFORMS = (
    Transform(
        "base_frame",
        "frame_id of the images",
        "in",
        "mount of the camera, looked up in `/tf_static` or `/tf` when `camera.from_tf` is set",
    ),
    Transform(
        "base_frame",
        "frame_id of `fix`, child_frame_id of `odom`, frame_id of `twist`",
        "in",
        "where they are measured, looked up when `sensors_from_tf` is set; one that moves there is refused",
    ),
    Transform(
        "map_frame",
        "frame_id of `odom`",
        "out",
        "broadcast only when `publish_tf` is set; stamped `transform_tolerance` after the image",
    ),
)

CHANGEABLE_AT_RUN_TIME = ("localizer.", "tracker.", "datum.")
"""Prefixes of the parameters that `ros2 param set` may change; the others are read once."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def named(table: Sequence[T], name: str) -> T:
    """The entry of a table with a name; a KeyError if there is none."""
    for each in table:
        if each.name == name:
            return each
    raise KeyError(name)


def topics_fact(camera: str) -> str:
    """What `/diagnostics` calls the topics that a camera listens to; camera: its name, "" of the one that has none."""
    return f"topics of camera {camera}".rstrip()
