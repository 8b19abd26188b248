"""Where the files that ship beside the package are: weights, parameter files, demo data; what is to be installed."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from types import TracebackType

from geoflow_ros.errors import InputError

PACKAGE = "geoflow_ros"
OF_ROS = re.compile(r"rcl\w*|\w+_(msgs|srvs|interfaces)|ament_\w+|tf2_\w+")
NAMED_OTHERWISE = {"cv2": "opencv-python-headless", "yaml": "PyYAML", "PIL": "Pillow"}
"""Modules that pip knows by another name."""


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
    places.append(package.parent / "share" / PACKAGE)  # of pip install --target
    # <prefix>/lib/pythonX.Y/site-packages/geoflow_ros belongs to <prefix>/share/geoflow_ros.
    if len(package.parents) > 3:
        places.append(package.parents[3] / "share" / PACKAGE)
    ament = _ament_share()
    return list(dict.fromkeys(places if ament is None else [*places, ament]))


def missing_module(error: ModuleNotFoundError) -> InputError:
    """What to say of a module that a command needs and that is not installed: from where it comes."""
    module = str(error.name).partition(".")[0]
    source = (
        "source a ROS 2, or use `make venv`"
        if OF_ROS.fullmatch(module)
        else f"pip install {NAMED_OTHERWISE.get(module, module)}"
    )
    return InputError(f"Python module {error.name} is not installed: {source}")


def end_with_a_sentence(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """A `sys.excepthook`: of a missing package one sentence and status 2, of all else what Python says."""
    command = _command()
    if command and isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] != PACKAGE:
        print(f"{PACKAGE}.{command}: {missing_module(error)}", file=sys.stderr)
        raise SystemExit(2)
    sys.__excepthook__(kind, error, traceback)


def _command() -> str:
    """Which command of this package runs, by `-m geoflow_ros.NAME` or its script; empty of another program."""
    started = Path(sys.argv[0]).resolve()
    if started.name == "__main__.py" and started.parent.parent == Path(__file__).resolve().parent:
        return started.parent.name
    return started.name if started.parent.name == PACKAGE else ""


def refuse_outdated() -> None:
    """InputError where a package that this one always needs is installed, and too old.

    pip would have replaced it; rosdep takes what a distribution has. Of a mere checkout nothing is known.
    """
    for requirement in _requirements():
        needed = re.fullmatch(r"([\w.-]+) ?\(?>=([\d.]+)\)?", requirement)
        if needed is None:
            continue
        try:
            version = str(metadata.version(needed[1]))
        except (metadata.PackageNotFoundError, KeyError):
            continue  # as OpenCV of a distribution, which has no metadata, or none with a version
        release = _release(version)
        if any(release) and release < _release(needed[2]):  # 0+unknown, as of a source tree, says nothing
            raise InputError(f"{needed[1]} {version} is too old: pip install '{needed[1]}>={needed[2]}'")


def _release(version: str) -> tuple[int, ...]:
    """The numbers with which a version begins; none where it begins otherwise."""
    begins = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, begins[0].split("."))) if begins else ()


def install_hint(extra: str) -> str:
    """The command that installs what an extra of this package names, which itself is on no index.

    From an installed package its requirements by name; from a mere checkout its folder.
    """
    of_extra = re.compile(rf"""([\w.-]+).*\bextra\s*==\s*["']{re.escape(extra)}["']""")
    names = [found[1] for each in _requirements() if (found := of_extra.match(each))]
    checkout = f'"{Path(__file__).resolve().parents[1]}[{extra}]"'
    return f"pip install {' '.join(names) or checkout}"


def _requirements() -> list[str]:
    """As the installed package states them; none of a mere checkout."""
    try:
        return metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []


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
