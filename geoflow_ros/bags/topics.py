"""Which topic of a bag plays which role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
NEEDED = ("image", "camera_info")
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
        if not sign or role not in ROLES:
            raise InputError(f"--topic {each} is not understood: expected ROLE:=NAME with a role of {', '.join(ROLES)}")
        chosen[role] = name
    return chosen


def roles_of(topics: Iterable[Topic], chosen: Mapping[str, str]) -> dict[str, str]:
    """The role of each topic to be played: the chosen ones, and for other roles the only topic of its type.

    Those of `ONLY_CHOSEN` are left unplayed unless chosen.
    """
    topics = list(topics)
    roles: dict[str, str] = {}
    for role, types in ROLES.items():
        fitting = sorted(each.name for each in topics if each.type in types and not each.name.endswith(DEPTH))
        name = chosen[role] if role in chosen else _by_itself(role, fitting)
        if name and name not in fitting:
            raise InputError(
                f"topic {name} cannot be played as {role}: the bag's topics of type {' or '.join(types)} are "
                f"{', '.join(fitting) or 'none'}"
            )
        if name:
            roles[name] = role
        elif role in NEEDED:
            raise InputError(f"the bag has no {role}: expected a topic of type {' or '.join(types)}")
    return roles


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
