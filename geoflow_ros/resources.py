"""Where the files that ship beside the package are: weights, parameter files, demo data; how to install what is not."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from geoflow_ros.errors import InputError

PACKAGE = "geoflow_ros"


def share_file(relative: str) -> Path:
    """Path of a shipped file or folder such as ``models/default.safetensors``; InputError names the places tried."""
    places = share_folders()
    for place in places:
        if (place / relative).exists():
            return place / relative
    tried = ", ".join(str(place) for place in places)
    raise InputError(f"{relative!r} is not among the shipped files (looked in {tried}): install {PACKAGE} again.")


def share_folders() -> list[Path]:
    """Folders that may hold the shipped files, the nearest to this file first: checkout, pip install, ROS workspace."""
    package = Path(__file__).resolve().parent
    places = []
    if (package.parent / "package.xml").is_file():
        places.append(package.parent)
    # <prefix>/lib/pythonX.Y/site-packages/geoflow_ros belongs to <prefix>/share/geoflow_ros.
    if len(package.parents) > 3:
        places.append(package.parents[3] / "share" / PACKAGE)
    ament = _ament_share()
    return list(dict.fromkeys(places if ament is None else [*places, ament]))


def install_hint(extra: str) -> str:
    """The command that installs what an extra of this package names, which itself is on no index.

    From an installed package its requirements by name; from a mere checkout its folder.
    """
    try:
        requirements = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        requirements = []
    of_extra = re.compile(rf"""([\w.-]+).*\bextra\s*==\s*["']{re.escape(extra)}["']""")
    names = [found[1] for each in requirements if (found := of_extra.match(each))]
    checkout = f'"{Path(__file__).resolve().parents[1]}[{extra}]"'
    return f"pip install {' '.join(names) or checkout}"


def _ament_share() -> Path | None:
    """The sourced workspace's share folder; None outside ROS and where no sourced workspace has the package."""
    try:
        from ament_index_python.packages import get_package_share_directory
    except ImportError:
        return None
    try:
        return Path(get_package_share_directory(PACKAGE))
    except (LookupError, OSError):  # the package is in no sourced workspace, or AMENT_PREFIX_PATH is not set at all
        return None
