"""The files that a node keeps across restarts; never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError


def pose_path(config: SavedPoseConfig, node_name: str) -> Path:
    """Where a node with this fully qualified name keeps its pose."""
    if config.path:
        return Path(config.path).expanduser()
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "geoflow_ros" / f"{node_name.strip('/').replace('/', '.')}.json"


def mount_path(config: SavedPoseConfig, node_name: str) -> Path:
    """Where it keeps the mounts of its cameras: beside the pose."""
    return pose_path(config, node_name).with_suffix(".mount.json")


def replace_json(path: Path, document: Any, what: str) -> None:
    """Replace the file at once; an InputError says what cannot be saved."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(f"{what} cannot be saved in {path}: {error.strerror}; set saved_pose.path") from error
