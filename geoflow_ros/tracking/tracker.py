"""Fusion over time: odometry moves the hypotheses, frames and fixes re-weight them, and it knows when it is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate, PosePrior, PoseWithCovariance, Rejection, position_std
from geoflow_ros.options import option
from geoflow_ros.tracking.belief import Belief, BeliefConfig
from geoflow_ros.tracking.history import JUMP_NS
from geoflow_ros.tracking.motion import NO_MOTION, Motion, MotionBuffer
from geoflow_ros.tracking.prior import Fix, PriorBuffer
from geoflow_ros.tracking.search import Origin, Proposal, Search, bounded
from geoflow_ros.tracking.support import DOUBTFUL, LOST, Support

METRES_TO_PROVE = 10.0  # driven before a guessed heading is believed: frames of a few metres err alike
ONE_FITS = "a frame fits, more must confirm it"
DRIVE_ON = "frames fit a guessed heading: drive on to confirm it"
TINY = 1e-9


class TrackState(Enum):
    """How far the fused pose can be trusted."""

    INITIALISING = "INITIALISING"  # no pose yet
    LOCALISED = "LOCALISED"
    DEGRADED = "DEGRADED"  # a pose, but frames do not confirm it, GNSS contradicts it or it is uncertain
    LOST = "LOST"  # no pose


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How hypotheses live on between frames, and when they are no longer believed."""

    belief: BeliefConfig = field(default_factory=BeliefConfig)
    lost_after: float = option("without a frame that confirms the pose: LOST", 2.0, "s", (0.2, 60.0))
    max_std: float = option("DEGRADED when the position is less certain than this", 3.0, "m", (0.1, 100.0))
    conflict_after: float = option("DEGRADED when GNSS contradicts the pose for this long", 10.0, "s", (0.1, 600.0))
    search_std: float = option("least standard deviation around which a frame is searched", 3.0, "m", (0.1, 15.0))
    search_yaw_std: float = option("the same of the heading", 0.07, "rad", (0.005, 0.17))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What is known after a frame. pose: at the frame's stamp; None while INITIALISING and when LOST."""

    state: TrackState
    reason: str
    pose: PoseWithCovariance | None


