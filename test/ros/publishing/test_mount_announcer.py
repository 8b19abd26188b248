"""When kept mounts are looked for: once a camera, as soon as its mount is stated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from builtin_interfaces.msg import Time

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


class Topic:
    """A publisher to which nobody listens."""

    def __init__(self) -> None:
        self.published: list[Any] = []

    def publish(self, message: Any) -> None:
        self.published.append(message)

    def get_subscription_count(self) -> int:
        return 0


def announcing(session: Any, path: Path) -> MountAnnouncer:
    logger = SimpleNamespace(warning=lambda sentence, **how: None)
    node: Any = SimpleNamespace(
        create_publisher=lambda *_: Topic(), get_fully_qualified_name=lambda: "/localize", get_logger=lambda: logger
    )
    values = {f"camera.{name}": value for name, value in ros.MOUNT.items()}
    config = configured({"tiles": "unused", "saved_pose.path": str(path / "pose.json"), **values})
    decode: Any = None
    return MountAnnouncer(node, config, session, decode)


def test_a_session_is_not_asked_for_its_mounts_before_every_image(tmp_path: Path) -> None:
    session: Any = Asked()
    announcer = announcing(session, tmp_path)
    announcer.recall()
    assert session.asked == 2  # TF has not stated it yet
    stated = MountPrior(pitch=0.02).of(Mount())
    announcer._keeper.keep(10**10, {CAMERA: stated})
    session.stated = {CAMERA: stated}
    for _ in range(10):
        announcer.recall()
    assert session.asked == 3 and session.recalled == [CAMERA]


def test_nor_after_every_image(tmp_path: Path) -> None:
    """At 20 Hz it is published every second and kept every five; where it is not stated yet, as soon as it is."""
    session: Any = Asked()
    announcer = announcing(session, tmp_path)
    message: Any = SimpleNamespace(header=SimpleNamespace(stamp=Time(), frame_id="lens"))

    def announce(tick: int) -> None:
        answer: Any = SimpleNamespace(camera="", stamp_ns=10**10 + tick * 50_000_000)
        announcer.announce(message, answer)

    announce(0)
    session.stated, session.asked = {CAMERA: MountPrior(pitch=0.02).of(Mount())}, 0
    for tick in range(1, 121):
        announce(tick)
    mounts: Any = announcer._mounts[CAMERA]
    assert len(mounts.published) == 6 and session.asked == 7
    assert announcer._keeper.recall(CAMERA, session.stated[CAMERA]) is not None
