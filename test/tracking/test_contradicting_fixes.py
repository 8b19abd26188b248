"""Fixes that contradict what frames confirm: when that is told, and when it is forgotten."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()


def new_session() -> Session:
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    return session


def drive(session: Session, start: float, end: float, fixes: bool = True) -> list[Answer]:
    return sim.feed(session, sim.messages(DRIVE, start, end, np.random.default_rng(1), fixes))


def errors(answers: list[Answer]) -> np.ndarray:
    """Distance to the truth (m) of every answer with a pose."""
    told = [(each.track.pose, DRIVE.pose((each.stamp_ns - sim.START_NS) * 1e-9)) for each in answers]
    return np.array([np.hypot(pose.east - true[0], pose.north - true[1]) for pose, true in told if pose is not None])


def states(answers: list[Answer]) -> list[TrackState]:
    return [answer.track.state for answer in answers]


def with_fixes_off(start: float, end: float, metres: float, sigma: float) -> list[tuple[str, Any]]:
    """The messages of a drive whose fixes are this far off to the east."""
    messages = []
    for role, message in sim.messages(DRIVE, start, end, np.random.default_rng(4)):
        if role == "fix":
            east, north, _ = DRIVE.pose(sim.seconds_of(message))
            message = sim.fix(sim.seconds_of(message), east + metres, north, sigma)
        messages.append((role, message))
    return messages


@pytest.mark.parametrize(
    ("metres", "sigma", "seconds"),
    [
        (80.0, 2.0, 0.5),  # 40 standard deviations: with the third fix
        (24.0, 3.0, 2.2),  # 8: 10 s times 13.8 / 64
        (13.0, 3.0, 7.4),  # 4.3: 10 s times 13.8 / 18.8
    ],
)
def test_the_more_gnss_contradicts_the_sooner_it_is_degraded(metres: float, sigma: float, seconds: float) -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    answers = sim.feed(session, with_fixes_off(4.0, 16.0, metres, sigma))
    first = next(answer for answer in answers if answer.track.state is TrackState.DEGRADED)
    assert (first.stamp_ns - sim.stamp(4.0)) * 1e-9 == pytest.approx(seconds, rel=0.35)
    assert errors(answers).max() < 1.5


def test_fixes_that_drift_off_contradict_by_the_time_they_are_far_off() -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    messages = []
    for role, message in sim.messages(DRIVE, 4.0, 16.0, np.random.default_rng(4)):
        if role == "fix":  # 4 standard deviations off soon, 20 after 3 s
            seconds = sim.seconds_of(message)
            east, north, _ = DRIVE.pose(seconds)
            message = sim.fix(seconds, east + 12.0 + 16.0 * (seconds - 4.0), north, 3.0)
        messages.append((role, message))
    answers = sim.feed(session, messages)
    first = next(answer for answer in answers if answer.track.state is TrackState.DEGRADED)
    assert (first.stamp_ns - sim.stamp(4.0)) * 1e-9 < 3.5


class StraightAhead(sim.Drive):
    """From the origin to the north, or from elsewhere in another direction."""

    def __init__(self, north: float = 0.0, turn: float = 0.0) -> None:
        super().__init__()
        object.__setattr__(self, "radius", math.inf)
        object.__setattr__(self, "begin", (north, turn))

    def pose(self, seconds: float) -> tuple[float, float, float]:
        north, turn = self.begin
        way = self.speed * seconds
        return -way * math.sin(turn), north + way * math.cos(turn), wrap_angle(turn + math.pi / 2)


@pytest.mark.parametrize("turn", [math.pi, 1.2])
def test_where_frames_of_another_place_lead_two_sensors_say_that_it_is_another(turn: float) -> None:
    """Odometry agrees; fixes could be late, and the heading off by a constant, but hardly both."""
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    elsewhere = sim.KnowingLocalizer(StraightAhead(20.0, turn))
    session = Session(SessionConfig(datum=here), lambda frame: elsewhere, 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    answers = sim.feed(session, sim.messages(StraightAhead(), 0.0, 14.0, np.random.default_rng(1)))
    followed = [each.stamp_ns for each in answers if each.track.state is TrackState.LOCALISED]
    assert TrackState.DEGRADED in states(answers)
    assert len(followed) <= 20 and (followed[-1] - followed[0]) * 1e-9 < 2.0
    assert any("contradict where frames put the vehicle" in each.track.reason for each in answers) or turn < 2.0


def test_one_fix_off_is_no_contradiction() -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    messages = with_fixes_off(4.0, 4.2, 90.0, 2.0) + list(sim.messages(DRIVE, 4.2, 6.0, np.random.default_rng(5)))
    assert set(states(sim.feed(session, messages))) == {TrackState.LOCALISED}


@pytest.mark.parametrize(
    ("metres", "sigma", "seconds", "degraded_s"),
    [
        (60.0, 2.0, 0.8, 10.0),  # of reflections before a tunnel: until fixes were silent for 10 s
        (13.0, 3.0, 0.8, 0.0),  # three fixes at 4.3 standard deviations, which would have to last for 7 s
        (24.0, 3.0, 14.0, 26.0),  # for as long as they did
    ],
)
def test_fixes_that_contradict_before_a_tunnel_are_forgotten_in_it(
    metres: float, sigma: float, seconds: float, degraded_s: float
) -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    answers = sim.feed(session, with_fixes_off(4.0, 4.0 + seconds, metres, sigma))
    answers += drive(session, 4.0 + seconds, 36.0, fixes=False)
    degraded = states(answers).count(TrackState.DEGRADED) / 10
    assert degraded == pytest.approx(degraded_s, abs=2.5 if degraded_s else 0.0)
    assert states(answers)[-1] is TrackState.LOCALISED


def test_a_receiver_that_repeats_its_place_in_a_tunnel_contradicts_nothing() -> None:
    session, place = new_session(), DRIVE.pose(4.0)[:2]
    drive(session, 0.0, 4.0)
    repeated = [
        (role, sim.fix(sim.seconds_of(message), *place, 2.0) if role == "fix" else message)
        for role, message in sim.messages(DRIVE, 4.0, 20.0, np.random.default_rng(4))
    ]
    answers = sim.feed(session, repeated)
    assert set(states(answers)) == {TrackState.LOCALISED} and errors(answers).max() < 1.5
    assert "the receiver has told the same place for" in session.refused["fix"]
    drive(session, 20.0, 20.5)
    assert "fix" not in session.refused
