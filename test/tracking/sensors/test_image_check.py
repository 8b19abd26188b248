"""A picture that repeats while the vehicle moves is no evidence; one that repeats at rest is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.image_check import FrameIds, ImageCheck
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()


def frozen(seconds: float, since: float) -> Any:
    """The picture of an earlier time with a fresh stamp."""
    message = sim.image(since)
    message.header = sim.header(sim.stamp(seconds))
    return message


@pytest.mark.parametrize(("seconds", "said"), [(0.05, "0.05 s"), (0.2, "0.2 s"), (1.5, "1.5 s"), (12.4, "12 s")])
def test_a_picture_is_never_said_to_be_repeated_for_no_time(seconds: float, said: str) -> None:
    motions, check = MotionBuffer(), ImageCheck()
    for tick in range(round(seconds / 0.05) + 2):
        motions.add_velocity(BodyVelocity(sim.START_NS + tick * 50_000_000, 30.0, 0.0, 0.0))
    assert check.complaint(sim.image(0.0), motions) is None
    assert f"same picture for {said} while" in str(check.complaint(frozen(seconds, 0.0), motions))


@pytest.mark.parametrize(("speed", "is_frozen"), [(0.0, False), (0.3, False), (5.0, True)])
def test_only_what_repeats_over_a_metre_is_frozen(speed: float, is_frozen: bool) -> None:
    motions, check = MotionBuffer(), ImageCheck()
    for tick in range(21):
        motions.add_velocity(BodyVelocity(sim.START_NS + tick * 50_000_000, speed, 0.0, 0.0))
    assert check.complaint(sim.image(0.0), motions) is None
    complaint = check.complaint(frozen(1.0, 0.0), motions)
    assert (complaint is not None and "same picture for 1 s" in complaint) == is_frozen
    assert check.complaint(sim.image(1.0), motions) is None  # another picture is seen at once


@pytest.mark.parametrize(
    ("frame_ids", "is_mixed"),
    [
        (["front", "rear"] * 10, True),
        (["front", "front", "rear"] * 7, True),
        (["front", "left", "rear"] * 7, True),
        (["front"] * 10 + ["camera/front"] * 10, False),  # a driver that was set anew
        ([""] * 20, False),
    ],
)
def test_two_cameras_on_one_topic_are_named(frame_ids: list[str], is_mixed: bool) -> None:
    check = FrameIds()
    for each in frame_ids:
        check.add(each)
    assert bool(check.complaint) == is_mixed
    if is_mixed:
        assert all(repr(each) in check.complaint for each in set(frame_ids))
    for _ in range(10):
        check.add("front")
    assert check.complaint == ""  # forgotten when one of them is gone


def test_images_of_two_cameras_are_not_used_though_those_of_one_are_overtaken() -> None:
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    for role, message in sim.messages(DRIVE, 0.0, 4.0, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
            continue
        other = sim.image(0.0)
        other.header = sim.header(0, "rear")
        session.exposed(other)
        answer = session.process(session.exposed(message))
    assert answer.track.pose is None and "with frame_id 'camera' and 'rear'" in answer.track.reason


def test_a_frozen_camera_is_lost_soon_and_never_sure_of_where_it_froze() -> None:
    """The localiser finds every frozen frame exactly where it was taken, as the real one does."""
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    answers = []
    for role, message in sim.messages(DRIVE, 0.0, 20.0, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
            continue
        seconds = (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS) * 1e-9
        shown = message if not 10.0 <= seconds < 15.0 else frozen(seconds, 10.0)
        answers.append((seconds, session.process(shown).track))
    during = [track for seconds, track in answers if 13.0 <= seconds < 15.0]
    assert {track.state for track in during} == {TrackState.LOST}
    assert "the camera has shown the same picture for" in during[-1].reason
    for seconds, track in answers:
        if track.pose is not None and track.state is TrackState.LOCALISED:
            east, north, _ = DRIVE.pose(seconds)
            assert math.hypot(track.pose.east - east, track.pose.north - north) < 2.0
    assert answers[-1][1].state is TrackState.LOCALISED  # found again once the camera sees
