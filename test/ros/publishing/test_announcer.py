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
from geoflow_ros.ros.publishing.announcer import CEASED, HANGS, Announcer
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.track import Track, TrackState


def announcing(told: list[bytes], states: list[str]) -> Announcer:
    """One that appends levels of diagnostics and states that are published."""
    publisher = SimpleNamespace(publish=lambda message: states.append(message.data))
    logger = SimpleNamespace(warning=lambda sentence, **how: None)
    node: Any = SimpleNamespace(
        create_publisher=lambda *_: publisher, get_fully_qualified_name=lambda: "/localize", get_logger=lambda: logger
    )
    diagnostics: Any = SimpleNamespace(
        withheld=lambda level, sentence: told.append(level),
        enter=lambda level, sentence: told.append(level),
        expect_images=lambda expected: None,
    )
    values = {f"camera.{name}": value for name, value in ros.MOUNT.items()}
    return Announcer(node, configured({"tiles": "unused", **values}), diagnostics)


@pytest.mark.parametrize(("state", "level"), [(TrackState.LOCALISED, WARN), (TrackState.LOST, ERROR)])
def test_an_image_without_a_pose_is_never_well(state: TrackState, level: bytes) -> None:
    told: list[bytes] = []
    useless = Rejection("camera left: its images are stamped 1.0 s ahead", is_blind=True)
    track = Track(state, useless.reason, None)
    announcing(told, []).announce(Answer(0, track, useless, None, None, None, {}, "left", lambda: None), ros.stamp(0))
    assert told == [level]


@pytest.mark.parametrize("reason", [CEASED, HANGS])
@pytest.mark.parametrize("state", [TrackState.LOCALISED, TrackState.DEGRADED])
def test_what_is_followed_is_lost_where_nothing_is_answered(state: TrackState, reason: str) -> None:
    told: list[bytes] = []
    states: list[str] = []
    announcer = announcing(told, states)
    nothing = Rejection("covered", is_blind=True)
    announcer.announce(Answer(0, Track(state, "", None), nothing, None, None, None, {}, "", lambda: None), ros.stamp(0))
    announcer.silent(reason)
    assert (states[-1], told[-1]) == (f"LOST: {reason}", ERROR)


def test_it_is_not_said_that_no_image_has_come_while_the_first_one_hangs() -> None:
    states: list[str] = []
    announcer = announcing([], states)
    announcer.opened("no image received yet")
    announcer.silent(CEASED)  # of before it was opened
    assert states == ["INITIALISING: no image received yet"]
    announcer.silent(HANGS)
    assert states[1:] == [f"INITIALISING: {HANGS}"]
