"""What the diagnostics are told of an answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.configuration import configured
from geoflow_ros.localization.pose import Rejection
from geoflow_ros.ros.diagnostics import ERROR, WARN
from geoflow_ros.ros.publishing.announcer import Announcer
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.track import Track, TrackState


@pytest.mark.parametrize(("state", "level"), [(TrackState.LOCALISED, WARN), (TrackState.LOST, ERROR)])
def test_an_image_without_a_pose_is_never_well(state: TrackState, level: bytes) -> None:
    told: list[bytes] = []
    silent = SimpleNamespace(publish=lambda message: None)
    logger = SimpleNamespace(warning=lambda sentence, **how: None)
    node: Any = SimpleNamespace(
        create_publisher=lambda *_: silent, get_fully_qualified_name=lambda: "/localize", get_logger=lambda: logger
    )
    diagnostics: Any = SimpleNamespace(withheld=lambda level, sentence: told.append(level))
    values = {f"camera.{name}": value for name, value in ros.MOUNT.items()}
    announcer = Announcer(node, configured({"tiles": "unused", **values}), diagnostics)
    useless = Rejection("camera left: its images are stamped 1.0 s ahead", is_blind=True)
    track = Track(state, useless.reason, None)
    announcer.announce(Answer(0, track, useless, None, None, None, {}, "left", lambda: None), ros.stamp(0))
    assert told == [level]
