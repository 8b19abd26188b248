"""How well the frames of the last seconds support the belief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.rig.combination import part_of

LOST, DOUBTFUL, CERTAIN = -4.0, 0.0, 8.0
"""Levels of support: below the first there is nothing, below the second too little, and the last is the most."""
CAUTIONS, PROVEN = np.array([2.3, 0.5]), np.array([2.0, 18.0])
"""A belief is followed once frames prove it: what they say less a caution adds up to so much, from zero at the lowest.
A little of frames that match well, or much of those that match so-so, as photographs do in some suburbs. On the wrong
imagery some street fits for a while; a belief that has been right may be followed over worse frames."""
APART_M = 4.0  # driven, before frames that match so-so say something new: standing they may fit any imagery a little
DENIAL, PROOF = -3.0, 3.0
"""The least and the most that the frames of a quarter of `lost_after` add up to: they err alike. So much denial takes
full support down to LOST in `lost_after`."""
UNHEARD = LOST - 0.5  # the least level that frames which say nothing lead to
OUTVOTED = 2.0
"""Times PROVEN and the cameras that deny to each that confirms, where those are not most. One of two may look at the
sky; on imagery of 51 m away one of two proved 2.4 while the other denied, on the right one 30."""
MIN_STREAK = 3  # supporting frames in a row, however slowly they come
BLINK_NS = 250_000_000  # so long a camera may show nothing, or one frame of it, before that counts
SILENT_NS = 10**9  # behind the newest frame: what a camera said is no longer asked
WINDOW = DENIAL / (LOST - CERTAIN)  # of `lost_after`, in which frames err alike: a quarter


@dataclass(slots=True)
class _View:
    """Of one camera: its newest frame, but for those that show nothing and do not count yet.

    blinks: how many those are.
    """

    stamp_ns: int
    streak: int = 0
    is_blind: bool = False
    blinks: int = 0

    def blinked(self, stamp_ns: int) -> bool:
        """Whether a frame that shows nothing is but one that was damaged on its way: if more follow, all count."""
        self.blinks += 1
        return not self.is_blind and (self.blinks == 1 or stamp_ns - self.stamp_ns <= BLINK_NS)


class Support:
    """Log odds that the belief is right, against another place or other imagery, from all frames of all cameras."""

    def __init__(self) -> None:
        self.level, self._proof = 0.0, np.zeros(len(CAUTIONS))
        self._driven_m = 0.0
        self._views: dict[str, _View] = {}
        self._newest_ns: int | None = None

    @property
    def cameras(self) -> int:
        """How many cameras are asked."""
        return max(1, len(self._asked()))

    @property
    def confirming(self) -> list[str]:
        """The cameras whose last frame speaks for the belief, of those that are asked."""
        asked = self._asked()
        return [camera for camera, view in self._views.items() if view in asked and view.streak > 0]

    @property
    def is_blind(self) -> bool:
        """Whether no camera shows anything."""
        return all(view.is_blind for view in self._asked())

    @property
    def is_firm(self) -> bool:
        """Whether it is enough to start to believe."""
        views = self._asked()
        confirming = sum(view.streak > 0 for view in views)
        if sum(view.streak for view in views) < MIN_STREAK or self.level < DOUBTFUL:
            return False
        denying = len(views) - confirming
        outvoted = 1.0 if denying < confirming else OUTVOTED * denying / confirming
        return bool(np.any(self._proof >= PROVEN * outvoted))

    def add(
        self, stamp_ns: int, evidence: float, lost_after_s: float, camera: str = ONE, driven_m: float = 0.0
    ) -> None:
        """Count what a frame says (log odds) of the belief; a late one as if taken with the newest of its camera.

        driven_m: since the belief began.

        What several cameras prove adds up, what they deny is shared: one that looks where the imagery shows little is
        no denial of the others. One that comes back speaks for itself, not for all the time that others were asked.
        """
        newest_ns = self._began_ns(stamp_ns)
        view = self._views.setdefault(camera, _View(newest_ns))
        elapsed_s = (stamp_ns - view.stamp_ns) * 1e-9
        if view.stamp_ns < newest_ns - SILENT_NS:
            elapsed_s = min(elapsed_s, WINDOW * lost_after_s)
        metres = driven_m - self._driven_m
        self._count(evidence, elapsed_s * part_of(evidence, self.cameras), lost_after_s, metres)
        self._driven_m = max(driven_m, self._driven_m)
        view.streak = view.streak + 1 if evidence > 0.0 else 0
        self._came(view, stamp_ns, is_blind=False)

    def miss(self, stamp_ns: int, lost_after_s: float, camera: str = ONE, is_blind: bool = False) -> None:
        """Count a frame that says nothing: without others, full support falls to LOST in `lost_after_s`.

        It falls no further: what nothing was said against for a minute is to be found again as soon as after a second.
        """
        since_ns = self._began_ns(stamp_ns)
        view = self._views.setdefault(camera, _View(since_ns))
        if is_blind and view.blinked(stamp_ns):
            return
        view.streak, view.is_blind = 0, is_blind
        if not is_blind or self.is_blind:
            least = min(self.level, UNHEARD)
            self._count(DENIAL, (stamp_ns - since_ns) * 1e-9, lost_after_s)
            self.level = max(self.level, least)
        self._came(view, stamp_ns, is_blind)

    def begin(self, stamp_ns: int, evidence: float, camera: str = ONE) -> None:
        """Start anew with the belief that a frame brought, which speaks for itself by so much (log odds)."""
        self.level, self._proof = min(max(evidence, DOUBTFUL), PROOF), np.zeros(len(CAUTIONS))
        self._views, self._newest_ns, self._driven_m = {camera: _View(stamp_ns, streak=1)}, stamp_ns, 0.0

    def _count(self, evidence: float, elapsed_s: float, lost_after_s: float, metres: float = 0.0) -> None:
        windows = max(0.0, elapsed_s) / (WINDOW * lost_after_s)
        # However long ago the last one was, a frame proves no more than one: but time without proof tells.
        share = windows if evidence < 0.0 else min(windows, 1.0)
        level = self.level + share * min(max(evidence, DENIAL), PROOF)
        self.level = min(max(level, LOST - CERTAIN), CERTAIN)
        said = np.clip(evidence - CAUTIONS, DENIAL, PROOF)
        anew = np.array([share, min(share, max(0.0, metres) / APART_M)])
        self._proof = np.maximum(0.0, self._proof + np.where(said > 0.0, anew, share) * said)

    def _came(self, view: _View, stamp_ns: int, is_blind: bool) -> None:
        view.stamp_ns, view.is_blind, view.blinks = max(stamp_ns, view.stamp_ns), is_blind, 0
        self._newest_ns = stamp_ns if self._newest_ns is None else max(stamp_ns, self._newest_ns)

    def _began_ns(self, stamp_ns: int) -> int:
        return stamp_ns if self._newest_ns is None else self._newest_ns

    def _asked(self) -> list[_View]:
        """Of the cameras that are heard of, those that show anything; all of them if none does."""
        newest_ns = max((view.stamp_ns for view in self._views.values()), default=0)
        heard = [view for view in self._views.values() if view.stamp_ns >= newest_ns - SILENT_NS]
        return [view for view in heard if not view.is_blind] or heard
