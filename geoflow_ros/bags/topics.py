"""Which topic of a bag plays which role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from geoflow_ros.errors import InputError

ROLES: Mapping[str, tuple[str, ...]] = {
    "image": ("sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/Image"),
    "camera_info": ("sensor_msgs/msg/CameraInfo",),
    "fix": ("sensor_msgs/msg/NavSatFix",),
    "imu": ("sensor_msgs/msg/Imu",),
    "odom": ("nav_msgs/msg/Odometry",),
    "twist": ("geometry_msgs/msg/TwistStamped",),
}
"""What a session listens to, and the types of each."""
DEPTH = "/compressedDepth"
"""How image_transport names topics of depth maps, which are no images of the camera."""
OF_CAMERA = NEEDED = ("image", "camera_info")
ONLY_CHOSEN = ("twist",)
"""Never played by themselves: a TwistStamped may as well be a command, or a velocity to the east and north."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag."""

    name: str
    type: str


def parse_topics(assignments: Iterable[str]) -> dict[str, str]:
    """Topic names by role from ROLE:=NAME; an empty name leaves the role unplayed."""
    chosen: dict[str, str] = {}
    for each in assignments:
        role, sign, name = each.partition(":=")
        camera, _, kind = role.rpartition("/")
        if not sign or kind not in ROLES or (camera and kind not in OF_CAMERA):
            raise InputError(
                f"--topic {each} is not understood: expected ROLE:=NAME with a role of {', '.join(ROLES)}; of a rig "
                "CAMERA/image or CAMERA/camera_info"
            )
        chosen[role] = name
    return chosen


def roles_of(
    topics: Iterable[Topic],
    chosen: Mapping[str, str],
    cameras: Collection[str] = (),
    uncalibrated: Collection[str] = (),
) -> dict[str, str]:
    """The role of each topic to be played: the chosen ones, and for other roles the only topic of its type.

    Those of `ONLY_CHOSEN` are left unplayed unless chosen. cameras: of a rig, each with the roles CAMERA/image and
    CAMERA/camera_info, for which the topics are taken that have its name as a part; one that has none plays no role.
    uncalibrated: those of which no camera_info is played; a single camera has the name "".
    """
    topics = list(topics)
    roles: dict[str, str] = {}
    for role, types in _wanted(cameras, uncalibrated).items():
        camera = role.rpartition("/")[0]
        fitting = sorted(each.name for each in topics if each.type in types and not each.name.endswith(DEPTH))
        own = [name for name in fitting if not camera or camera in name.split("/")]
        name = chosen[role] if role in chosen else _by_itself(role, own)
        if name and name not in fitting:
            raise InputError(
                f"topic {name} cannot be played as {role}: the bag's topics of type {' or '.join(types)} are "
                f"{', '.join(fitting) or 'none'}"
            )
        if name and name in roles:
            raise InputError(f"topic {name} cannot be played both as {roles[name]} and as {role}: name another one")
        if name:
            roles[name] = role
        elif role in NEEDED:
            raise InputError(f"the bag has no {role}: expected a topic of type {' or '.join(types)}")
    return roles


def _wanted(cameras: Collection[str], uncalibrated: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Types by role; of a rig, the roles of its cameras."""
    own = {
        f"{camera}/{kind}" if camera else kind: ROLES[kind]
        for camera in cameras or [""]
        for kind in OF_CAMERA
        if kind != "camera_info" or camera not in uncalibrated
    }
    return own | {role: types for role, types in ROLES.items() if role not in OF_CAMERA}


def unplayed_velocities(topics: Iterable[Topic], roles: Mapping[str, str]) -> str:
    """What is to be said where nothing tells the velocity but topics that are only played when chosen; else empty."""
    found = sorted(topic.name for topic in topics if topic.type in ROLES["twist"])
    if not found or {"odom", "twist"} & set(roles.values()):
        return ""
    return (
        f"nothing tells the velocity: {', '.join(found)} may be a command, or to the east and north, and is not played "
        "by itself: if it is the vehicle's own velocity, forward and left, choose it with --topic twist:=NAME"
    )


def _by_itself(role: str, fitting: list[str]) -> str:
    if role in ONLY_CHOSEN:
        return ""
    if len(fitting) > 1:
        raise InputError(
            f"the bag has {len(fitting)} topics that could be the {role}, {', '.join(fitting)}: choose one with "
            f"--topic {role}:=NAME"
        )
    return fitting[0] if fitting else ""
