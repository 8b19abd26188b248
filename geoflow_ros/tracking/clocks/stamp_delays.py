"""Which cameras stamp their images late: what each frame says alone goes into the filter of its camera."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate, PoseWithCovariance, Rejection, position_std
from geoflow_ros.planar import compose, rotate, rotated_covariance
from geoflow_ros.tracking.cameras import CameraSetup, of_camera
from geoflow_ros.tracking.clocks.image_delay import FrameReading, ImageDelay
from geoflow_ros.tracking.motion import NO_MOTION, MotionBuffer
from geoflow_ros.tracking.mount.estimate import CAMERA, group_of

Floats = NDArray[np.float64]
MATCHED = 0.5  # probability from which on a frame says something
REACH_M, REACH_RAD, MOST_AT_EDGE = 2.0, math.radians(6.0), 0.05
"""Around the belief, where a frame is read; one that says more than this share of its edge means another place."""
AROUND = np.stack(
    np.meshgrid(*[np.linspace(-REACH_M, REACH_M, 11)] * 2, np.linspace(-REACH_RAD, REACH_RAD, 9), indexing="ij"), -1
).reshape(-1, 3)
AT_EDGE = np.abs(AROUND[:, :2]).max(axis=1) >= REACH_M
APART_M, APART_RAD, APART_S = 0.7, 0.07, 2.0  # between frames that are heard: nearer ones say the same
LONGEST_S = 4.0  # between frames, beyond which odometry is no longer remembered
SPEED_NS = 200_000_000
"""To either side of a frame, over which odometry tells its speed. Noise of odometry before the frame is in its error,
too: seen to one side only, it would look like a delay."""
MOST_UNKNOWN = 0.1  # of the time between two frames: without odometry, or where its sources differ
WAITING = 20  # frames that wait for odometry
SYSTEMATIC_S = 0.005  # of what no model holds
SURE, DOUBTFUL, LEAST_S = 4.0, 2.5, 0.02  # standard deviations to say so, and to take it back; less is not worth saying
KNOWN_S = 0.05  # standard deviation of what is an estimate at all
ASTRAY = 2.0  # standard deviations of the position by which a delay puts it elsewhere


@dataclass(frozen=True, slots=True)
class StampDelay:
    """By how much (s) images are stamped later than `stated` says, and its standard deviation."""

    seconds: float
    std: float
    stated: float = 0.0

    @property
    def delay(self) -> float:
        """What to state."""
        return self.stated + self.seconds

    def to_json(self) -> dict[str, float]:
        """For `json.dump`."""
        return {"late_s": self.seconds, "std_s": self.std, "stated_s": self.stated}

    def __str__(self) -> str:
        return f"{self.seconds:.2f} +- {self.std:.2f}" + (f" beyond {self.stated:g}" if self.stated else "")

    def differs(self, sigmas: float) -> bool:
        """Whether it is not none, by so many standard deviations."""
        return abs(self.seconds) > max(LEAST_S, sigmas * self.std)

    def sentence(self, group: str) -> str:
        """What is wrong and to be done. group: of the camera's parameters."""
        beyond = f" beyond the {self.stated:g} s of {group}.delay" if self.stated else ""
        off = f"{abs(self.seconds):.2f} +- {self.std:.2f} s"
        if self.seconds > 0.0:
            return (
                f"images are stamped {off} late{beyond}: in bends, and as the speed changes, they show where the "
                f"vehicle was before; set {group}.delay to {self.delay:.2f}"
            )
        return (
            f"images are stamped {off} before odometry{beyond}: is odometry stamped late? If not, set {group}.delay to "
            f"{self.delay:.2f}"
        )


class StampDelays:
    """One filter a camera, and what is said of each."""

    def __init__(self, cameras: Mapping[str, CameraSetup], motions: MotionBuffer) -> None:
        self._motions = motions
        self._followed = {name: _Followed(each.delay) for name, each in cameras.items()}
        sources = {name: name if each.source is None else each.source for name, each in cameras.items()}
        self._groups = {name: group_of(source or CAMERA) for name, source in sources.items()}

    def restart(self) -> None:
        """Time jumped."""
        for each in self._followed.values():
            each.restart()

    def hear(
        self, camera: str, stamp_ns: int, outcome: PoseEstimate | Rejection, believed: PoseWithCovariance | None
    ) -> None:
        """Learn from what came of a frame, where the vehicle is surely believed to be; from earlier ones otherwise."""
        followed, said = self._followed[camera], outcome.withheld if isinstance(outcome, Rejection) else outcome
        rounds = len(self._followed)  # what rigs learn in a second takes no longer than what one camera does
        if said is not None and believed is not None and followed.is_due(stamp_ns, self._motions, rounds):
            followed.await_odometry(stamp_ns, reading_of(said, believed))
        followed.catch_up(self._motions)

    @property
    def estimates(self) -> Mapping[str, StampDelay]:
        """What is known of each camera, by its name."""
        found = {name or CAMERA: each.delay for name, each in self._followed.items()}
        return {name: each for name, each in found.items() if each.std <= KNOWN_S}

    @property
    def sentences(self) -> Mapping[str, str]:
        """What is wrong with the stamps of each camera, empty if nothing is known to be."""
        return {
            name: of_camera(name, each.delay.sentence(self._groups[name])) if each.is_said else ""
            for name, each in self._followed.items()
        }

    def doubt(self, stamp_ns: int, pose: PoseWithCovariance) -> str:
        """Why a pose is further off than it says, as all cameras together are late; empty if it is not."""
        late = [each.delay.seconds if each.is_said else 0.0 for each in self._followed.values()]
        if not self.leads_astray(sum(late) / len(late), stamp_ns, pose):
            return ""
        return "; ".join(dict.fromkeys(filter(None, self.sentences.values())))

    def leads_astray(self, seconds: float, stamp_ns: int, pose: PoseWithCovariance) -> bool:
        """Whether a pose is further off than it says if stamps are off by so much, as fast as the vehicle is."""
        if not seconds:
            return False  # as with nearly every frame, whose motion is not asked for then
        moved = self._motions.between(stamp_ns - SPEED_NS, stamp_ns).distance / (SPEED_NS * 1e-9)
        return abs(seconds) * moved > ASTRAY * position_std(pose.covariance)


