"""The motion from step to step of a belief, in which odometry that comes late makes up for what was assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import Motion, MotionBuffer

AMENDED_NS = 2_000_000_000  # how far back


@dataclass(frozen=True, slots=True)
class _Step:
    """The motion up to a stamp, as it was read before all of its odometry had come.

    left: share in [0, 1] of its error that is left in the belief; frames that are weighed take the rest away.
    """

    end_ns: int
    displacement: PlanarPose
    left: float = 1.0


class Odometer:
    """Reads the motion of each step, and those of the steps before it again while their odometry comes in."""

    def __init__(self, motions: MotionBuffer) -> None:
        self._motions = motions
        self._start_ns = 0
        self._steps: list[_Step] = []  # from there on

    def settle(self, left: float) -> None:
        """A frame was weighed: how much of what the belief was off before it still is, in [0, 1]."""
        self._steps = [replace(step, left=left * step.left) for step in self._steps]

    def step(self, start_ns: int, end_ns: int) -> Motion:
        """The motion from the end of the last step on, and what the steps before it turn out to have been short of."""
        if not self._steps or self._steps[-1].end_ns != start_ns:
            self._start_ns, self._steps = start_ns, []
        newest_ns = self._motions.newest_ns
        ends = [step.end_ns for step in self._steps]
        *anew, motion = self._motions.along([self._start_ns, *ends, end_ns])
        amends = self._amends([each.displacement for each in anew])
        self._steps.append(_Step(end_ns, motion.displacement))
        self._forget(end_ns if newest_ns is None else max(newest_ns, end_ns - AMENDED_NS))
        return replace(motion, displacement=amends @ motion.displacement)

    def _amends(self, anew: list[PlanarPose]) -> PlanarPose:
        """From where the steps were said to end to where they do by now, as far as frames have not seen to it."""
        said = meant = PlanarPose()
        for index, (step, displacement) in enumerate(zip(self._steps, anew, strict=True)):
            error = step.displacement.inverse() @ displacement
            partly = PlanarPose(step.left * error.x, step.left * error.y, step.left * error.yaw)
            said, meant = said @ step.displacement, meant @ step.displacement @ partly
            self._steps[index] = replace(step, displacement=displacement)
        return said.inverse() @ meant

    def _forget(self, until_ns: int) -> None:
        """Let the steps be whose odometry has come."""
        while self._steps and self._steps[0].end_ns <= until_ns:
            self._start_ns = self._steps.pop(0).end_ns