class Tracker:
    """One vehicle's belief, from frame to frame. For each frame: `advance`, `propose`, `see`, then `track`."""

    def __init__(self, config: TrackerConfig, seed: int, sensors: PriorBuffer, motions: MotionBuffer) -> None:
        """seed: of every random number; after `forget` the same frames give the same answers again."""
        self.config = config
        self._seed = seed
        self._sensors = sensors
        self._motions = motions
        self.forget("no image answered yet")

    def forget(self, reason: str) -> None:
        """Start anew."""
        self._rng = np.random.default_rng(self._seed)
        self._belief: Belief | None = None
        self._search = Search()
        self._support = Support()
        self._reason = reason
        self._newest_ns: int | None = None
        self._first_try_ns: int | None = None
        self._is_followed = False  # confirmed once, and not lost since
        self._was_followed = False
        self._found_at: NDArray[np.float64] | None = None  # where a heading was guessed that driving must prove
        self._conflict: _Conflict | None = None

    def initialise(self, stamp_ns: int, pose: PosePrior) -> None:
        """Start from a stated pose; frames must confirm it."""
        self.forget("no frame has confirmed the initial pose yet")
        self._belief = Belief.of_prior(self.config.belief, pose, stamp_ns, self._rng)

    def advance(self, stamp_ns: int, speed_sigma: float) -> None:
        """Move on to a frame's stamp, weighing the fixes on the way; a jump back in time starts anew.

        speed_sigma: m/s, where nothing tells the velocity.
        """
        if self._newest_ns is not None and stamp_ns < self._newest_ns - JUMP_NS:
            self.forget(f"time jumped back by {(self._newest_ns - stamp_ns) * 1e-9:.1f} s")
        self._newest_ns = stamp_ns if self._newest_ns is None else max(stamp_ns, self._newest_ns)
        belief = self._belief
        if belief is None or stamp_ns <= belief.stamp_ns:
            return
        start_ns = belief.stamp_ns
        belief.advance(stamp_ns, self._motions.between(start_ns, stamp_ns), speed_sigma)
        for fix in self._sensors.fixes_between(start_ns, stamp_ns):
            self._weigh(belief, fix)

    def propose(self, stamp_ns: int) -> Proposal | Rejection:
        """Where to look in the frame of this stamp, or why nowhere."""
        if self._belief is None:
            return self._search.next(stamp_ns, None, self._sensors)
        mean, covariance = self._belief.pose(self._lag(self._belief, stamp_ns))
        east, north, yaw = map(float, mean)
        prior = bounded(
            PosePrior(east, north, yaw, covariance + TINY * np.eye(3)),
            self.config.search_std,
            self.config.search_yaw_std,
        )
        if self._is_followed:
            return Proposal(prior, Origin.BELIEF)
        return self._search.next(stamp_ns, prior, self._sensors)

    def see(self, stamp_ns: int, outcome: PoseEstimate | Rejection, origin: Origin | None) -> None:
        """Learn what came of a frame. origin: of the proposal it was looked for at, None if there was none."""
        if origin is not None and self._first_try_ns is None:
            self._first_try_ns = stamp_ns
        if isinstance(outcome, Rejection):
            self._miss(stamp_ns, outcome.reason)
        elif origin is Origin.BELIEF and self._belief is not None:
            self._weigh_frame(self._belief, stamp_ns, outcome)
        else:
            self._begin(stamp_ns, outcome, origin)
        if self._is_followed:
            self._is_followed = self._support.level >= LOST
        elif self._belief is not None and self._support.is_firm and self._is_proven(self._belief):
            self._is_followed = self._was_followed = True

    def track(self, stamp_ns: int) -> Track:
        """What is known now of the pose at the stamp of a frame that was seen."""
        if self._belief is None or not self._is_followed:
            tried_s = 0.0 if self._first_try_ns is None else (stamp_ns - self._first_try_ns) * 1e-9
            is_lost = self._was_followed or tried_s >= self.config.lost_after
            return Track(TrackState.LOST if is_lost else TrackState.INITIALISING, self._reason, None)
        mean, covariance = self._belief.pose(self._lag(self._belief, stamp_ns))
        east, north, yaw = map(float, mean)
        pose = PoseWithCovariance(east, north, yaw, covariance)
        std = position_std(covariance)
        if complaint := self._complaint(std, stamp_ns):
            return Track(TrackState.DEGRADED, complaint, pose)
        return Track(TrackState.LOCALISED, f"frames confirm the pose, its standard deviation is {std:.2f} m", pose)

    def _complaint(self, std: float, stamp_ns: int) -> str | None:
        """What is wrong with the pose, if anything."""
        if self._support.level < DOUBTFUL:
            return f"frames do not confirm the pose: {self._reason}"
        if not std <= self.config.max_std:
            return f"the position is uncertain by {std:.1f} m, more than max_std = {self.config.max_std:g} m"
        if self._conflict and (stamp_ns - self._conflict.since_ns) * 1e-9 >= self.config.conflict_after:
            return f"GNSS fixes are {self._conflict.metres:.0f} m away from where the frames fit"
        return None

    def _lag(self, belief: Belief, stamp_ns: int) -> Motion:
        """The way from the belief to a stamp near it."""
        return NO_MOTION if stamp_ns == belief.stamp_ns else self._motions.between(belief.stamp_ns, stamp_ns)

    def _weigh(self, belief: Belief, fix: Fix) -> None:
        place = self._sensors.frame.to_enu(fix.latitude, fix.longitude)[:2]
        lag = self._lag(belief, fix.stamp_ns)
        if belief.weigh_fix(place, fix.covariance, fix.stamp_ns, lag) <= self.config.belief.fix_gate:
            self._conflict = None
            return
        since_ns = fix.stamp_ns if self._conflict is None else self._conflict.since_ns
        self._conflict = _Conflict(since_ns, float(np.hypot(*(place - belief.pose(lag)[0][:2]))))

    def _weigh_frame(self, belief: Belief, stamp_ns: int, estimate: PoseEstimate) -> None:
        lag = self._lag(belief, stamp_ns) if stamp_ns < belief.stamp_ns else None
        if belief.see(estimate, lag) <= self.config.belief.disagreement:
            self._search.confirmed()
            self._support.add(stamp_ns, True, self.config.lost_after)
            self._reason = ONE_FITS if self._is_proven(belief) else DRIVE_ON
        else:
            self._miss(stamp_ns, "the frame fits another place better")

    def _begin(self, stamp_ns: int, estimate: PoseEstimate, origin: Origin | None) -> None:
        """Believe a frame that was found elsewhere, until frames say otherwise."""
        self._belief = Belief.of_frame(self.config.belief, estimate, stamp_ns, self._rng)
        self._found_at = self._belief.pose()[0] if origin is Origin.GUESS else None
        self._reason = ONE_FITS
        self._conflict = None
        self._search.found()
        self._support.begin(stamp_ns)

    def _is_proven(self, belief: Belief) -> bool:
        """Whether the heading was not guessed, or has led the right way since."""
        if self._found_at is None:
            return True
        return float(np.hypot(*(belief.pose()[0] - self._found_at)[:2])) >= METRES_TO_PROVE

    def _miss(self, stamp_ns: int, reason: str) -> None:
        self._reason = reason
        self._search.missed()
        self._support.add(stamp_ns, False, self.config.lost_after)


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Fixes are refused since a stamp; how far away the last one was."""

    since_ns: int
    metres: float