class _Followed:
    """A camera's filter, and its frames that wait until odometry has gone on."""

    def __init__(self, stated: float) -> None:
        self.is_said = False
        self._stated = stated
        self._filter = ImageDelay()
        self.restart()

    @property
    def delay(self) -> StampDelay:
        """What is known."""
        seconds, std = self._filter.moments
        return StampDelay(seconds, math.hypot(std, SYSTEMATIC_S), self._stated)

    def restart(self) -> None:
        """Nothing is known of the way since the last frame."""
        self._filter.restart()
        self._last_ns: int | None = None
        self._waiting: deque[tuple[int, FrameReading]] = deque(maxlen=WAITING)

    def is_due(self, stamp_ns: int, motions: MotionBuffer, rounds: int) -> bool:
        """Whether the vehicle has gone far enough since the last frame that was heard for another to be.

        rounds: how many times as far as of a single camera.
        """
        last_ns = self._waiting[-1][0] if self._waiting else self._last_ns
        if last_ns is None:
            return True
        if (seconds := (stamp_ns - last_ns) * 1e-9) <= 0.0 or seconds >= APART_S:
            return seconds > 0.0
        motion = motions.between(last_ns, stamp_ns)
        return motion.distance >= rounds * APART_M or motion.turned >= rounds * APART_RAD

    def await_odometry(self, stamp_ns: int, reading: FrameReading | None) -> None:
        """A frame that is due; None if it says nothing."""
        if reading is not None:
            self._waiting.append((stamp_ns, reading))

    def catch_up(self, motions: MotionBuffer) -> None:
        """Learn from the frames beyond which odometry has gone."""
        known_ns = motions.newest_ns
        while known_ns is not None and self._waiting and self._waiting[0][0] + SPEED_NS <= known_ns:
            self._learn(*self._waiting.popleft(), motions)
        self.is_said = self.delay.differs(DOUBTFUL if self.is_said else SURE)

    def _learn(self, stamp_ns: int, reading: FrameReading, motions: MotionBuffer) -> None:
        last_ns, self._last_ns = self._last_ns, stamp_ns
        seconds = math.inf if last_ns is None else (stamp_ns - last_ns) * 1e-9
        if last_ns is None or seconds > LONGEST_S:
            self._filter.restart()
            motion, seconds = NO_MOTION, 0.0
        else:
            motion = motions.between(last_ns, stamp_ns)
        if max(motion.unknown_s, motion.unknown_turn_s) > MOST_UNKNOWN * seconds:
            self._filter.restart()
        self._filter.add(reading, seconds, motion, _speed(stamp_ns, motions))


def reading_of(said: PoseEstimate, believed: PoseWithCovariance) -> FrameReading | None:
    """What a frame says around where the vehicle is believed to be; None if that is nothing, or it fits elsewhere."""
    if said.match <= MATCHED or said.log_likelihood is None:
        return None
    fits = said.log_likelihood(compose(believed.planar.array(), AROUND))
    weights = np.exp(fits - fits.max())
    weights /= weights.sum()
    if float(weights[AT_EDGE].sum()) > MOST_AT_EDGE:
        return None
    mean = weights @ AROUND
    apart = AROUND - mean
    covariance = (weights[:, None] * apart).T @ apart
    covariance[:2, :2] = rotated_covariance(believed.yaw, covariance[:2, :2])
    covariance[:2, 2] = covariance[2, :2] = rotate(believed.yaw, covariance[:2, 2])
    return FrameReading(compose(believed.planar.array(), mean), covariance)


def _speed(stamp_ns: int, motions: MotionBuffer) -> Floats:
    """(3,) forward, left (m/s) and rate of turn (rad/s) around a stamp, in the axes of base_link then."""
    before, after = motions.along((stamp_ns - SPEED_NS, stamp_ns, stamp_ns + SPEED_NS))
    there, back = after.displacement.array(), before.inverse().displacement.array()
    return np.asarray((there - back) / (2e-9 * SPEED_NS))
