"""The files that a node keeps across restarts; never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError
from geoflow_ros.structured_text import read_json


class StateFile:
    """A JSON file that may be missing, damaged, or where nobody may read: then an InputError, which ends no node."""

    def __init__(self, path: Path | None, what: str) -> None:
        """path: None where there is no folder for it. what: it holds, for the sentences."""
        self._path, self._what = path, what

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> Any:
        """What it holds, None where there is none."""
        if self._path is None:
            return None
        try:
            return read_json(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:  # another user's home, as in a container, among them
            raise InputError(f"{self._path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise InputError(f"{self._path} cannot be read: {error}") from error

    def replace(self, document: Any) -> None:
        """Replace it at once."""
        if self._path is None:
            raise InputError(f"{self._what} cannot be saved: this user has no home directory; set saved_pose.path")
        try:
            _replace(self._path, document)
        except OSError as error:
            sentence = f"{self._what} cannot be saved in {self._path}: {error.strerror}; set saved_pose.path"
            raise InputError(sentence) from error


def pose_path(config: SavedPoseConfig, node_name: str) -> Path | None:
    """Where a node with this fully qualified name keeps its pose; None by default where the user has no home.

    An InputError for a path that can be no file.
    """
    if not config.path:
        state = _expanded(os.environ.get("XDG_STATE_HOME") or "~/.local/state")
        return state and state / "geoflow_ros" / f"{node_name.strip('/').replace('/', '.')}.json"
    path = _expanded(config.path)
    if path is None:
        raise InputError(f"saved_pose.path is {config.path}, but no such home directory is known: give a whole path")
    if not path.name or os.path.isdir(path):
        raise InputError(f"saved_pose.path is {config.path}, a folder: give a file in it, such as pose.json")
    return path


def mount_path(config: SavedPoseConfig, node_name: str) -> Path | None:
    """Where it keeps the mounts of its cameras: beside the pose, and as `pose_path`."""
    path = pose_path(config, node_name)
    return path and path.with_name(f"{path.name.removesuffix('.json')}.mount.json")


def _expanded(path: str) -> Path | None:
    """The path with its `~` as a home directory; None if there is none, as of a container's user without a name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def _replace(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
