"""Odometry compared with itself and with the IMU: twist with the differences of poses, rates of turn with each other.

What drivers get wrong: a twist that is never filled, or in the odometry's frame instead of the body's, or in a turned
frame, or in other units; a rate of turn that is never filled or has the other sign; an IMU with z down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.planar import rotate
from geoflow_ros.tracking.measurements import MAX_SPEED, MAX_YAW_RATE
from geoflow_ros.tracking.motion import HELD_S, UNKNOWN_TURN_RATE, BodyVelocity, YawRate
from geoflow_ros.tracking.sensors.odometry_segments import Reading, Segment, Segmenter, elapsed, velocity_between

LEAST_SPEED, LEAST_RATE = 0.5, 0.1  # m/s, rad/s: slower segments say nothing
SHARE_OFF, SPEED_OFF = 0.25, 0.3  # of a velocity, and m/s: beyond both together, two velocities differ
OUTVOTED = 0.2  # rad/s, by which a twist's rate of turn is off what two others agree on, or another one says
RECENT_S, MOST_RECENT = 0.1, 200  # s, readings over which poses say a rate of turn: shorter ways drown in their noise
RATIO = 2.5  # between two rates of turn that still mean the same: skidding wheels turn less than they say
ZERO_SHARE, UNFILLED_RATE = 0.1, 0.02  # of what the others say, and rad/s: that is nothing, not another unit
NEAR_QUARTER = np.radians(8.0)  # frames of sensors are turned by quarters; other angles come from other axes
REMEMBERED, LEAST = 12, 3  # segments
MAJORITY = 0.75
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
    """What is taken from where, and the sentences by sensor where that is not as it should be."""

    velocity: Source = Source.TWIST
    rate: Source = Source.TWIST
    is_imu_believed: bool = True
    sentences: dict[str, str] = field(default_factory=dict)


class OdometryCheck:
    """Follows one source of velocities, `name`, reading by reading."""

    def __init__(self, name: str) -> None:
        self.verdict = Verdict()
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
            verdict = judge(self._name, list(self._moving), list(self._turning))
            if verdict.velocity is not Source.TWIST or self.verdict.velocity is Source.TWIST or self._is_forgiven:
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
            self._differed.append(_differ(segment.twist, segment.pose))
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
        elif by_pose is not None and imu is not None:
            chosen = replace(chosen, yaw_rate=_agreed(chosen.yaw_rate, by_pose.yaw_rate, imu))
        elif imu is None and "pose" not in verdict.sentences:
            chosen = self._torn(chosen)
        if np.hypot(chosen.forward, chosen.left) > MAX_SPEED or abs(chosen.yaw_rate) > MAX_YAW_RATE:
            raise InputError(f"{self._name} pose leaps: its differences are no velocity")
        return chosen

    def _imu(self, reading: Reading) -> float | None:
        """The IMU's rate of turn; None once it is not heard any more, by the clock of the readings."""
        is_heard = self._imu_heard is not None and elapsed(self._imu_heard, reading) <= HELD_S
        return self._imu_rate if is_heard else None

    def _torn(self, velocity: BodyVelocity) -> BodyVelocity:
        """With the rate of turn in the middle of what twist and pose say, where they differ and nothing else tells."""
        first, last = self._recent[0], self._recent[-1]
        by_pose = velocity_between(first, last)
        if by_pose is None or _differ(
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


def judge(name: str, moving: list[Segment], turning: list[Segment]) -> Verdict:
    """The verdict on a source of velocities from its last segments."""
    rates = np.array([[np.nan if each is None else each for each in _rates(segment)] for segment in turning])
    verdict = _judge_rates(name, rates.reshape(-1, 3))
    if verdict.velocity is Source.NONE or "pose" in verdict.sentences:
        return verdict
    told = [each for each in moving if each.pose is not None]
    if not _mostly(_differ(each.twist, each.pose) for each in told):
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


def _judge_rates(name: str, rates: Floats) -> Verdict:
    """Whom to believe of twist, pose and IMU: rates of turn (N, 3), nan where not told."""
    twist, pose, imu = rates.T
    has_pose, has_imu = bool(np.isfinite(pose).any()), bool(np.isfinite(imu).any())
    twist_imu, pose_imu = _rates_differ(twist, imu), _rates_differ(pose, imu)
    if has_pose and _rates_differ(twist, pose):
        if _is_zero(twist, pose) or (has_imu and twist_imu and not pose_imu):
            wrong = "is never filled" if _is_zero(twist, pose) else "contradicts its pose and the IMU"
            return Verdict(
                rate=Source.POSE, sentences={name: f"{name}'s rate of turn {wrong}: that of its pose is taken"}
            )
        if _is_zero(pose, twist) or (has_imu and not twist_imu):
            return Verdict(
                sentences={"pose": f"{name}'s orientation does not turn as its twist: only the twist is used"}
            )
        return _none(name, f"{name}'s rate of turn, that of its pose{' and that of the IMU' if has_imu else ''} differ")
    if not twist_imu:
        return Verdict()
    if _is_zero(imu, twist):
        return Verdict(
            is_imu_believed=False, sentences={"imu": "the IMU's rate of turn is never filled: it is not used"}
        )
    if not has_pose and _is_zero(twist, imu):
        return Verdict(
            rate=Source.IMU, sentences={name: f"{name}'s rate of turn is never filled: the IMU's is taken instead"}
        )
    return _none(
        name, f"{name} and the IMU turn differently: one has z down, is not level or has other units (REP-103)"
    )


def _none(name: str, reason: str) -> Verdict:
    """Neither odometry nor the IMU is believed."""
    return Verdict(Source.NONE, Source.NONE, False, {name: f"{reason}: neither is used"})


def _judge_velocities(segments: list[Segment]) -> tuple[Source, str]:
    """Where to take the velocity from, and what is wrong with the twist."""
    twist = np.array([each.twist for each in segments])
    pose = np.array([each.pose for each in segments])
    in_odom = np.array([rotate(-each.yaw, each.twist) for each in segments])
    told, moved = twist.sum(axis=0) @ (1, 1j), pose.sum(axis=0) @ (1, 1j)
    is_forward = abs(np.angle(moved)) < np.pi / 4
    if np.hypot(*twist.T).sum() < ZERO_SHARE * np.hypot(*pose.T).sum():
        return Source.POSE, "is zero while its pose moves"
    if not _mostly(map(_differ, in_odom, pose)):
        return Source.POSE, "is in the axes of its header's frame_id instead of child_frame_id's"
    turn = float(np.angle(told / moved)) if moved else 0.0
    if not _mostly(map(_differ, rotate(-turn, twist), pose)):
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


def _differ(first: Floats, second: Floats | None) -> bool:
    """Whether two velocities (2,) cannot be the same."""
    if second is None:
        return False
    fastest = max(float(np.hypot(*first)), float(np.hypot(*second)))
    return float(np.hypot(*(first - second))) > SHARE_OFF * fastest + SPEED_OFF


def _rates_differ(first: Floats, second: Floats) -> bool:
    """Whether two rates of turn (N,) mostly cannot be the same; false where too little is known."""
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    larger, smaller = np.maximum(abs(first), abs(second)), np.minimum(abs(first), abs(second))
    return _mostly(((first * second < 0.0) | (smaller * RATIO < larger)) & (larger > LEAST_RATE))


def _is_zero(rate: Floats, other: Floats) -> bool:
    known = np.isfinite(rate) & np.isfinite(other)
    share = float(abs(rate[known]).sum()) < ZERO_SHARE * float(abs(other[known]).sum())
    return share and float(abs(rate[known]).mean()) < UNFILLED_RATE


def _mostly(answers: Iterable[bool | np.bool_]) -> bool:
    """Whether at least a `MAJORITY` of at least `LEAST` answers is yes."""
    counted = list(answers)
    return len(counted) >= LEAST and bool(sum(counted) >= MAJORITY * len(counted))
