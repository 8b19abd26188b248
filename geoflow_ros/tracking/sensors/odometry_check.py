"""Odometry compared with itself and with the IMU: twist with the differences of poses, rates of turn with each other.

What drivers get wrong: a twist that is never filled, or in the odometry's frame instead of the body's, or in a turned
frame, or in other units; a rate of turn that is never filled, has the other sign or is in degrees; an IMU with z down.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.planar import rotate
from geoflow_ros.tracking.measurements import MAX_SPEED, MAX_YAW_RATE
from geoflow_ros.tracking.motion import HELD_S, UNKNOWN_TURN_RATE, BodyVelocity, YawRate
from geoflow_ros.tracking.sensors.odometry_segments import (
    LEAST_RATE,
    ZERO_SHARE,
    Reading,
    Segment,
    Segmenter,
    differ,
    elapsed,
    is_degrees,
    is_zero,
    mostly,
    rates_differ,
    velocity_between,
)

LEAST_SPEED = 0.5  # m/s: slower segments say nothing
OUTVOTED = 0.2  # rad/s, by which a twist's rate of turn is off what two others agree on, or another one says
RECENT_S, MOST_RECENT = 0.1, 200  # s, readings over which poses say a rate of turn: shorter ways drown in their noise
NEAR_QUARTER = np.radians(8.0)  # frames of sensors are turned by quarters; other angles come from other axes
REMEMBERED = 12  # segments
UNFILLED = "is never filled"
LONG_MEMORY, FORGIVEN = 80, 0.2
"""Of how many segments at most what share may differ before a twist is trusted again: axes of the earth are right
wherever the vehicle happens to drive east."""
Floats = NDArray[np.float64]


class Source(Enum):
    """Where a velocity or a rate of turn is taken from."""

    TWIST = "twist"
    POSE = "pose"
    IMU = "imu"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is taken from where, and the sentences by sensor where that is not as it should be.

    is_firm: a bend told whose rate of turn is wrong; straight on, a right one looks as if it was never filled.
    """

    velocity: Source = Source.TWIST
    rate: Source = Source.TWIST
    is_imu_believed: bool = True
    sentences: dict[str, str] = field(default_factory=dict)
    is_firm: bool = False


