"""What kitti2bag has written, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.camera import Mount


def messages(folder: Path, topic: str) -> list[Any]:
    """Every message on a topic of a drive folder's bag."""
    with open_bag(folder / "drive") as reader:
        connections = [each for each in reader.connections if each.topic == topic]
        return [reader.deserialize(data, each.msgtype) for each, _, data in reader.messages(connections)]


def drive_mount(folder: Path) -> Mount:
    """The mount in its description."""
    return Mount(**json.loads((folder / "drive.json").read_text())["mount"])
