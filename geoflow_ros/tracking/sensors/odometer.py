"""The motion from step to step of a belief, in which odometry that comes late makes up for what was assumed."""

from __future__ import annotations

from dataclasses import replace

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import Motion, MotionBuffer

AMENDED_NS = 2_000_000_000  # how far back


class Odometer:
    """Reads the motion of each step; the steps since the last frame are read anew with every other.

    What a frame has seen is not amended any more: it has seen what odometry had missed.
    """

    def __init__(self, motions: MotionBuffer) -> None:
        self._motions = motions
        self._ends: list[int] = []  # of the steps that may still be amended
        self._base = self._place = PlanarPose()  # at the first of them; at the last, as it was said

    def settle(self, stamp_ns: int) -> None:
        """A frame has been seen at this stamp."""
        self._ends = [stamp_ns]
        self._base = self._place = PlanarPose()

    def step(self, start_ns: int, end_ns: int) -> Motion:
        """The motion from the end of the last step on, with what the steps before it were short of."""
        if not self._ends or self._ends[-1] != start_ns:
            self.settle(start_ns)
        motion = self._motions.between(start_ns, end_ns)
        if self._ends[0] < start_ns:
            place = self._base @ self._motions.between(self._ends[0], end_ns).displacement
            motion = replace(motion, displacement=self._place.inverse() @ place)
        self._place = self._place @ motion.displacement
        self._ends.append(end_ns)
        self._forget(end_ns - AMENDED_NS)
        return motion

    def _forget(self, until_ns: int) -> None:
        """Let the steps that ended before a stamp be."""
        kept = next(index for index, end_ns in enumerate(self._ends) if end_ns >= until_ns)
        if kept == 0:
            return
        self._base = self._base @ self._motions.between(self._ends[0], self._ends[kept]).displacement
        self._ends = self._ends[kept:]