class OdometryCheck:
    """Follows one source of velocities, `name`, reading by reading."""

    def __init__(self, name: str) -> None:
        self.verdict = Verdict()
        self.is_imu_proven = False  # its heading turns with the vehicle, so that its rate does, too
        self._name = name
        self._segmenter = Segmenter()
        self._moving: deque[Segment] = deque(maxlen=REMEMBERED)
        self._turning: deque[Segment] = deque(maxlen=REMEMBERED)
        self._differed: deque[bool] = deque(maxlen=LONG_MEMORY)
        self._recent: deque[Reading] = deque(maxlen=MOST_RECENT)
        self._imu_rate: float | None = None
        self._is_imu_new = False
        self._imu_heard: Reading | None = None  # the last reading before which the IMU was heard

    def add_rate(self, rate: YawRate) -> None:
        """A rate of turn of the IMU."""
        self._imu_rate, self._is_imu_new = rate.rate, True
        self._segmenter.add_rate(rate.rate)

    def admit(self, reading: Reading) -> BodyVelocity:
        """The velocity to believe; InputError if none is."""
        last = self._recent[-1] if self._recent else None
        if self._is_imu_new:
            self._imu_heard, self._is_imu_new = reading, False
        self._recent.append(reading)
        while len(self._recent) > 2 and elapsed(self._recent[1], reading) >= RECENT_S:
            self._recent.popleft()
        segment = self._segmenter.add(reading)
        if segment is not None and self._keep(segment):
            verdict = judge(self._name, list(self._moving), list(self._turning), self.is_imu_proven)
            is_weak = self.verdict.is_firm and verdict.sentences and not verdict.is_firm
            is_worse = verdict.velocity is not Source.TWIST or self.verdict.velocity is Source.TWIST
            if not is_weak and (is_worse or self._is_forgiven):
                self.verdict = verdict
        return self._chosen(reading, None if last is None else velocity_between(last, reading))

    @property
    def is_contradicted(self) -> bool:
        """Whether its twist and its poses went different ways in the last segment in which it moved."""
        return bool(self._differed) and self._differed[-1]

    @property
    def _is_forgiven(self) -> bool:
        return sum(self._differed) <= FORGIVEN * len(self._differed)

    def _keep(self, segment: Segment) -> bool:
        """Remember a segment in which something happened."""
        if segment.pose is not None and not segment.pose.any() and not segment.pose_rate:
            segment = replace(segment, pose=None, pose_rate=None)  # exactly nothing: the pose is not filled
        speeds = [float(np.hypot(*each)) for each in (segment.twist, segment.pose) if each is not None]
        rates = [abs(each) for each in _rates(segment) if each is not None]
        is_moving, is_turning = max(speeds) > LEAST_SPEED, max(rates) > LEAST_RATE
        if is_moving:
            self._moving.append(segment)
            self._differed.append(differ(segment.twist, segment.pose))
        if is_turning:
            self._turning.append(segment)
        return is_moving or is_turning

    def _chosen(self, reading: Reading, by_pose: BodyVelocity | None) -> BodyVelocity:
        verdict, chosen, imu = self.verdict, reading.velocity, self._imu(reading)
        if verdict.velocity is Source.NONE or (verdict.velocity is Source.POSE and by_pose is None):
            raise InputError(verdict.sentences[self._name])
        if verdict.velocity is Source.POSE and by_pose is not None:
            chosen = by_pose
        if verdict.rate is Source.POSE and by_pose is not None:
            chosen = replace(chosen, yaw_rate=by_pose.yaw_rate)
        elif verdict.rate is Source.IMU and imu is None:
            chosen = replace(chosen, turn_doubt=UNKNOWN_TURN_RATE)
        elif verdict.rate is Source.IMU and imu is not None:
            chosen = replace(chosen, yaw_rate=imu)
        elif verdict.rate is Source.NONE:
            by_others = (imu, None if by_pose is None else by_pose.yaw_rate)
            chosen = _unsure(chosen, [each for each in by_others if each is not None])
        elif by_pose is not None and imu is not None:
            chosen = replace(chosen, yaw_rate=_agreed(chosen.yaw_rate, by_pose.yaw_rate, imu))
        elif imu is None and "pose" not in verdict.sentences:
            chosen = self._torn(chosen)
        if np.hypot(chosen.forward, chosen.left) > MAX_SPEED or abs(chosen.yaw_rate) > MAX_YAW_RATE:
            raise InputError(
                f"{self._name} leaps, or is in other units: {chosen.yaw_rate:g} rad/s is not a vehicle's turn"
            )
        return chosen

    def _imu(self, reading: Reading) -> float | None:
        """The IMU's rate of turn; None once it is not heard any more, by the clock of the readings."""
        is_heard = self._imu_heard is not None and elapsed(self._imu_heard, reading) <= HELD_S
        return self._imu_rate if is_heard else None

    def _torn(self, velocity: BodyVelocity) -> BodyVelocity:
        """With the rate of turn in the middle of what twist and pose say, where they differ and nothing else tells."""
        first, last = self._recent[0], self._recent[-1]
        by_pose = velocity_between(first, last)
        if by_pose is None or differ(
            np.array([velocity.forward, velocity.left]), np.array([by_pose.forward, by_pose.left])
        ):
            return velocity  # poses that are not filled, or a twist that is wrong altogether
        told, turned = float(np.mean([each.velocity.yaw_rate for each in self._recent])), float(by_pose.yaw_rate)
        if abs(turned - told) <= OUTVOTED or max(abs(turned), abs(told)) <= LEAST_RATE:
            return velocity
        off = (turned - told) / 2
        return replace(velocity, yaw_rate=velocity.yaw_rate + off, turn_doubt=abs(off))


def _agreed(twist: float, pose: float, imu: float) -> float:
    """The twist's rate of turn, or that on which the others agree at once: a verdict takes a bend to come to.

    Others that hardly turn are none: neither may be filled.
    """
    middle = sorted((twist, pose, imu))[1]
    return middle if abs(middle) > LEAST_RATE and abs(twist - middle) > OUTVOTED else twist


def judge(name: str, moving: list[Segment], turning: list[Segment], is_imu_proven: bool = False) -> Verdict:
    """The verdict on a source of velocities from its last segments; is_imu_proven: the IMU turns with the vehicle."""
    rates = np.array([[np.nan if each is None else each for each in _rates(segment)] for segment in turning])
    verdict = _judge_rates(name, rates.reshape(-1, 3), is_imu_proven)
    if verdict.rate is Source.NONE or "pose" in verdict.sentences:  # poses of a wrong heading move to wrong sides
        return verdict
    told = [each for each in moving if each.pose is not None]
    if not mostly(differ(each.twist, each.pose) for each in told):
        return verdict
    velocity, wrong = _judge_velocities(told)
    sentences = {**verdict.sentences, name: f"{name}'s twist {wrong}: {_TAKEN[velocity]}"}
    rate = Source.POSE if velocity is Source.POSE else verdict.rate
    return replace(verdict, velocity=velocity, rate=rate, sentences=sentences)


_TAKEN = {
    Source.POSE: "the differences of its poses are taken instead",
    Source.NONE: "it is not used",
}


def _rates(segment: Segment) -> tuple[float, float | None, float | None]:
    return segment.twist_rate, segment.pose_rate, segment.imu_rate


