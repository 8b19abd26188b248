"""The mount of one camera, learnt while driving: when frames are asked about it, and what is made of their answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.planar import rotate
from geoflow_ros.tracking.belief import MISREAD_M
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior, corrected
from geoflow_ros.tracking.mount.flips import FLIPS, Flip, FlipCheck
from geoflow_ros.tracking.mount.mount_filter import MOST_ALIKE, NOT_LEARNT, MountFilter
from geoflow_ros.tracking.mount.moved_check import MovedCheck
from geoflow_ros.tracking.mount.probing import RADII, Quadratic, directions, fitted, near, probes
from geoflow_ros.tracking.mount.remembered import Remembered

Floats = NDArray[np.float64]
SPACING_M = 5.0  # between frames that are asked: nearby views err alike
CRAWL = 1.0  # m/s, where nothing tells the speed
MATCHED = 0.5  # probability from which on a frame says something
REACHES = (1.0, 2.0, 3.0)  # in turn, while nothing matches
PATIENCE, SELDOM = 12, 10  # frames in which nothing matched: suspicion, and from then on every tenth is asked
AHEAD_M, ASIDE_M = 9.0, 4.0
FLATTEST = 6.0  # heights of the camera away, from where on the ground is seen too flat to matter
LEAST_LEVER = 10.0  # m/rad: what a camera sees moves by more as it pitches
PITCH = 1  # of the filter's states
LAG_M = 15.0
"""Driven until frames correct the place to the side: where the yaw is not known, it follows a wrong heading so far."""
MISFIT_M = 0.15  # to all sides, by which the frames of a mount that was found out err alike; not of a measured one
SYSTEMATIC_YAW, YAW_SHARE = math.radians(0.2), 0.19
"""What the frames of a drive err alike sideways, as the yaw of a camera, at least (rad), and as a share of what one of
them states of its heading: who sees only what is far away, behind a bonnet, states more, and errs as much more."""
TILT, YAW = [0, 1, 3], 2
"""Where the filter's states, and the yaw, are among `STATES`."""


