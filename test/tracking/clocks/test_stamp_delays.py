"""A session whose camera is stamped late: named, doubted while it moves fast, and right once that is stated."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.clocks.image_delay import FrameReading
from geoflow_ros.tracking.clocks.stamp_delays import reading_of
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
LATE_S = 0.15


class StopAndGo(sim.Drive):
    """The circle at 0 to 16 m/s, every 12 s."""

    def pose(self, seconds: float) -> tuple[float, float, float]:
        return super().pose(seconds - 12 / math.tau * math.sin(math.tau * seconds / 12))

    def speed_at(self, seconds: float) -> float:
        return self.speed * (1 - math.cos(math.tau * seconds / 12))


DRIVE = StopAndGo()


def driven(cameras: Mapping[str, CameraSetup], late: Mapping[str, float], until: float) -> tuple[Session, list[Answer]]:
    """A session, and its answers. late: by how much (s) images of each camera are stamped after their exposure."""
    session = Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, cameras)
    for name in cameras:
        session.on_camera_info(sim.camera_info(), name)
    rng, answers = np.random.default_rng(1), []
    for tick in range(round(until * 20)):
        seconds = tick / 20
        pose, speed = DRIVE.pose(seconds), DRIVE.speed_at(seconds)
        session.on_odom(sim.odom(seconds, 1.01 * speed, speed / DRIVE.radius + 0.002))
        session.on_imu(sim.imu(seconds, pose[2] + 0.02, speed / DRIVE.radius))
        if tick % 4:
            continue
        session.on_fix(sim.fix(seconds, *(np.array(pose[:2]) + rng.normal(0.0, 3.0, 2))))
        for name, late_s in late.items() if seconds >= LATE_S + 0.1 else ():
            image = sim.image(seconds - late_s)
            image.header = sim.header(sim.stamp(seconds))
            image.data += name.encode()  # or all would show one picture
            answers.append(session.process(session.exposed(image, name), name))
    return session, answers


def error_m(answer: Answer) -> float:
    assert answer.track.pose is not None
    east, north, _ = DRIVE.pose(sim.seconds_of_stamp(answer.stamp_ns))
    return math.hypot(answer.track.pose.east - east, answer.track.pose.north - north)


def test_late_stamps_are_named_and_doubted_and_stated_they_are_right() -> None:
    session, answers = driven({ONE: CameraSetup(Mount())}, {ONE: LATE_S}, 45.0)
    found = session.stamp_delays["camera"]
    assert found.seconds == pytest.approx(LATE_S, abs=3.0 * found.std) and found.std < 0.04
    assert "late: in bends" in session.warnings["image stamps"]
    assert f"set camera.delay to {found.seconds:.2f}" in session.warnings["image stamps"]
    doubted = [each for each in answers if each.track.reason.startswith("images are stamped")]
    assert doubted and {each.track.state for each in doubted} == {TrackState.DEGRADED}
    assert min(DRIVE.speed_at(sim.seconds_of_stamp(each.stamp_ns)) for each in doubted) > 1.0  # at rest it is right
    session, answers = driven({ONE: CameraSetup(Mount(), delay=LATE_S)}, {ONE: LATE_S}, 45.0)
    assert abs(session.stamp_delays["camera"].seconds) < 3.0 * session.stamp_delays["camera"].std
    assert session.stamp_delays["camera"].stated == LATE_S
    assert not session.warnings and {each.track.state for each in answers[20:]} == {TrackState.LOCALISED}
    assert np.mean([error_m(each) for each in answers[20:]]) < 0.5


def test_of_a_rig_the_one_that_is_late_is_named() -> None:
    cameras = {"front": CameraSetup(Mount()), "left": CameraSetup(Mount(yaw=1.57), delay=0.1)}
    session, _ = driven(cameras, {"front": 0.0, "left": LATE_S + 0.1}, 36.0)
    said = {name: sentence for name, sentence in session.warnings.items() if "stamp" in name}
    assert said.keys() == {"image stamps left"}
    assert said["image stamps left"].startswith("camera left: images are stamped")
    assert "beyond the 0.1 s of camera.left.delay" in said["image stamps left"]


def test_the_views_of_a_panorama_are_named_by_its_parameter() -> None:
    cameras = {name: CameraSetup(Mount(yaw=yaw), source=ONE) for name, yaw in (("view_0", 0.0), ("view_180", 3.14))}
    session, _ = driven(cameras, dict.fromkeys(cameras, LATE_S), 30.0)
    assert "set camera.delay to 0.1" in session.warnings["image stamps view_0"]


def test_a_reading_is_what_the_frame_says_whatever_was_believed() -> None:
    mean, believed = np.array([3.0, -2.0, 0.8]), PoseWithCovariance(2.4, -1.7, 0.75, np.eye(3))
    found = reading_of(sim.estimate(mean, 0.5, 0.03), believed)
    assert isinstance(found, FrameReading)
    np.testing.assert_allclose(found.mean, mean, atol=0.03)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), [0.5, 0.5, 0.03], rtol=0.1)
    assert reading_of(sim.estimate(mean + (4.0, 0.0, 0.0), 0.5, 0.03), believed) is None  # it fits elsewhere
