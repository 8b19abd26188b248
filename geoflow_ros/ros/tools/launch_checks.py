"""What a launch file checks before it starts anything: a part that fails later would leave the others behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from geoflow_ros.errors import InputError

CAMERA = "{camera}"


def truth(name: str, text: str) -> bool:
    """What a launch argument says, true or false as ROS writes them."""
    if text.lower() not in ("true", "false"):
        raise InputError(f"launch argument {name} is {text!r}, expected true or false")
    return text.lower() == "true"


def number(name: str, text: str) -> float:
    """What a launch argument says, a number."""
    try:
        return float(text)
    except ValueError:
        raise InputError(f"launch argument {name} is {text!r}, expected a number such as 1.65") from None


def names(name: str, text: str) -> list[str]:
    """What a launch argument says, names with commas between them."""
    return [each.strip() for each in text.strip("[]").split(",")]


def rig_topics(cameras: Sequence[str], remappings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The remappings; of a topic whose new name has `{camera}` in it, one for each camera of a rig."""
    made: list[tuple[str, str]] = []
    for topic, wanted in remappings:
        if CAMERA not in wanted:
            made.append((topic, wanted))
        elif not cameras:
            raise InputError(f"launch argument {topic}_topic is {wanted!r}: {CAMERA} needs cameras:=front,left")
        else:
            made += [(f"{camera}/{topic}", wanted.replace(CAMERA, camera)) for camera in cameras]
    return made


def path(name: str, text: str) -> Path:
    """What a launch argument says, a file or folder that exists."""
    if not Path(text).exists():
        raise InputError(f"launch argument {name} is {text!r}, which does not exist")
    return Path(text)


def all_installed(packages: Mapping[str, str], prefix_of: Callable[[str], str], otherwise: str) -> None:
    """Nothing if every package is installed. packages: with what it is for. prefix_of: of ament_index_python.

    otherwise: what to do instead of installing them.
    """
    missing = {name: purpose for name, purpose in packages.items() if not _is_installed(name, prefix_of)}
    if missing:
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        debs = " ".join(f"ros-{distribution}-{name.replace('_', '-')}" for name in missing)
        wanted = ", ".join(f"{name} ({purpose})" for name, purpose in missing.items())
        raise InputError(f"not installed: {wanted}: sudo apt install {debs}, or {otherwise}")


def _is_installed(package: str, prefix_of: Callable[[str], str]) -> bool:
    try:
        prefix_of(package)
    except LookupError:  # ament_index_python's PackageNotFoundError is a KeyError
        return False
    return True
