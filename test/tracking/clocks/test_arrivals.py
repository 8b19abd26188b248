"""A session that is told when messages come: stamps of the future and of the past, and clocks that are set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, position_std
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.clocks.arrivals import Arrival
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
FROM_S, TO_S, END_S = 2.5, 4.0, 6.0
"""When clocks go wrong, are well again, and the drive ends."""
Clock = Callable[[str, float], float]
Seen = tuple[float, Answer]
"""When an image was taken in truth, and what was answered."""


def on_time(role: str, seconds: float) -> float:
    return seconds


def lived(
    stamped: Clock, comes: Clock = on_time, node: Callable[[float], float] = lambda at: at, fixes: bool = True
) -> list[Seen]:
    """The answers of a drive. stamped, comes: what a message of a role and a time (s) is stamped, and when it comes.

    node: what the node's clock says then. fixes: if there are none, the place is stated at the start.
    """
    session, seen = Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA), []
    session.on_camera_info(sim.camera_info())
    if not fixes:
        session.initialise(sim.START_NS, PosePrior(*DRIVE.pose(0.0), np.diag([4.0, 4.0, 0.01])))
    drive = [
        (role, message, _seconds(message))
        for role, message in sim.messages(DRIVE, 0.0, END_S, np.random.default_rng(1), fixes)
    ]
    for role, message, taken_s in sorted(drive, key=lambda each: comes(each[0], each[2])):
        message.header = sim.header(sim.stamp(stamped(role, taken_s)))
        came_s = comes(role, taken_s)
        arrival = Arrival(sim.stamp(node(came_s)), sim.stamp(came_s) - sim.START_NS)
        if role == "image":
            session.image_arrived(message, arrival)
            seen.append((taken_s, session.process(message)))
        elif session.admits(role, message, arrival):
            getattr(session, f"on_{role}")(message)
    return seen


def _seconds(message: Any) -> float:
    return (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS) * 1e-9


def shifted(by_s: float, *roles: str) -> Clock:
    """For a while, these roles are stamped so much later."""
    return lambda role, at: at + by_s * (FROM_S <= at < TO_S and (not roles or role in roles))


def reasons(seen: list[Seen]) -> str:
    return "\n".join(answer.track.reason for _, answer in seen)


def assert_honest(seen: list[Seen]) -> None:
    """No pose is confidently wrong."""
    for taken_s, answer in seen:
        if pose := answer.track.pose:
            east, north, _ = DRIVE.pose(taken_s)
            error = math.hypot(pose.east - east, pose.north - north)
            assert error < max(2.0, 3.0 * position_std(pose.covariance)), (taken_s, answer.track.reason)


@pytest.mark.parametrize(
    ("roles", "by_s"),
    [
        (("odom",), 3.0), (("odom",), -7200.0), (("odom", "imu"), 1.6), (("imu",), 3.0), (("fix",), 7200.0),
        (("fix",), -3.0), (("image",), 3.0),
    ],
)  # fmt: skip
def test_stamps_that_lie_elsewhere_than_when_they_come_lead_nowhere(roles: tuple[str, ...], by_s: float) -> None:
    seen = lived(shifted(by_s, *roles))
    assert_honest(seen)
    assert seen[-1][1].track.state is TrackState.LOCALISED and seen[-1][1].warnings == {}
    side = "ahead of" if by_s > 0.0 else "behind"
    assert f"{roles[0]} is stamped" in reasons(seen) and f"{side} what else comes in with it" in reasons(seen)


@pytest.mark.parametrize("by_s", [1.5, -1.5, 0.7, -20.0])
def test_clocks_that_are_set_cost_a_second_and_no_wrong_pose(by_s: float) -> None:
    seen = lived(shifted(by_s))
    assert_honest(seen)
    for begun_s in (FROM_S, TO_S):
        after = [answer.track.pose for taken_s, answer in seen if begun_s + 1.0 <= taken_s < begun_s + 1.5]
        assert None not in after
    assert f"every clock was set {'ahead' if by_s > 0.0 else 'back'} by {abs(by_s):.1f} s" in reasons(seen)


@pytest.mark.parametrize("by_s", [1.5, -1.5, -0.7, -3600.0, 30.0])
def test_without_gnss_the_place_outlives_clocks_that_are_set(by_s: float) -> None:
    seen = lived(shifted(by_s), fixes=False)
    assert_honest(seen)
    for begun_s in (0.0, FROM_S, TO_S):
        after = [answer.track.pose for taken_s, answer in seen if begun_s + 1.0 <= taken_s < begun_s + 1.5]
        assert None not in after


@pytest.mark.parametrize(
    ("comes", "node"),
    [
        (lambda role, at: at / 3.0, lambda at: at + 3e7),  # a bag of last year at three times its speed
        (lambda role, at: at * 4.0, lambda at: at + 3e7),
        (lambda role, at: at + 30.0 * (at > 4.0), lambda at: at + 3e7),  # paused for half a minute
        (lambda role, at: at + 1.0 * (role == "fix"), lambda at: at),
        (lambda role, at: max(at, 4.5) if at > 2.5 else at, lambda at: at),  # the computer stood still for 3 s
        (lambda role, at: at + (role == "image") * 0.9, lambda at: at - 0.8),
        (lambda role, at: at + 1.6 * (role != "fix" and at > 2.5), lambda at: at),  # a link that grows slow
    ],
)
def test_stamps_that_agree_with_each_other_are_believed(comes: Clock, node: Callable[[float], float]) -> None:
    seen = lived(on_time, comes, node)
    assert_honest(seen)
    assert {answer.track.state for _, answer in seen[20:]} == {TrackState.LOCALISED}
    assert all(not answer.warnings for _, answer in seen)
