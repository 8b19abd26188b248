"""What is believed about base_link between frames: particles at a stamp, moved, and weighed by frames and fixes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.tracking.cameras import AHEAD, View
from geoflow_ros.tracking.evidence.frame_evidence import Seen, match_evidence, reached
from geoflow_ros.tracking.motion import NO_MOTION, STEADY, UNKNOWN_TURN_RATE, Creep, Motion
from geoflow_ros.tracking.mount.turned_check import TurnedCheck
from geoflow_ros.tracking.particles import Particles, drawn
from geoflow_ros.tracking.rig.combination import likelihood_of, share_of_each
from geoflow_ros.tracking.rig.rounds import Member, Round
from geoflow_ros.tracking.track import ALIKE_M, BeliefConfig

Floats = NDArray[np.float64]
MISLED = (1.0, 0.1)  # m, rad: what odometry led astray by before it was found to be wrong
ASTRAY_RAD = 0.05  # rad a metre, by which odometry that leads astray turns
TINY = 1e-12
MISREAD_M = 0.2  # what frames showed moves by more: they were read through a wrong mount, and misled what follows them
SIDEWAYS = 0.2  # of the speed that a vehicle may have: how fast it goes elsewhere than ahead, from step to step
CREEP_DOUBT = 2.0  # standard deviation of a turn so slow, as a share of it: a drift lasts, so that many turns err alike
DRIFT_RAD = 0.1  # of such a turn and its doubt, after which the heading of what is in view counts anew
LOOK_STD, TURN_DOUBT = 0.01, 0.5  # rad, of where a camera looks that was turned; how sure it is that it was: as a share
MORE = 8  # times the particles, while the yaws of a rig's cameras are all unknown
TOLERATED = 6.6  # chi-square up to which a camera's yaw stays as stated: that of 99 %
FIX_MOVED_M = 1.0  # within which fixes count as one, however long that takes: standing, their error does not drift away


class _Taken(NamedTuple):
    """Where a frame was taken. at: (3,) of the way. mount: of its camera."""

    at: Floats
    mount: PlanarPose


class Belief:
    """Particles at a stamp."""

    def __init__(self, config: BeliefConfig, poses: Floats, stamp_ns: int, rng: np.random.Generator) -> None:
        """poses: (N, 3), equally likely at the stamp."""
        self.stamp_ns = stamp_ns
        self._config = config
        self._particles = Particles(poses, rng, config.scale_std)
        self._rng = rng
        self._way = np.zeros(3)  # metres driven, radians turned, and those that may be a gyro's drift, so far
        self._seen: dict[str, _Taken] = {}  # by camera, where its last frame was taken
        self._round = Round()
        self._round_at = np.zeros(3)  # of the way, where it began
        self._fix_ns: int | None = None
        self._fix_way = 0.0  # metres of the way, where the last fix was weighed
        self._creep = Creep()
        self._is_confirmed = False
        self._known_yaw: dict[str, float] = {}  # as well (rad) as before the way began
        self._heading = 0.0  # rad, turned so far to the left as odometry tells
        self._turned = TurnedCheck()

    @classmethod
    def of_prior(cls, config: BeliefConfig, prior: PosePrior, stamp_ns: int, rng: np.random.Generator) -> Belief:
        """A belief that someone stated."""
        mean = np.array([prior.east, prior.north, prior.yaw])
        poses = rng.multivariate_normal(mean, prior.covariance, config.particles, method="cholesky")
        return cls(config, poses, stamp_ns, rng)

    @classmethod
    def of_frame(
        cls,
        config: BeliefConfig,
        estimate: PoseEstimate,
        stamp_ns: int,
        rng: np.random.Generator,
        view: View = AHEAD,
    ) -> Belief:
        """A belief that rests on a single frame: drawn from what it says, which is not weighed again."""
        belief = cls(config, drawn(estimate, config.particles, rng), stamp_ns, rng)
        belief._seen[view.camera] = _Taken(np.zeros(3), view.mount)
        return belief

    @property
    def driven_m(self) -> float:
        """How far it went since it began."""
        return float(self._way[0])

    def configure(self, config: BeliefConfig) -> None:
        """Go on by other settings; a scale of other doubt is learnt anew."""
        before, self._config = self._config, config
        if config.scale_std != before.scale_std:
            self._particles.draw_scale(config.scale_std)
        if config.particles != before.particles:
            self._particles.fewest = config.particles
            self._particles.resample(config.particles)

    def pose(self, lag: Motion = NO_MOTION) -> tuple[Floats, Floats]:
        """Mean (3,) and covariance (3, 3) of the pose a motion away from that at `stamp_ns`."""
        return self._particles.moments(self._particles.completed(lag))

    def advance(self, stamp_ns: int, motion: Motion, speed_sigma: float) -> None:
        """Move to a later stamp; `speed_sigma` (m/s) where nothing tells the velocity."""
        config, seconds = self._config, (stamp_ns - self.stamp_ns) * 1e-9
        told = self._creep.counted(motion, seconds)
        self._particles.accelerate(told, seconds, speed_sigma)
        motion = self._particles.completed(told)
        root = math.sqrt(motion.distance)
        unknown = STEADY * speed_sigma * (motion.unknown_s - motion.missing_s)
        unknown_turn = UNKNOWN_TURN_RATE * (motion.unknown_turn_s - motion.missing_turn_s)
        position = math.hypot(config.distance_noise * root, unknown, SIDEWAYS * speed_sigma * motion.missing_s)
        crept = CREEP_DOUBT * motion.crept_rad
        turn = math.hypot(config.yaw_noise * root, config.turn_noise * math.sqrt(motion.turned), unknown_turn, crept)
        self._particles.move(told, position, turn)
        self._round.move(motion.displacement)
        self._heading += motion.displacement.yaw
        self._way += (motion.distance + unknown, motion.turned + unknown_turn, motion.crept_rad + crept)
        self.stamp_ns = stamp_ns

    def doubt_yaw(self, std: Mapping[str, float], seen_by: Iterable[str] = ()) -> None:
        """Know the yaw of each camera no better than this (rad); seen_by: the cameras whose heading is believed."""
        self._known_yaw.update(std)
        self._particles.doubt_squint(std, seen_by)

    def confirmed(self, yaw_std: Mapping[str, float]) -> None:
        """Frames have led here, and may tell of yaws (rad) from now on: the first may be of a heading that is wrong.

        One that was guessed is corrected by few particles, which a frame brings: yaws would be left as few.
        """
        if not self._is_confirmed:
            self._is_confirmed = True
            if len(yaw_std) > 1:
                self._particles.resample(MORE * self._config.particles)
            self.doubt_yaw(yaw_std, self._seen)

    def sides(self, cameras: Sequence[str]) -> int:
        """To how many different sides these cameras look, of those whose frames were weighed."""
        apart: list[float] = []
        for yaw in (self._seen[camera].mount.yaw for camera in cameras if camera in self._seen):
            if all(abs(wrap_angle(yaw - other)) >= self._config.correlation_angle for other in apart):
                apart.append(yaw)
        return len(apart)

    def take_squint(self, camera: str, alike: float) -> tuple[float, float] | None:
        """By how much (rad) a camera looks further left than believed, and how sure that is; None if its yaw is known.

        The mean is believed from now on, once and for all, unless the driving tolerates what was believed: then none,
        and how sure that is holds what the driving would have otherwise. alike: what all its frames err alike (rad).
        """
        particles = self._particles
        if camera not in particles.squint:
            return None
        mean, std = particles.squint_moments(camera)
        # What both ends of the way err alike looks like a yaw; what was known before is not of that way.
        of_way = math.hypot(std, math.sqrt(2.0) * ALIKE_M / max(self.driven_m, 1.0))
        std = min(of_way, max(std, self._known_yaw.get(camera, 0.0)))
        if camera not in particles.turned and mean**2 <= TOLERATED * (std**2 + alike**2):
            return 0.0, math.hypot(mean, std)
        particles.turned |= {camera}
        particles.squint = {**particles.squint, camera: particles.squint[camera] - mean}
        self._turned.read_on(camera, mean)
        return mean, std

    def shift(self, offset: Floats) -> None:
        """Everything was (2,) further forward and left than was believed."""
        if offset.any():
            self._round.end()
            self._particles.move(Motion(PlanarPose(*offset.tolist())), 0.0, 0.0)

    def misread(self, yaw_std: Mapping[str, float]) -> None:
        """Frames were read through a wrong mount until now: what they said of scale and yaws (rad) is doubted again."""
        self._particles.draw_scale(self._config.scale_std)
        if yaw_std and yaw_std.keys() == self._particles.squint.keys():
            self._particles.draw_squint(max(yaw_std.values()))

    def doubt_way(self, metres: float) -> None:
        """The vehicle may have gone elsewhere than odometry says, by so much (standard deviation)."""
        self._particles.move(NO_MOTION, metres, ASTRAY_RAD * metres)
        self._way[0] += metres

    def change_odometry(self) -> None:
        """Odometry was wrong and comes from another source from now on: so was what followed it for a while."""
        self._round.end()
        self._particles.draw_scale(self._config.scale_std)
        self._particles.forget_velocity()
        self._particles.move(NO_MOTION, *MISLED)

    def see(
        self, estimate: PoseEstimate, lag: Motion = NO_MOTION, view: View = AHEAD, is_doubted: bool = False
    ) -> Seen:
        """Weigh the particles by a frame; a late one was taken a motion `lag` away.

        is_doubted: the frame is not to be trusted alone, and does not bring places that the belief does not hold.
        """
        lag = self._particles.completed(lag)
        if not is_doubted:
            self._look(estimate.yaw - lag.displacement.yaw, view.camera)
        part, of_heading, share = self._shares(self._way - (lag.distance, lag.turned, 0.0), view)
        match = match_evidence(estimate.match)
        member = Member(view.camera, likelihood_of(estimate), lag.displacement, part, match)
        best_places = lag.inverse().apply(estimate.hypotheses)
        raw = member.fit(self._particles, best_places)
        best, weights = float(raw.max()), self._particles.weights
        fit = raw[: len(weights)] - best
        gap = -reached(np.logaddexp(fit, -self._config.outlier_depth), weights)
        seen = Seen(gap, best + math.log(max(float(weights @ np.exp(fit)), TINY)), match)
        if gap > self._config.disagreement and not is_doubted:
            if part > 0.0:
                fresh = drawn(estimate, round(self._config.injected * self._config.particles), self._rng)
                self._particles.replace_least(lag.inverse().apply(fresh), view.camera)
                self._round.end()
                raw = member.fit(self._particles, best_places)
            self._way[0] += self._config.correlation_length  # it went on, whatever odometry says: the next one is new
        depth = self._config.outlier_depth
        self._particles.reweight(self._round.add(member, raw, share, depth, self._particles, best_places))
        if of_heading > 0.0:
            member.turn(self._particles, of_heading * share, depth)
        return seen

    def _look(self, yaw: float, camera: str) -> None:
        """Doubt the yaw of a camera whose frames show a heading (rad) that steps against odometry's, and stays so.

        It looks on as it does. The heading is what other cameras go on to show; without them the camera was turned, or
        odometry did: driving will tell.
        """
        turn = self._turned.hear(camera, float(wrap_angle(yaw - self._heading)), *self._way[:2].tolist())
        if turn is None or camera not in self._particles.squint:
            return
        poses, count = self._particles.poses.copy(), len(self._particles.poses)
        looks = self._heading + turn.look + LOOK_STD * self._rng.normal(0.0, 1.0, count)
        if not turn.is_alone:
            doubt = turn.step * TURN_DOUBT * self._rng.normal(0.0, 1.0, count)
            poses[:, 2] = wrap_angle(looks - self._particles.squint[camera] - turn.step - doubt)
        self._particles.poses = poses
        self._particles.squint = {**self._particles.squint, camera: wrap_angle(looks - poses[:, 2])}
        self._round.end()

    def chi_square(self, place: Floats, covariance: Floats, lag: Motion) -> float:
        """How far a fix (2,) with its covariance (2, 2), taken a motion `lag` away, is from what is believed."""
        mean, spread = self.pose(lag)
        offset = place - mean[:2]
        return float(offset @ np.linalg.solve(spread[:2, :2] + covariance, offset))

    def weigh_fix(self, place: Floats, covariance: Floats, stamp_ns: int, lag: Motion) -> float:
        """Weigh the particles by a fix (2,) taken a motion `lag` away, if it passes the gate; its chi-square."""
        chi_square = self.chi_square(place, covariance, lag)
        if chi_square <= self._config.fix_gate:
            offsets = place - self._particles.completed(lag).apply(self._particles.poses)[:, :2]
            distance = np.einsum("ni,ni->n", offsets, np.linalg.solve(covariance, offsets.T).T)
            self._particles.reweight(-0.5 * self._share_of_fix(stamp_ns) * distance)
        return chi_square

    def _share_of_fix(self, stamp_ns: int) -> float:
        """How much a fix of this stamp says that those weighed before did not, in [0, 1]."""
        before_ns, self._fix_ns = self._fix_ns, max(stamp_ns, self._fix_ns or stamp_ns)
        moved_m, self._fix_way = float(self._way[0]) - self._fix_way, float(self._way[0])
        if before_ns is None:
            return 1.0
        return min(1.0, abs(stamp_ns - before_ns) * 1e-9 / self._config.fix_correlation, moved_m / FIX_MOVED_M)

    def _shares(self, at: Floats, view: View) -> tuple[float, float, float]:
        """How much a frame taken at (3,) of the way says that those before did not, and how much each camera counts.

        What it says of all, and of the heading alone, where the gyro may have drifted; all in [0, 1].
        Nearby views that look along the same way err alike, be they of one camera or of the two of a stereo pair;
        cameras that look to different sides show different things, of imagery that is off for all of them.
        """
        part, drifted, together = 1.0, math.inf, 1
        for camera, before in self._seen.items():
            travelled, turned, crept = abs(at - before.at)
            drifted = min(drifted, crept)
            together += camera != view.camera and self._scaled(travelled, turned) < 1.0
            travelled += math.hypot(view.mount.x - before.mount.x, view.mount.y - before.mount.y)
            turned += abs(wrap_angle(view.mount.yaw - before.mount.yaw))
            part = min(part, self._scaled(travelled, turned))
        last = self._seen.get(view.camera)
        self._seen[view.camera] = _Taken(at if last is None else np.maximum(at, last.at), view.mount)
        if self._scaled(*abs(at - self._round_at)[:2]) >= 1.0:
            self._round.end()
            self._round_at = at
        of_heading = min(1.0 - part, drifted / DRIFT_RAD)
        return part, of_heading, share_of_each(together, self._config.camera_correlation)

    def _scaled(self, travelled: float, turned: float) -> float:
        """Metres and radians in those within which frames count as one."""
        return math.hypot(travelled / self._config.correlation_length, turned / self._config.correlation_angle)
