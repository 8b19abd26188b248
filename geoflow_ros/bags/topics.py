"""Which topic of a bag plays which role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geoflow_ros.errors import InputError

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

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
COMPRESSED = "/compressed"
ENOUGH_HZ = 5.0
"""Images a second from which a vehicle is followed by them alone (docs/RESULTS.md, "A camera and fixes alone")."""
LISTED = 30
"""Topics of a bag that a sentence names, at most."""
OF_CAMERA = NEEDED = ("image", "camera_info")
ONLY_CHOSEN = ("twist",)
"""Never played by themselves: a TwistStamped may as well be a command, or a velocity to the east and north."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag."""

    name: str
    type: str


def topics_in(reader: AnyReader) -> set[Topic]:
    """The topics of an open bag."""
    return {Topic(each.topic, each.msgtype) for each in reader.connections}


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
    needed: Collection[str] = (),
) -> dict[str, str]:
    """The role of each topic to be played: the chosen ones, and for other roles the only topic of its type.

    Those of `ONLY_CHOSEN` are left unplayed unless chosen. cameras: of a rig, each with the roles CAMERA/image and
    CAMERA/camera_info, for which the topics are taken that have its name as a part; one that has none plays no role.
    uncalibrated: those of which no camera_info is played; a single camera has the name "". needed: roles besides
    `NEEDED`. Of an image that was recorded raw and compressed the raw one is played, of several camera_info the one
    beside the image. The InputError names all that is missing or to be chosen, and what the bag has.
    """
    topics = list(topics)
    roles: dict[str, str] = {}
    unclear: dict[str, list[str]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for role, types in _wanted(cameras, uncalibrated).items():
        fitting = [each.name for each in topics if each.type in types and not each.name.endswith(DEPTH)]
        fitting.sort(key=lambda name: ("depth" in name, name))  # the first is what a sentence suggests
        names = _chosen(role, chosen[role], fitting, types) if role in chosen else _by_itself(role, fitting, roles)
        for name in names[:1]:  # of several, what goes with the first
            if name in roles:
                raise InputError(f"topic {name} cannot be played both as {roles[name]} and as {role}: name another one")
            roles[name] = role
        if len(names) > 1:
            unclear[role] = names
        if not names and (role in NEEDED or role in needed):
            missing[role] = types
    if unclear or missing:
        raise InputError("; ".join([*_said_of_missing(missing, topics), *_said_of_unclear(unclear)]))
    return roles


def beside(image_topic: str) -> str:
    """The camera_info that belongs to an image, as image_transport looks for it."""
    return f"{image_topic.removesuffix(COMPRESSED).rpartition('/')[0]}/camera_info"


def rectified_complaint(image_topic: str, group: str) -> str:
    """What is to be said of a camera that is not stated as rectified; empty where its topic does not say that it is."""
    if not any(part.startswith("image_rect") for part in image_topic.split("/")):
        return ""
    return (
        f"{image_topic} is rectified already, as image_proc names it, but {group}.rectified is not set: distortion is "
        "taken out twice"
    )


def in_words(roles: Mapping[str, str]) -> str:
    """What is played, by role, and what is not there."""
    played = ", ".join(f"{role} {topic}" for topic, role in roles.items())
    absent = [role for role in ROLES if role not in (*OF_CAMERA, *ONLY_CHOSEN, *roles.values())]
    return f"{played}; no {', no '.join(absent)}" if absent else played


def heard_as(roles: Mapping[str, str]) -> str:
    """What makes a node hear what is played: arguments of localize.launch.py; of a rig, remappings."""
    names = {role: topic.removesuffix(COMPRESSED) for topic, role in roles.items()}
    if any("/" in role for role in names):
        return " ".join(["--ros-args", *(f"-r {role}:={name}" for role, name in names.items())])
    return " ".join(f"{role}_topic:={name}" for role, name in names.items())


def _chosen(role: str, name: str, fitting: list[str], types: tuple[str, ...]) -> list[str]:
    """The topic of this name, with or without the slash before it and how image_transport names a compressed one."""
    full = name if name.startswith("/") else f"/{name}"
    for each in (full, full + COMPRESSED) if name else ():
        if each in fitting:
            return [each]
    if not name:
        return []
    raise InputError(
        f"topic {name} cannot be played as {role}: the bag's topics of type {' or '.join(types)} are "
        f"{', '.join(fitting) or 'none'}"
    )


def _by_itself(role: str, fitting: list[str], roles: Mapping[str, str]) -> list[str]:
    """The topics that may play a role: one, where there is no doubt."""
    camera, _, kind = role.rpartition("/")
    own = [name for name in fitting if not camera or camera in name.split("/")]
    if kind in ONLY_CHOSEN:
        return []
    if kind == "image" and len({name.removesuffix(COMPRESSED) for name in own}) == 1:
        return own[:1]
    images = [
        topic for topic, other in roles.items() if kind == "camera_info" and other == f"{camera}/image".strip("/")
    ]
    return next(([beside(image)] for image in images if beside(image) in own), own)


def _said_of_missing(missing: Mapping[str, tuple[str, ...]], topics: Iterable[Topic]) -> list[str]:
    if not missing:
        return []
    expected = " and ".join(f"no {role} (a topic of type {' or '.join(types)})" for role, types in missing.items())
    found = sorted(f"{each.name} ({each.type})" for each in topics)
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    instead = " (or give its file by camera.calibration)" if any(map(_is_calibration, missing)) else ""
    return [
        f"the bag has {expected}: record it again{instead}, its topics are {', '.join(found[:LISTED]) or 'none'}{more}"
    ]


def _is_calibration(role: str) -> bool:
    return role.rpartition("/")[2] == "camera_info"


def _said_of_unclear(unclear: Mapping[str, list[str]]) -> list[str]:
    if not unclear:
        return []
    several = " and ".join(
        f"{len(names)} topics that could be the {role} ({', '.join(names)})" for role, names in unclear.items()
    )
    options = " ".join(f"--topic {role}:={names[0]}" for role, names in unclear.items())
    return [f"the bag has {several}: choose as in {options}"]


def _wanted(cameras: Collection[str], uncalibrated: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Types by role; of a rig, the roles of its cameras."""
    own = {
        f"{camera}/{kind}" if camera else kind: ROLES[kind]
        for camera in cameras or [""]
        for kind in OF_CAMERA
        if kind != "camera_info" or camera not in uncalibrated
    }
    return own | {role: types for role, types in ROLES.items() if role not in OF_CAMERA}


def unknown_motion(topics: Iterable[Topic], roles: Mapping[str, str], images_hz: float) -> str:
    """What is to be said where nothing that is played tells how the vehicle moves between images; else empty.

    Velocities that are only played when chosen are named.
    """
    played = set(roles.values())
    if {"odom", "twist"} & played:
        return ""
    if found := sorted(topic.name for topic in topics if topic.type in ROLES["twist"]):
        return (
            f"nothing tells the velocity: {', '.join(found)} may be a command, or to the east and north, and is not "
            "played by itself: if it is the vehicle's own velocity, forward and left, choose it with --topic "
            "twist:=NAME"
        )
    if "imu" in played or images_hz > 0.9 * ENOUGH_HZ:
        return ""
    return (
        f"images come at {images_hz:.1f} Hz, and neither odometry nor an IMU tells how the vehicle moves between them: "
        f"let {ENOUGH_HZ:g} a second or more come, or record nav_msgs/Odometry or a sensor_msgs/Imu, of which the rate "
        "of turn is enough"
    )