def _judge_rates(name: str, rates: Floats, is_imu_proven: bool) -> Verdict:
    """Whom to believe of twist, pose and IMU: rates of turn (N, 3), nan where not told."""
    twist, pose, imu = rates.T
    has_pose, has_imu = bool(np.isfinite(pose).any()), bool(np.isfinite(imu).any())
    twist_imu, pose_imu = rates_differ(twist, imu), rates_differ(pose, imu)
    if has_pose and rates_differ(twist, pose):
        wrong = _wrong(twist, pose) or ("contradicts its pose and the IMU" if twist_imu and not pose_imu else "")
        if wrong:
            return _rate_of(Source.POSE, name, wrong)
        if is_zero(pose, twist) or (has_imu and not twist_imu):
            return Verdict(
                sentences={"pose": f"{name}'s orientation does not turn as its twist: only the twist is used"}
            )
        return _open(name, f"{name}'s rate of turn, that of its pose{' and that of the IMU' if has_imu else ''} differ")
    if not twist_imu:
        return Verdict()
    if wrong := _wrong(imu, twist):
        sentences = {"imu": f"the IMU's rate of turn {wrong}: it is not used"}
        return Verdict(is_imu_believed=False, sentences=sentences, is_firm=wrong != UNFILLED)
    wrong = "" if has_pose and is_zero(twist, imu) else _wrong(twist, imu)
    if not wrong and is_imu_proven:
        wrong = "contradicts the IMU, whose heading turns with the vehicle"
    if wrong:
        return _rate_of(Source.IMU, name, wrong)
    return _open(
        name, f"{name} and the IMU turn differently: one has z down, is not level or has other units (REP-103)"
    )


_RATE_TAKEN = {Source.POSE: "that of its pose is taken", Source.IMU: "the IMU's is taken instead"}


def _rate_of(source: Source, name: str, wrong: str) -> Verdict:
    """The rate of turn of another source is believed, and what is wrong with the twist's."""
    sentences = {name: f"{name}'s rate of turn {wrong}: {_RATE_TAKEN[source]}"}
    return Verdict(rate=source, sentences=sentences, is_firm=wrong != UNFILLED)


def _open(name: str, reason: str) -> Verdict:
    """Nothing is believed of how the vehicle turns; how fast it drives is another matter."""
    return Verdict(rate=Source.NONE, is_imu_believed=False, sentences={name: f"{reason}: no rate of turn is used"})


def _unsure(velocity: BodyVelocity, others: list[float]) -> BodyVelocity:
    """With the least of rates of turn that contradict each other, none if they are opposite, and in doubt.

    Wheels that skid and degrees tell too much. Straight on, where all tell little, there is little doubt.
    """
    rates = np.array([velocity.yaw_rate, *others])
    least = float(rates[abs(rates).argmin()]) if (rates > 0.0).all() or (rates < 0.0).all() else 0.0
    return replace(velocity, yaw_rate=least, turn_doubt=min(UNKNOWN_TURN_RATE, float(abs(rates).max())))


def _judge_velocities(segments: list[Segment]) -> tuple[Source, str]:
    """Where to take the velocity from, and what is wrong with the twist."""
    twist = np.array([each.twist for each in segments])
    pose = np.array([each.pose for each in segments])
    in_odom = np.array([rotate(-each.yaw, each.twist) for each in segments])
    told, moved = twist.sum(axis=0) @ (1, 1j), pose.sum(axis=0) @ (1, 1j)
    is_forward = abs(np.angle(moved)) < np.pi / 4
    if np.hypot(*twist.T).sum() < ZERO_SHARE * np.hypot(*pose.T).sum():
        return Source.POSE, "is zero while its pose moves"
    if not mostly(map(differ, in_odom, pose)):
        return Source.POSE, "is in the axes of its header's frame_id instead of child_frame_id's"
    turn = float(np.angle(told / moved)) if moved else 0.0
    if not mostly(map(differ, rotate(-turn, twist), pose)):
        return Source.POSE if is_forward else Source.NONE, _turned(turn)
    ratio = abs(told) / abs(moved) if moved else 0.0
    if 0.8 < ratio < 1.25:
        return Source.NONE, "contradicts the differences of its poses"
    return Source.NONE, f"is {ratio:.1f} times as fast as its pose moves (m/s are expected)"


def _turned(turn: float) -> str:
    """The sentence about a twist that is turned (rad) against its pose."""
    quarters = round(turn / (np.pi / 2))
    if abs(turn - quarters * np.pi / 2) < NEAR_QUARTER:
        return f"is turned by {90 * quarters} deg from base_link: child_frame_id is another frame; set odometry.yaw"
    return "is in the axes of another frame than base_link's: of the odometry, or of the earth"


def _wrong(rate: Floats, other: Floats) -> str:
    """What is wrong with rates of turn (N,) that mostly differ from others; empty if that may be either."""
    if is_zero(rate, other):
        return UNFILLED
    return "is in degrees per second" if is_degrees(rate, other) else ""
