"""Wheels that spin while the vehicle stands, and that stand while it is towed: frames alone know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

OUTSIDE = 13.8  # chi-square of two, beyond which one in a thousand is


@dataclass(frozen=True)
class Seen:
    """Of a frame: seconds, state, distance to the truth (m) and its chi-square."""

    seconds: float
    state: TrackState
    error: float
    chi_square: float


def driven(drive: sim.Drive, end: float, told: dict[str, tuple[float, float]]) -> list[Seen]:
    """A drive of so many seconds. told: what odometry says from one time to another (s) at a speed (m/s as the key)."""
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: sim.KnowingLocalizer(drive), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    found = []
    for role, message in sim.messages(drive, 0.0, end, np.random.default_rng(1)):
        seconds = sim.seconds_of(message)
        if role == "odom":
            _lie(message, seconds, told)
        if role != "image":
            getattr(session, f"on_{role}")(message)
        else:
            found.append(_seen(session.process(message).track, drive, seconds))
    return found


def _lie(message: Any, seconds: float, told: dict[str, tuple[float, float]]) -> None:
    for speed, (begin, end) in told.items():
        if begin <= seconds < end:
            message.twist.twist.linear.x, message.twist.twist.angular.z = float(speed), 0.0


def _seen(track: Any, drive: sim.Drive, seconds: float) -> Seen:
    if track.pose is None:
        return Seen(seconds, track.state, np.inf, np.inf)
    off = np.array([track.pose.east, track.pose.north]) - drive.pose(seconds)[:2]
    chi_square = float(off @ np.linalg.solve(track.pose.covariance[:2, :2], off))
    return Seen(seconds, track.state, float(np.hypot(*off)), chi_square)


@pytest.mark.parametrize("speed", ["1.9", "3.0"])
@pytest.mark.parametrize("until", [9.0, 11.0])
def test_a_vehicle_whose_wheels_spun_is_where_it_stands(speed: str, until: float) -> None:
    found = driven(replace(sim.Drive(), speed=0.0), until + 4.0, {speed: (5.0, until)})
    after = [each for each in found if each.seconds > until]
    assert max(each.error for each in after) < 0.9
    assert max(each.chi_square for each in after) < OUTSIDE
    assert sum(each.chi_square > OUTSIDE for each in found) < 20  # until it is noticed


@pytest.mark.parametrize("speed", [1.0, 1.9])
def test_a_towed_vehicle_is_followed(speed: float) -> None:
    found = driven(sim.Drive(speed=speed), 20.0, {"0.0": (5.0, 20.0)})
    towed = [each for each in found if each.seconds > 5.0]
    assert TrackState.LOST not in {each.state for each in towed}
    assert max(each.error for each in towed) < 3.5
    assert sum(each.chi_square > OUTSIDE for each in towed) <= 0.17 * len(towed)  # until it is noticed
