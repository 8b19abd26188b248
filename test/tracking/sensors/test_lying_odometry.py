"""A whole session with odometry that lies and has no pose to be compared with: only frames and fixes tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import position_std
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.prior import HeadingConfig
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
BEND = sim.Drive(radius=40.0)
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
BLAMED = "odometry contradicts where frames say the vehicle went"
Change = Callable[[str, Any, float], None]


def seconds_of(message: Any) -> float:
    return (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS) * 1e-9


def answers(change: Change, end: float, drive: sim.Drive = DRIVE) -> list[Answer]:
    """Of a drive of so many seconds whose messages are changed, given their role and seconds."""
    config = SessionConfig(heading=HeadingConfig(source="imu"), datum=HERE)
    session = Session(config, lambda frame: sim.KnowingLocalizer(drive), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    found = []
    for role, message in sim.messages(drive, 0.0, end, np.random.default_rng(1)):
        change(role, message, seconds_of(message))
        if role == "image":
            found.append(session.process(message))
        else:
            getattr(session, f"on_{role}")(message)
    return found


def scaled(by: float, since: float) -> Change:
    def change(role: str, message: Any, seconds: float) -> None:
        if role == "odom" and seconds >= since:
            message.twist.twist.linear.x *= by

    return change


def creeping(by: float, since: float, within: float) -> Change:
    """As `scaled`, but not at once: slowly enough for a vehicle."""

    def change(role: str, message: Any, seconds: float) -> None:
        share = min(max(0.0, (seconds - since) / within), 1.0)
        scaled(1.0 + share * (by - 1.0), since)(role, message, seconds)

    return change


def error(answer: Answer, drive: sim.Drive = DRIVE) -> float:
    pose, (east, north, _) = answer.track.pose, drive.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
    assert pose is not None
    return math.hypot(pose.east - east, pose.north - north)


@pytest.mark.parametrize("by", [0.0, -1.0, 2.0], ids=["stands", "backward", "twice"])
def test_odometry_that_lies_from_the_start_does_not_keep_the_track_from_beginning(by: float) -> None:
    found = answers(scaled(by, since=0.0), 12.0)
    assert [each.track.state for each in found[-30:]] == [TrackState.LOCALISED] * 30
    assert BLAMED in found[-1].track.reason
    assert max(map(error, found[-30:])) < 1.5


def test_a_speed_that_turns_wrong_underway_is_doubted_before_it_is_refused() -> None:
    found = answers(creeping(2.5, since=6.0, within=0.5), 14.0)
    doubted = next(index for index, each in enumerate(found) if "against odometry" in each.track.reason)
    refused = next(index for index, each in enumerate(found) if BLAMED in each.track.reason)

    assert 60 < doubted < 70 < refused < 125
    assert TrackState.LOCALISED not in {each.track.state for each in found[doubted:refused]}
    leaping = [each for each in found if "against odometry" in each.track.reason]
    for each in leaping:
        assert each.track.pose is not None and error(each) < 3.0 * position_std(each.track.pose.covariance)
    assert max(error(each) for each in found if each.track.state is TrackState.LOCALISED) < 2.0
    assert found[-1].track.state is TrackState.LOCALISED
    assert error(found[-1]) < 1.5


@pytest.mark.parametrize("by", [0.0, -1.0, 2.5], ids=["stalls", "reversed", "leaps"])
def test_a_speed_that_leaps_for_a_while_leads_nowhere(by: float) -> None:
    def change(role: str, message: Any, seconds: float) -> None:
        if seconds < 8.0:
            scaled(by, since=6.0)(role, message, seconds)

    found = answers(change, 10.0)
    assert any("odometry leaps from" in each.track.reason for each in found)
    assert max(error(each) for each in found[40:] if each.track.pose is not None) < 1.5


@pytest.mark.parametrize("by", [0.75, 1.3])
def test_a_scale_that_no_wear_of_wheels_explains_is_doubted_named_and_made_up_for(by: float) -> None:
    found = answers(scaled(by, since=0.0), 20.0)
    doubted = [each for each in found if "less or more far than odometry says" in each.track.reason]
    assert doubted and all(each.track.state is TrackState.DEGRADED for each in doubted)
    assert f"odometry tells {by:.1f}"[:-1] in found[-1].track.reason
    assert "wheel radius, units?" in found[-1].track.reason
    assert [each.track.state for each in found[-40:]] == [TrackState.LOCALISED] * 40
    assert max(map(error, found[-40:])) < 1.0


def of_turn(change_rate: Callable[[float], float]) -> Change:
    """Odometry without poses whose rate of turn (rad/s) is another one."""

    def change(role: str, message: Any, seconds: float) -> None:
        if role == "odom":
            message.twist.twist.angular.z = change_rate(message.twist.twist.angular.z)

    return change


@pytest.mark.parametrize("turn", [math.degrees, lambda rate: -rate], ids=["degrees", "clockwise"])
def test_odometry_that_only_turns_wrong_still_tells_how_fast_it_goes(turn: Callable[[float], float]) -> None:
    found = answers(of_turn(turn), 8.0, BEND)
    assert [each.track.state for each in found[-40:]] == [TrackState.LOCALISED] * 40
    assert "odom's rate of turn" in found[-1].track.reason
    assert max(error(each, BEND) for each in found[-40:]) < 1.5


def test_fixes_that_leap_at_the_start_do_not_blame_odometry() -> None:
    def elsewhere(role: str, message: Any, seconds: float) -> None:
        if role == "fix":
            message.longitude += 0.01 if seconds < 3.0 else 0.0
            message.position_covariance = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 9.0]

    found = answers(elsewhere, 12.0)
    assert not any("odometry contradicts" in each.track.reason for each in found)
    assert found[-1].track.state is TrackState.LOCALISED