class MountCalibration:
    """What is believed of one camera's mount, from the stated one on."""

    def __init__(self, prior: MountPrior) -> None:
        self._prior = prior
        self._place_spread = Remembered(self._place_spread_now)
        self._stated: Mount | None = None
        self._filter: MountFilter
        self._missed = 0  # frames in a row that fit no mount
        self._flips = FlipCheck()
        self._headings, self._heading_information = 0, 0.0  # how many were stated, and on average how well (rad^-2)
        self.others_fit = False  # whether frames of other cameras fit: then this one may well see nothing known

    def estimate(self, stated: Mount) -> MountEstimate:
        """What is believed of the mount that is stated now; one that TF moves keeps its correction."""
        correction, covariance = self._correction_of(stated), np.zeros((4, 4))
        covariance[np.ix_(TILT, TILT)], covariance[YAW, YAW] = self._filter.covariance, self._yaw_told
        return MountEstimate(stated, correction, covariance, self._suspicion)

    def mount(self, stated: Mount) -> Mount:
        """The mean of `estimate`: with every frame, the rest with few."""
        return corrected(stated, self._correction_of(stated))

    def _correction_of(self, stated: Mount) -> Floats:
        """(4,) by `STATES`, of the mount that is stated now."""
        if self._stated is None:
            self._begin(stated)
        self._stated = stated
        correction = np.zeros(4)
        correction[TILT], correction[YAW] = self._filter.believed, self._yaw
        return correction

    def forget(self) -> None:
        """Nothing was learnt."""
        self._stated = None

    def recall(self, kept: MountEstimate) -> None:
        """Go on from what was learnt before."""
        self._begin(kept.stated)
        self._filter.recall(kept.correction[TILT], kept.covariance[np.ix_(TILT, TILT)])
        self._yaw, told = float(kept.correction[YAW]), float(kept.covariance[YAW, YAW])
        if told < NOT_LEARNT * self._prior.yaw**2:
            self._yaw_std = math.sqrt(max(told - self.yaw_alike**2, (1.0 - MOST_ALIKE) * told))

    def ask(self, stated: Mount, stamp_ns: int, motions: MotionBuffer) -> Sequence[Mount]:
        """The mounts through which a frame of this stamp shall be read, the likeliest first; none if it need not."""
        self._correction_of(stated)
        if not self._is_due(stamp_ns, motions):
            return ()
        offsets = self._filter.centre + probes(self._filter.free, self._reach)
        return [corrected(stated, np.array([roll, pitch, self._yaw, height])) for roll, pitch, height in offsets]

    def learn(self, evidence: Sequence[MountEvidence], jitter: float = 0.0) -> Floats:
        """Take a frame's answers to `ask`, then those to `flips`, if any.

        jitter: standard deviation (m) by which what frames see moves along the view, of a body that nods. Returns how
        far (2,) what they see moves forward and left by what was learnt.
        """
        if not evidence:
            return np.zeros(2)
        if jitter > 0.0 and not self._is_nodding:
            return self._begin_nodding()
        return self._learned(evidence, jitter)

    def _learned(self, evidence: Sequence[MountEvidence], jitter: float) -> Floats:
        asked = len(probes(self._filter.free, self._reach))
        self._flips.learn(evidence[:asked], evidence[asked:], MATCHED)
        evidence = evidence[:asked]
        before, match = self._filter.believed, np.array([each.match for each in evidence])
        likelihood = np.array([each.log_likelihood for each in evidence])
        best = int(np.argmax(np.where(match >= MATCHED, likelihood, -np.inf)))
        if match[best] < MATCHED:
            self._missed += 1
            return np.zeros(2)
        reach, self._missed, elsewhere = self._reach, 0, probes(self._filter.free, self._reach)[best]
        self._any_fitted = True
        nod = np.array([0.0, jitter / max(abs(float(self._lever[0, PITCH])), LEAST_LEVER), 0.0])
        if match[0] >= MATCHED and reach == REACHES[0]:
            self._set_lever(np.array([each.place for each in evidence]))
            self._weigh(fitted(self._filter.free, reach, likelihood).blurred(nod))
        elif match[0] < MATCHED and jitter > 0.0:
            self._weigh(near(elsewhere).blurred(nod))
        elif match[0] < MATCHED and (not self._filter.is_informed or self._was_moved(elsewhere, likelihood, best)):
            # Later on a frame alone, which may be of anything, leads to no other mount than many have found.
            self._filter.jump(elsewhere)
        if match[0] >= MATCHED:
            self._moved.fits()
        shift = np.asarray(self._lever_on_vehicle @ (self._filter.believed - before))
        if np.hypot(*shift) > MISREAD_M:
            self._yaw_std = self._prior.yaw
        return shift

    def _was_moved(self, elsewhere: Floats, likelihood: Floats, best: int) -> bool:
        """Whether frames in a row fit there only; how well the mount was known is forgotten then."""
        if not self._moved.fits_elsewhere(elsewhere, float(likelihood[best] - likelihood[0])):
            return False
        assert self._stated is not None
        before, self._filter = self._filter.centre, self._new_filter(self._stated)
        self._filter.jump(before)
        self._yaw_std = self._prior.yaw
        self._moved.fits()
        return True

    def _weigh(self, fit: Quadratic | None) -> None:
        if fit is not None:
            self._filter.learn(fit)

    @property
    def _yaw_told(self) -> float:
        """Variance of the yaw: of chance and of what all frames err alike, together never more than the prior's."""
        of_chance = self._yaw_std**2  # which may hold what driving would have otherwise, however much that is
        return max(of_chance, min(of_chance + self.yaw_alike**2, self._prior.yaw**2))

    def hear_heading(self, variance: float) -> None:
        """A frame states its heading so well (rad^2)."""
        self._headings += 1
        self._heading_information += (1.0 / variance - self._heading_information) / self._headings

    @property
    def yaw_alike(self) -> float:
        """What all frames err alike as the yaw of the camera (rad, standard deviation)."""
        stated = self._heading_information**-0.5 if self._headings else 0.0
        return max(SYSTEMATIC_YAW, YAW_SHARE * stated)

    @property
    def place_covariance(self) -> Floats:
        """(2, 2) of the vehicle's place, forward and left, that comes from what is not known of the mount."""
        if self._stated is None:
            return np.zeros((2, 2))
        return self._place_spread.of(self._stated, self._lever, self._filter.covariance, self._yaw, self._yaw_std)

    def _place_spread_now(self) -> Floats:
        lever = self._lever_on_vehicle
        covariance = np.asarray(lever @ self._filter.covariance @ lever.T)
        covariance[1, 1] += (LAG_M * self._yaw_std) ** 2
        if self._filter.believed.any() or self._yaw:
            covariance += MISFIT_M**2 * np.eye(2)
        return covariance

    @property
    def flips(self) -> Sequence[Flip]:
        """How the frame that is asked shall be read besides, through the first of its mounts: if none fitted lately."""
        return FLIPS if self._missed or self._flips.sentence else ()

    @property
    def flipped(self) -> str:
        """What is wrong with images that fit only flipped; empty if nothing is known to be."""
        return self._flips.sentence

    @property
    def fits(self) -> bool:
        """Whether the last frame that was asked fitted."""
        return self.frames > 0 and self._missed == 0

    @property
    def frames(self) -> int:
        """How many frames the mount was learnt from."""
        return 0 if self._stated is None else self._levers

    @property
    def sentence(self) -> str:
        """As `MountEstimate.sentence`, of the mount that was stated last."""
        if self._stated is None:
            return ""
        # Of one that is as stated, with every frame: there is nothing to say but that none fits.
        is_corrected = self._filter.believed.any() or self._yaw
        return self.estimate(self._stated).sentence if is_corrected else self._suspicion

    @property
    def yaw_std(self) -> float:
        """Of the mount's yaw (rad)."""
        return self._prior.yaw if self._stated is None else self._yaw_std

    def turn(self, yaw: float, std: float) -> None:
        """Driving says that the yaw is further by this (rad), known to `std`; nothing of one never looked through."""
        if self._stated is not None:
            self._yaw, self._yaw_std = self._yaw + yaw, std

    @property
    def _lever_on_vehicle(self) -> Floats:
        """(2, 3) in metres forward and left of the vehicle, whichever way the camera looks."""
        yaw = 0.0 if self._stated is None else self._stated.yaw
        return np.asarray(rotate(yaw, self._lever.T).T)

    def _begin_nodding(self) -> Floats:
        """Doubt what frames said before the body was known to nod; how far (2,) what they see moves by that."""
        assert self._stated is not None
        before = self._filter.believed
        self._is_nodding = True
        self._filter = self._new_filter(self._stated)
        return np.asarray(-self._lever_on_vehicle @ before)

    def _new_filter(self, stated: Mount) -> MountFilter:
        return MountFilter(np.array([self._prior.roll, self._prior.pitch, self._prior.height * stated.height]))

    def _begin(self, stated: Mount) -> None:
        prior = self._prior
        self._stated = stated
        self._filter = self._new_filter(stated)
        self._is_nodding = False
        self._yaw, self._yaw_std = 0.0, prior.yaw
        self._lever, self._levers = seen_at(stated.height), 0  # along the camera's own axes
        self._heard_ns: int | None = None
        self._unasked_m = 0.0
        self._missed = self._skipped = 0
        self._moved, self._any_fitted = MovedCheck(), False

    @property
    def _reach(self) -> float:
        return REACHES[self._missed % len(REACHES)]

    @property
    def _suspicion(self) -> str:
        if flipped := self._flips.sentence:
            return flipped
        if self._missed < PATIENCE or self._any_fitted or self.others_fit:
            return ""
        tried = np.degrees(RADII[:2] * REACHES[-1])
        return (
            f"no frame fits the imagery, nor up to {tried.min():.0f} deg from the stated mount: is the camera upside "
            "down, mirrored, calibrated otherwise or mounted elsewhere, or is the imagery of another place?"
        )

    def _is_due(self, stamp_ns: int, motions: MotionBuffer) -> bool:
        if not self._filter.free.any():
            return False
        if self._heard_ns is None:
            self._heard_ns = stamp_ns
            return True
        motion = motions.between(self._heard_ns, stamp_ns)
        self._heard_ns = stamp_ns
        self._unasked_m += motion.distance + CRAWL * motion.unknown_s
        if self._missed:
            self._skipped += 1
            return self._missed < PATIENCE or self._skipped % SELDOM == 0
        if self._unasked_m < SPACING_M:
            return False
        self._filter.drive(self._unasked_m)
        self._unasked_m = 0.0
        return not self._filter.is_known

    def _set_lever(self, places: Floats) -> None:
        """Average how far a frame's place (P, 2) moves with each state, over the frames so far."""
        steps = directions(self._filter.free)
        pairs = places[1 : 1 + 2 * len(steps)].reshape(-1, 2, 2)
        lever = (np.linalg.pinv(steps) @ (pairs[:, 0] - pairs[:, 1]) / 2).T
        self._levers += 1
        self._lever = self._lever + (lever - self._lever) / self._levers


def seen_at(height: float) -> Floats:
    """How far (2, 3) a frame's place usually moves, in metres forward and left for a rad, a rad, a metre of the mount.

    As that of a spot on the ground where most of what is matched lies.
    """
    ahead, aside = min(AHEAD_M, FLATTEST * height), min(ASIDE_M, FLATTEST * height)
    return np.array([[0.0, ahead**2 / height + height, -ahead / height], [-(aside**2 / height + height), 0.0, 0.0]])
