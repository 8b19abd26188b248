"""Fusion over time: odometry moves the hypotheses, frames and fixes re-weight them, and it knows when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate, PosePrior, PoseWithCovariance, Rejection, position_std
from geoflow_ros.planar import rotated_covariance
from geoflow_ros.tracking.belief import MISREAD_M, Belief
from geoflow_ros.tracking.cameras import AHEAD, View, of_camera
from geoflow_ros.tracking.evidence.corrections import Corrections
from geoflow_ros.tracking.evidence.frame_evidence import match_evidence
from geoflow_ros.tracking.evidence.slip import Slip
from geoflow_ros.tracking.evidence.support import DOUBTFUL, LOST, Support
from geoflow_ros.tracking.history import JUMP_NS, KEPT_NS
from geoflow_ros.tracking.motion import NO_MOTION, Motion, MotionBuffer
from geoflow_ros.tracking.prior import PriorBuffer
from geoflow_ros.tracking.rig.joint_view import JointView, RigFrames
from geoflow_ros.tracking.search import Origin, Proposal, Search, bounded
from geoflow_ros.tracking.sensors.fixes import FixFusion
from geoflow_ros.tracking.sensors.odometer import Odometer
from geoflow_ros.tracking.track import ALIKE_M, Track, TrackerConfig, TrackState

PAUSE_NS, CARRIED_TO_NS = 2 * 10**9, 10**9  # without an image, to how long before the newest odometry
MOMENT_NS = 10**9  # by which time may leap before it is noticed
METRES_TO_PROVE = 10.0
"""Driven before a guessed heading is believed, by all cameras that look to different sides: nearby frames err alike."""
ONE_FITS = "a frame fits, more must confirm it"
DRIVE_ON = "frames fit a guessed heading: drive on to confirm it"
LEAP = 4.0  # log odds against a belief that frames move about: good matches outweigh them, and then odometry is wrong
TINY = 1e-9


class Tracker:
    """One vehicle's belief, from frame to frame. For each frame: `advance`, `propose`, `see`, then `track`."""

    def __init__(self, config: TrackerConfig, seed: int, sensors: PriorBuffer, motions: MotionBuffer) -> None:
        """seed: of every random number; after `forget` the same frames give the same answers again."""
        self.config = config
        self._seed = seed
        self._sensors = sensors
        self._motions = motions
        self.mount_covariance = np.zeros((2, 2))  # of the place, forward and left (m), that the mounts leave open
        self.yaw_std: Mapping[str, float] = {}  # of the cameras whose yaw on the vehicle is not known (rad)
        self.forget("no image answered yet")

    def configure(self, config: TrackerConfig) -> None:
        """Go on by other settings."""
        self.config = config
        self._fixes.configure(config.belief.fix_correlation)
        if self._belief is not None:
            self._belief.configure(config.belief)

    def forget(self, reason: str) -> None:
        """Start anew."""
        self._rng = np.random.default_rng(self._seed)
        self._belief: Belief | None = None
        self._search = Search()
        self._support = Support()
        self._reason = reason
        self._leapt = ""  # why the belief began anew, if time leapt: said until it is followed
        self._newest_ns: int | None = None
        self._speed_sigma = 0.0  # m/s, of a vehicle whose velocity nothing tells
        self._awaited_ns: int | None = None  # of odometry: its first stamp since the last image
        self._first_try_ns: int | None = None
        self._is_followed = False  # confirmed once, and not lost since
        self._was_followed = False
        self._found_at: NDArray[np.float64] | None = None  # where a heading was guessed that driving must prove
        self._corrections, self._slip = Corrections(), Slip()
        self._frames = RigFrames()
        self._odometer = Odometer(self._motions)
        self._fixes = FixFusion(self._sensors, self._motions, self.config.belief.fix_correlation)

    def leap(self, reason: str, stamp_ns: int, here: PosePrior | None = None) -> None:
        """Start anew because time leapt, and say so until the next pose; here: as stated, as by `initialise`."""
        self.forget(reason)
        self._leapt = f"{reason}: "
        if here is not None:
            self._believe(stamp_ns, here)

    def here(self) -> PosePrior | None:
        """Where the vehicle is whatever its clocks say, if no fix is going to tell: near where it was a moment ago."""
        if self._belief is None or isinstance(self._sensors.at(self._belief.stamp_ns), PosePrior):
            return None
        (east, north, yaw), covariance = self._belief.pose()
        moved = self._motions.between(self._belief.stamp_ns - MOMENT_NS, self._belief.stamp_ns)
        reach_m, turn = moved.distance + self.config.search_std, moved.turned + self.config.search_yaw_std
        widened = covariance + np.diag([reach_m, reach_m, turn]) ** 2
        return PosePrior(float(east), float(north), float(yaw), widened)

    def initialise(self, stamp_ns: int, pose: PosePrior) -> None:
        """Start from a stated pose; frames must confirm it."""
        self.forget("no frame has confirmed the initial pose yet")
        self._believe(stamp_ns, pose)

    def advance(self, stamp_ns: int, speed_sigma: float) -> None:
        """Move on to a frame's stamp, weighing the fixes that have come; a jump in time starts anew.

        speed_sigma: m/s, where nothing tells the velocity.
        """
        if self._belief is not None and self._newest_ns is None:
            self._meet(self._belief, stamp_ns)
        elif leap := self._leap(stamp_ns):
            self.leap(leap, stamp_ns, self.here())
        self._newest_ns = stamp_ns if self._newest_ns is None else max(stamp_ns, self._newest_ns)
        self._awaited_ns, self._speed_sigma = None, speed_sigma
        if self._belief is None:
            self._fixes.skip(stamp_ns)
        else:
            self._move(self._belief, max(stamp_ns, self._belief.stamp_ns), speed_sigma)

    def correct(self, shift: NDArray[np.float64]) -> None:
        """Frames are now read through another mount: what they showed moves by (2,) forward and left."""
        if self._belief is not None and self._is_followed:
            self._belief.shift(shift)
            if float(np.hypot(*shift)) > MISREAD_M:
                self._belief.misread(self.yaw_std)

    def recall_yaw(self, std: Mapping[str, float]) -> None:
        """Know yaws (rad) as before a restart, and in the belief, of cameras of which no frame was weighed."""
        self.yaw_std, belief = std, self._belief
        if belief is not None:
            belief.doubt_yaw({camera: each for camera, each in std.items() if not belief.sides([camera])})

    def take_squint(self, camera: str, alike: float) -> tuple[float, float] | None:
        """As `Belief.take_squint`, of a belief that frames have confirmed."""
        return self._belief.take_squint(camera, alike) if self._belief is not None and self._is_followed else None

    def change_odometry(self) -> None:
        """Velocities come from another source from now on."""
        if self._belief is not None:
            self._belief.change_odometry()

    def carry(self, speed_sigma: float) -> None:
        """Where odometry goes on and no image comes, follow it: it is not remembered for long."""
        newest_ns = self._motions.newest_ns
        if newest_ns is None or self._belief is None:
            return
        if self._awaited_ns is None or newest_ns < self._awaited_ns:
            self._awaited_ns = newest_ns
        is_paused = newest_ns - self._awaited_ns > PAUSE_NS
        if is_paused and PAUSE_NS < newest_ns - self._belief.stamp_ns <= KEPT_NS:
            self._move(self._belief, newest_ns - CARRIED_TO_NS, speed_sigma)

    def propose(self, stamp_ns: int) -> Proposal | Rejection:
        """Where to look in the frame of this stamp, or why nowhere."""
        if self._belief is None:
            return self._search.next(stamp_ns, None, self._sensors)
        mean, covariance = self._belief.pose(self._lag(self._belief, stamp_ns))
        east, north, yaw = map(float, mean)
        stated = PosePrior(east, north, yaw, covariance + TINY * np.eye(3))
        prior = bounded(stated, self.config.search_std, self.config.search_yaw_std)
        if self._is_followed:
            return Proposal(prior, Origin.BELIEF)
        return self._search.next(stamp_ns, prior, self._sensors)

    def see(self, stamp_ns: int, outcome: PoseEstimate | Rejection, origin: Origin | None, view: View = AHEAD) -> None:
        """Learn what came of a frame. origin: of the proposal it was looked for at, None if there was none."""
        if origin is not None and self._first_try_ns is None:
            self._first_try_ns = stamp_ns
        said = outcome.withheld if isinstance(outcome, Rejection) else outcome
        if said is not None:
            self._frames.add(view.camera, stamp_ns, said)
        if origin is Origin.BELIEF and self._belief is not None and said is not None:
            self._weigh_frame(self._belief, stamp_ns, said, view, isinstance(outcome, Rejection))
        elif isinstance(outcome, PoseEstimate):
            self._begin(stamp_ns, outcome, origin, view)
        else:
            self._miss(stamp_ns, outcome.reason, view.camera, outcome.is_blind)
        if self._is_followed:
            self._is_followed = self._support.level >= LOST
        elif self._belief is not None and self._support.is_firm and self._is_proven(self._belief):
            self._is_followed, self._was_followed, self._leapt = True, True, ""
            self._belief.confirmed(self.yaw_std)

    def together(self) -> Callable[[], JointView | None]:
        """Finds what the frame that was seen last and others say of the place at that moment; None of a single one."""
        return partial(self._frames.copy().together, self._motions, self.config.belief)

    @property
    def fixes(self) -> FixFusion:
        """What has become of the fixes."""
        return self._fixes

    def track(self, stamp_ns: int) -> Track:
        """What is known now of the pose at the stamp of a frame that was seen."""
        if self._belief is None or not self._is_followed:
            tried_s = 0.0 if self._first_try_ns is None else (stamp_ns - self._first_try_ns) * 1e-9
            is_lost = self._was_followed or tried_s >= self.config.lost_after
            state = TrackState.LOST if is_lost else TrackState.INITIALISING
            return Track(state, self._leapt + self._reason, None, stamp_ns)
        mean, believed = self._belief.pose(self._lag(self._belief, stamp_ns))
        east, north, yaw = map(float, mean)
        covariance, leap = believed.copy(), self._corrections.leap
        # Either end of a leap may be the wrong one.
        covariance[:2, :2] += rotated_covariance(yaw, self.mount_covariance) + np.outer(leap, leap)
        covariance[:2, :2] += ALIKE_M**2 * np.eye(2)
        std = position_std(covariance)
        covariance[:2, :2] += self.config.imagery_sigma**2 * np.eye(2) + self._fixes.offset.doubt
        pose = PoseWithCovariance(east, north, yaw, covariance)
        if complaint := self._complaint(std, stamp_ns):
            return Track(TrackState.DEGRADED, complaint, pose, stamp_ns)
        reason = f"frames confirm the pose, its standard deviation is {std:.2f} m"
        return Track(TrackState.LOCALISED, reason, pose, stamp_ns)

    def _complaint(self, std: float, stamp_ns: int) -> str | None:
        """What is wrong with the pose, if anything."""
        if self._support.level < DOUBTFUL:
            return f"frames do not confirm the pose: {self._reason}"
        if leap := self._corrections.leap_m:
            return _astray(leap)
        if not std <= self.config.max_std:
            return f"the position is uncertain by {std:.1f} m, more than max_std = {self.config.max_std:g} m"
        return self._fixes.complaint(stamp_ns, self.config.conflict_after)

    def _lag(self, belief: Belief, stamp_ns: int) -> Motion:
        """The way from the belief to a stamp near it."""
        return NO_MOTION if stamp_ns == belief.stamp_ns else self._motions.between(belief.stamp_ns, stamp_ns)

    def _believe(self, stamp_ns: int, pose: PosePrior) -> None:
        self._belief = Belief.of_prior(self.config.belief, pose, stamp_ns, self._rng)

    def _meet(self, stated: Belief, stamp_ns: int) -> None:
        """Let the first image begin where a pose was stated, if that was by another clock, or long ago at rest."""
        gap_s = (stamp_ns - stated.stamp_ns) * 1e-9
        if abs(gap_s) * 1e9 > KEPT_NS:
            side = "before" if gap_s > 0.0 else "after"
            self._leapt = f"the initial pose is stamped {abs(gap_s):.1f} s {side} the first image and taken as of it: "
            stated.stamp_ns = stamp_ns

    def _leap(self, stamp_ns: int) -> str | None:
        """How time has jumped with a frame of this stamp, if it has: nothing tells where the vehicle is now."""
        if self._newest_ns is not None and stamp_ns < self._newest_ns - JUMP_NS:
            return f"time jumped back by {(self._newest_ns - stamp_ns) * 1e-9:.1f} s"
        if self._belief is not None and stamp_ns > self._belief.stamp_ns + KEPT_NS:
            return f"time jumped forward by {(stamp_ns - self._belief.stamp_ns) * 1e-9:.1f} s without odometry"
        return None

    def _move(self, belief: Belief, stamp_ns: int, speed_sigma: float) -> None:
        if stamp_ns > belief.stamp_ns:
            belief.advance(stamp_ns, self._odometer.step(belief.stamp_ns, stamp_ns), speed_sigma)
        self._fixes.weigh(belief, self.config, self._is_followed, float(np.trace(self.mount_covariance)))

    def _weigh_frame(self, belief: Belief, stamp_ns: int, estimate: PoseEstimate, view: View, is_doubted: bool) -> None:
        before = belief.pose()
        seen = belief.see(estimate, self._lag(belief, min(stamp_ns, belief.stamp_ns)), view, is_doubted)
        after = belief.pose()
        self._odometer.settle(min(1.0, (position_std(after[1]) / position_std(before[1])) ** 2))
        self._corrections.add(stamp_ns, before, after, self.config.lost_after / 2)
        leap = self._corrections.leap_m
        self._doubt_odometry(belief, stamp_ns, leap)
        evidence = seen.evidence - (LEAP if leap else 0.0)
        self._support.add(stamp_ns, evidence, self.config.lost_after, view.camera, belief.driven_m)
        if evidence > 0.0:
            self._search.confirmed(self._support.cameras)
            self._reason = ONE_FITS if self._is_proven(belief) else DRIVE_ON
        else:
            self._search.missed(self._support.cameras)
            self._reason = of_camera(view.camera, _astray(leap) if leap else seen.objection)

    def _doubt_odometry(self, belief: Belief, stamp_ns: int, leap_m: float) -> None:
        """Where frames moved the belief against odometry, follow them rather than that, for a while."""
        speed = min(leap_m / (self.config.lost_after / 2), self._speed_sigma)
        if metres := self._slip.since_last(stamp_ns, speed, self.config.lost_after):
            belief.doubt_way(metres)
            self._corrections.doubt(metres)

    def _begin(self, stamp_ns: int, estimate: PoseEstimate, origin: Origin | None, view: View) -> None:
        """Believe a frame that was found elsewhere, until frames say otherwise."""
        self._belief = Belief.of_frame(self.config.belief, estimate, stamp_ns, self._rng, view)
        self._found_at = self._belief.pose()[0] if origin is Origin.GUESS else None
        self._corrections, self._slip = Corrections(), Slip()
        self._reason = ONE_FITS
        self._fixes.restart()
        self._search.found()
        self._support.begin(stamp_ns, match_evidence(estimate.match), view.camera)

    def _is_proven(self, belief: Belief) -> bool:
        """Whether the heading was not guessed, or has led the right way since."""
        if self._found_at is None:
            return True
        driven = float(np.hypot(*(belief.pose()[0] - self._found_at)[:2]))
        return driven * max(1, belief.sides(self._support.confirming)) >= METRES_TO_PROVE

    def _miss(self, stamp_ns: int, reason: str, camera: str, is_blind: bool = False) -> None:
        self._support.miss(stamp_ns, self.config.lost_after, camera, is_blind)
        if not is_blind or self._support.is_blind:
            self._reason = reason
        if not is_blind:  # where nothing can be seen, nowhere else is better
            self._search.missed(self._support.cameras)


def _astray(leap_m: float) -> str:
    return f"the place that frames fit moves {leap_m:.1f} m against odometry: one of them is wrong"
