"""Velocities and rates of turn on their way to the motion: each compared with the others before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking import measurements
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.odometry_check import OdometryCheck, Source
from geoflow_ros.tracking.sensors.odometry_segments import Reading
from geoflow_ros.tracking.sensors.sensor_frames import SensorFrames, velocity_of_base
from geoflow_ros.tracking.sensors.travel_check import SHARE_WRONG, Place, TravelCheck, is_off
from geoflow_ros.tracking.sensors.velocity_leaps import LeapCheck


class VelocityInputs:
    """Odometry, a velocity topic and the IMU's rate of turn; a message that is not believed is an InputError."""

    def __init__(self, motions: MotionBuffer, frames: SensorFrames) -> None:
        """motions: gets what is believed."""
        self._frames = frames
        self._framing: dict[str, str] = {}  # what is wrong with the frame of a source
        self._motions = motions
        self._offered = MotionBuffer()  # what odometry says, whether or not places contradict it
        self._travel = {witness: TravelCheck(witness) for witness in ("frames", "fixes")}
        self._share, self._shown_by = 1.0, ""  # of the way that odometry tells, if that is not nearly all
        self._checks = {name: OdometryCheck(name) for name in ("odom", "twist")}
        self._leaps = {name: LeapCheck() for name in self._checks}
        self._taken_from = dict.fromkeys(self._checks, Source.TWIST)  # where the last velocity was
        self._leaping: dict[str, str] = {}  # by source, while it leaps
        self._is_imu_ignored = False
        self._used = self._sources

    def take_change(self) -> bool:
        """Whether velocities have come from another source since this was asked last."""
        before, self._used = self._used, self._sources
        return before != self._used

    @property
    def _sources(self) -> tuple[list[tuple[Source, Source]], bool, float]:
        compared = [(check.verdict.velocity, check.verdict.rate) for check in self._checks.values()]
        return compared, bool(self._contradiction), self._share

    @property
    def warnings(self) -> Mapping[str, str]:
        """What is wrong with a sensor, by its name."""
        compared = [check.verdict.sentences for check in self._checks.values()]
        wrong = self._contradiction or self._scale_sentence
        travel = {"velocity": wrong} if wrong else {}
        return {
            **{name: sentence for each in compared for name, sentence in each.items()},
            **self._framing,
            **self._leaping,
            **travel,
        }

    def judge_imu(self, is_clockwise: bool) -> None:
        """Learn whether the IMU's heading turns clockwise: then its axes are wrong, and it contradicts nobody."""
        if self._is_imu_ignored != is_clockwise:
            self._is_imu_ignored = is_clockwise
            self._checks = {name: OdometryCheck(name) for name in self._checks}
        for check in self._checks.values():
            check.is_imu_proven = not is_clockwise

    def add_imu(self, message: Any) -> None:
        """The rate of turn of a sensor_msgs/Imu."""
        if self._is_imu_ignored:
            raise InputError("the IMU's rate of turn is not used: its heading turns clockwise, so its z is down")
        rate = measurements.imu_yaw_rate(message)
        for check in self._checks.values():
            check.add_rate(rate)
        for check in self._checks.values():
            if not check.verdict.is_imu_believed:
                raise InputError("; ".join(check.verdict.sentences.values()))
        self._offered.add_rate(rate)
        self._motions.add_rate(rate)

    def add_odometry(self, message: Any) -> None:
        """The velocity of a nav_msgs/Odometry."""
        sensor = self._sensor("odom", message.child_frame_id, "child_frame_id of odom")
        velocity, pose = measurements.odometry_velocity(message), measurements.odometry_pose(message)
        of_base = None if pose is None else pose @ sensor.inverse()
        self._admit("odom", Reading(velocity_of_base(velocity, sensor), of_base))

    def add_twist(self, message: Any) -> None:
        """The velocity of a geometry_msgs/TwistStamped."""
        sensor = self._sensor("twist", message.header.frame_id, "frame_id of twist")
        velocity = velocity_of_base(measurements.twist_velocity(message), sensor)
        self._admit("twist", Reading(velocity, None))

    def compare(self, witness: str, place: Place) -> None:
        """Learn that the vehicle was at a place. witness: frames, fixes."""
        self._travel[witness].add(place, self._offered)
        self._judge_share()

    @property
    def doubt(self) -> str:
        """Why a pose that odometry led to may be wrong although nothing is refused yet; empty if it is not.

        By frames alone: fixes leap without odometry.
        """
        frames = self._travel["frames"]
        if frames.is_doubtful:
            return "frames say that the vehicle went elsewhere than odometry says"
        is_doubtful = frames.is_share_doubtful(self._share)
        return "frames say that the vehicle went less or more far than odometry says" if is_doubtful else ""

    @property
    def contradicts_frames(self) -> bool:
        """Whether odometry says that the vehicle went elsewhere than frames say."""
        return bool(self._travel["frames"].complaint)

    @property
    def _contradiction(self) -> str:
        """What is wrong with all velocities, as places say; empty if nothing is.

        Fixes alone blame no odometry that frames agreed with last: in a tunnel receivers repeat the place where it
        begins, or wander about there, and just then nothing but odometry leads through.
        """
        frames, fixes = self._travel["frames"], self._travel["fixes"]
        return frames.complaint or ("" if frames.agrees else fixes.complaint)

    @property
    def _scale_sentence(self) -> str:
        """Said of odometry whose velocities are divided."""
        if self._share == 1.0:
            return ""
        told = f"odometry tells {self._share:.2f} of the way that {self._shown_by} show"
        return f"{told} (wheel radius, units?): its velocities are divided by that"

    def _judge_share(self) -> None:
        """Divide by the share of the way that odometry tells, where that is surely another one than is reckoned with.

        Fixes are not asked where frames tell.
        """
        for witness, check in self._travel.items():
            if (told := check.share) is None:
                continue
            if is_off(*told, self._share):
                self._share = told[0] if abs(told[0] - 1.0) > SHARE_WRONG else 1.0
                self._shown_by = witness
            return

    def _admit(self, name: str, reading: Reading) -> None:
        """Use the velocity of a source that is to be believed, if it is one that the vehicle can have by now."""
        check = self._checks[name]
        velocity = check.admit(reading)
        self._offered.add_velocity(velocity)
        if self._contradiction:
            self._motions.forget_velocities()  # the last ones would stand in for those that are refused
            raise InputError(self._contradiction)
        self._leaping.pop(name, None)
        try:
            self._check_leap(name, check, velocity)
        except InputError as error:
            self._leaping[name] = str(error)
            raise
        way = velocity.forward / self._share, velocity.left / self._share
        self._motions.add_velocity(replace(velocity, forward=way[0], left=way[1]))

    def _check_leap(self, name: str, check: OdometryCheck, velocity: BodyVelocity) -> None:
        """InputError if a velocity leaps; where a twist was wrong, the poses that replace it need not follow it."""
        source = check.verdict.velocity
        if source is Source.POSE and self._taken_from[name] is not source:
            self._leaps[name] = LeapCheck()
        self._taken_from[name] = source
        self._leaps[name].check(velocity, source is Source.TWIST and check.is_contradicted)

    def _sensor(self, name: str, frame_id: str, what: str) -> PlanarPose:
        """Where the frame of a velocity is; one that is not known is remembered, for every message will be refused."""
        self._framing.pop(name, None)
        try:
            return self._frames.of_velocity(frame_id, what)
        except InputError as error:
            self._framing[name] = str(error)
            raise
