"""Where nothing tells the velocity: a vehicle goes on as it did, and frames tell how fast that is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, position_std
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.motion import BodyVelocity, Motion, MotionBuffer
from geoflow_ros.tracking.prior import HeadingConfig
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig, TrackState

SECOND, SPEED_SIGMA = 10**9, 5.0
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)


def stated(at: tuple[float, float, float]) -> Belief:
    prior = PosePrior(*at, np.diag([0.5, 0.5, 0.05]) ** 2)
    return Belief.of_prior(BeliefConfig(), prior, 0, np.random.default_rng(0))


def nothing(seconds: float) -> Motion:
    """So many seconds of which nothing is told."""
    return Motion(unknown_s=seconds, unknown_turn_s=seconds, missing_s=seconds, missing_turn_s=seconds)


@pytest.mark.parametrize("speed", [8.0, -3.0])
def test_frames_alone_tell_speed_and_rate_of_turn(speed: float) -> None:
    drive = sim.Drive(speed=speed, radius=30.0)
    belief = stated(drive.pose(0.0))
    for tick in range(1, 40):
        at = drive.pose(tick / 5)
        belief.advance(tick * SECOND // 5, nothing(0.2), SPEED_SIGMA)
        belief.see(sim.estimate(np.array(at), 0.5, 0.02))
    velocity = belief._particles.weights @ belief._particles.velocity
    assert velocity == pytest.approx([speed, speed / 30.0], abs=0.8)
    mean, covariance = belief.pose()
    assert math.dist(mean[:2], at[:2]) < 1.0 and abs(wrap_angle(mean[2] - at[2])) < 0.06
    assert position_std(covariance) < 1.0
    # a moment that was not told either is no standstill
    before, _ = belief.pose(nothing(0.3).inverse())
    assert math.dist(before[:2], drive.pose(39 / 5 - 0.3)[:2]) < 1.0


def test_what_odometry_told_last_goes_on_in_an_outage() -> None:
    belief = stated((0.0, 0.0, 0.0))
    for tick in range(1, 11):
        belief.advance(tick * SECOND // 10, Motion(PlanarPose(0.7, 0.0, 0.02), distance=0.7, turned=0.02), SPEED_SIGMA)
    (x, y, yaw), _ = belief.pose()
    for tick in range(11, 21):
        belief.advance(tick * SECOND // 10, nothing(0.1), SPEED_SIGMA)
    end, covariance = belief.pose()
    way = PlanarPose(x, y, yaw).inverse() @ PlanarPose(*end)
    assert (way.x, way.yaw) == (pytest.approx(7.0, abs=1.0), pytest.approx(0.15, abs=0.08))
    assert 0.5 < position_std(covariance) < 4.0  # as if any speed were as likely, 10 m
    belief.change_odometry()  # it had lied
    belief.advance(3 * SECOND, nothing(1.0), SPEED_SIGMA)
    assert position_std(belief.pose()[1]) > 5.0


def test_frames_of_a_vehicle_that_stands_are_one_though_nothing_tells_that_it_does() -> None:
    belief, at = stated((0.0, 0.0, 0.0)), np.array([0.4, 0.0, 0.05])  # what it sees is off
    for tick in range(1, 101):
        belief.advance(tick * SECOND // 10, nothing(0.1), SPEED_SIGMA)
        belief.see(sim.estimate(at, 0.5, 0.02))
    assert float(belief._way[0]) < 20.0  # as if any speed were as likely, 100 m
    assert math.sqrt(belief.pose()[1][2, 2]) > 0.01


def test_motion_that_no_measurement_stands_in_for_is_missing() -> None:
    motions = MotionBuffer()
    for tick in range(10):
        motions.add_velocity(BodyVelocity(tick * SECOND // 10, 5.0, 0.0, 0.1))
    motion = motions.between(0, 4 * SECOND)
    assert (motion.missing_s, motion.missing_turn_s) == pytest.approx((2.1, 2.1), abs=0.03)
    back = motions.between(4 * SECOND, 0)
    assert (back.missing_s, back.missing_turn_s) == (-motion.missing_s, -motion.missing_turn_s)


def test_a_camera_and_fixes_alone_are_enough() -> None:
    drive = sim.Drive()
    config = SessionConfig(heading=HeadingConfig(source="course"), datum=HERE)
    session = Session(config, lambda frame: sim.KnowingLocalizer(drive), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    found = []
    for role, message in sim.messages(drive, 0.0, 20.0, np.random.default_rng(1)):
        if role == "image" and message.header.stamp.nanosec % 200_000_000 < 10**8:  # at 5 Hz
            found.append(session.process(message))
        elif role == "fix":
            session.on_fix(message)
    assert [each.track.state for each in found[-60:]] == [TrackState.LOCALISED] * 60
    for answer in found[-60:]:
        pose, (east, north, _) = answer.track.pose, drive.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
        assert pose is not None and math.hypot(pose.east - east, pose.north - north) < 1.5
