"""When kept mounts are looked for: once a camera, as soon as its mount is stated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.camera import Mount
from geoflow_ros.configuration import configured
from geoflow_ros.ros.publishing.mount_announcer import MountAnnouncer
from geoflow_ros.tracking.mount.estimate import CAMERA, MountEstimate, MountPrior


class Asked:
    """A session that counts how often it is asked for its mounts."""

    def __init__(self) -> None:
        self.asked, self.stated = 0, {}  # type: ignore[var-annotated]
        self.recalled: list[str] = []

    @property
    def mount_estimates(self) -> Mapping[str, MountEstimate]:
        self.asked += 1
        return self.stated

    def recall_mounts(self, kept: Mapping[str, MountEstimate]) -> None:
        self.recalled += kept


def test_a_session_is_not_asked_for_its_mounts_before_every_image(tmp_path: Path) -> None:
    session: Any = Asked()
    logger = SimpleNamespace(warning=lambda sentence, **how: None)
    node: Any = SimpleNamespace(
        create_publisher=lambda *_: None, get_fully_qualified_name=lambda: "/localize", get_logger=lambda: logger
    )
    values = {f"camera.{name}": value for name, value in ros.MOUNT.items()}
    config = configured({"tiles": "unused", "saved_pose.path": str(tmp_path / "pose.json"), **values})
    decode: Any = None
    announcer = MountAnnouncer(node, config, session, decode)
    announcer.recall()
    assert session.asked == 2  # TF has not stated it yet
    stated = MountPrior(pitch=0.02).of(Mount())
    announcer._keeper.keep(10**10, {CAMERA: stated})
    session.stated = {CAMERA: stated}
    for _ in range(10):
        announcer.recall()
    assert session.asked == 3 and session.recalled == [CAMERA]
