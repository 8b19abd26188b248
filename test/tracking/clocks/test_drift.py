"""Clocks that run a little faster or slower than the others': named within a minute, and no wrong LOCALISED pose."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import position_std
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.clocks.arrivals import Arrival, Arrivals
from geoflow_ros.tracking.clocks.drift import Drifts
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
RATES_HZ = {"odom": 50.0, "imu": 100.0, "fix": 5.0, "image": 10.0}
Time = Callable[[str, float], float]


def said_at(stamped: Time, late: Time, seconds: float, roles: tuple[str, ...] = tuple(RATES_HZ)) -> dict[str, float]:
    """When (s) each clock is said to drift. stamped, late: the stamp, and when it comes after, of what was then."""
    rng, drifts, said = np.random.default_rng(0), Drifts(), dict[str, float]()
    comes = sorted(
        (at + late(role, at) + rng.exponential(0.01), role, at)
        for role in roles
        for at in np.arange(0.0, seconds, 1.0 / RATES_HZ[role])
    )
    for came, role, at in comes:
        drifts.hear(role, stamped(role, at) - came, round(came * 1e9))
        for name in drifts.sentences:
            said.setdefault(name, came)
    return said


def right(role: str, at: float) -> float:
    return at


def drifting(rate: float, *roles: str) -> Time:
    return lambda role, at: at + rate * at * (role in roles)


def at_once(role: str, at: float) -> float:
    return 0.0


@pytest.mark.parametrize("role", ["image", "odom", "fix"])
@pytest.mark.parametrize("rate", [0.005, -0.005, 0.02, -0.002])
def test_a_clock_that_drifts_is_named_alone_and_soon(role: str, rate: float) -> None:
    said = said_at(drifting(rate, role), at_once, 90.0)
    assert list(said) == [role]
    assert said[role] < (45.0 if abs(rate) >= 0.005 else 70.0)


def test_of_two_clocks_either_may_be_the_one() -> None:
    assert set(said_at(drifting(0.005, "image"), at_once, 60.0, ("image", "odom"))) == {"image", "odom"}


@pytest.mark.parametrize(
    ("stamped", "late"),
    [
        (right, at_once),
        (drifting(0.0005, "image"), at_once),  # as far as NTP slews a clock
        (right, lambda role, at: 0.3 * (role == "image") * (at > 40.0)),  # a queue
        (right, lambda role, at: 0.1 * (role == "image") * (1.0 - math.cos(at / 8.0))),  # loads come and go
        (drifting(-0.5, *RATES_HZ), at_once),  # a bag at half its speed
        (lambda role, at: at + 0.4 * (at > 50.0), at_once),  # all clocks are set
    ],
)
def test_what_comes_late_is_no_clock_that_drifts(stamped: Time, late: Time) -> None:
    assert said_at(stamped, late, 300.0) == {}


def test_a_clock_that_is_set_right_again_is_believed() -> None:
    drifts = Drifts()
    for tick in range(2000):
        at = tick / 10
        for role in ("odom", "fix", "image"):
            drifts.hear(role, -0.005 * at * (role == "image" and at < 60.0), round(at * 1e9))
        if tick == 550:
            assert "image" in drifts.seconds and "messages come later and later" in drifts.sentences["image"]
    assert drifts.seconds == {}


def driven(role: str, rate: float, seconds: float) -> list[tuple[float, Answer]]:
    """When each image was taken, and what was answered, of a drive in which the clock of a role drifts."""
    session, seen = Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA), []
    session.on_camera_info(sim.camera_info())
    for kind, message in sim.messages(DRIVE, 0.0, seconds, np.random.default_rng(1)):
        taken_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS
        message.header = sim.header(sim.stamp(taken_ns * 1e-9 * (1.0 + rate * (kind == role))))
        arrival = Arrival(sim.START_NS + taken_ns, taken_ns)
        if kind == "image":
            session.image_arrived(message, arrival)
            seen.append((taken_ns * 1e-9, session.process(message)))
        elif session.admits(kind, message, arrival):
            getattr(session, f"on_{kind}")(message)
    return seen


@pytest.mark.parametrize("rate", [0.008, -0.008])
def test_a_camera_whose_clock_drifts_is_no_longer_localised_where_that_leads_astray(rate: float) -> None:
    seen = driven("image", rate, 60.0)
    for taken_s, answer in seen[200:]:
        pose = answer.track.pose
        assert pose is not None
        east, north, _ = DRIVE.pose(taken_s)
        off = math.hypot(pose.east - east, pose.north - north)
        is_astray = off > max(1.0, 3.0 * position_std(pose.covariance))
        assert not (is_astray and taken_s > 45.0 and answer.track.state is TrackState.LOCALISED)
    assert seen[-1][1].track.state is TrackState.DEGRADED
    assert "the stamps of image have moved by" in seen[-1][1].track.reason
    assert "clock of image" in seen[-1][1].warnings


def test_a_drive_whose_clocks_agree_says_nothing_of_them() -> None:
    seen = driven("image", 0.0, 40.0)
    assert seen[-1][1].track.state is TrackState.LOCALISED and seen[-1][1].warnings == {}


def test_of_a_rig_a_camera_leads_the_pose_by_its_share() -> None:
    arrivals = Arrivals()
    for tick in range(600):
        at, arrival = tick / 10, Arrival(tick * 10**8, tick * 10**8)
        for name in ("front", "rear"):
            arrivals.image(name, round((at - 0.005 * at * (name == "rear")) * 1e9), arrival)
        for kind in ("odom", "fix"):
            arrivals.sensor(kind, round((at + 0.01 * at * (kind == "fix")) * 1e9), arrival)
    assert arrivals.leading == pytest.approx({"camera rear: image": -0.275 / 2}, abs=0.03)
    assert set(arrivals.warnings) == {"clock of camera rear: image", "clock of fix"}
