"""Whether a camera was turned aside while driving: where it looks, against odometry's heading, steps and stays."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import wrap_angle

Floats = NDArray[np.float64]
SPACING_M = 1.0  # between frames that count: nearby views err alike
BENT = 0.03  # rad a metre; in a bend late stamps look like a turned camera
LATELY, BEFORE, FEWEST = 4, 8, 5  # frames after the step, the most and the fewest before it
LEAST, SIGMAS = math.radians(3.0), 4.0  # of a step: rad (2.8 degrees are seen without one), and of what frames scatter
HEARD_M = 10.0  # behind the newest frame: what another camera showed is no longer asked


class Turn(NamedTuple):
    """How much further left (rad) a camera looks than before, and where, against odometry's heading.

    is_alone: other cameras look on as they did; else odometry may have turned, not the camera.
    """

    step: float
    look: float
    is_alone: bool


@dataclass(slots=True)
class _Looks:
    """Of one camera, against odometry (rad). driven, turned: metres and radians at the last frame that came by."""

    looks: deque[float] = field(default_factory=lambda: deque(maxlen=BEFORE + LATELY))
    driven: float = -math.inf
    turned: float = 0.0

    def step(self) -> tuple[float, float]:
        """From the earlier frames to the latest (rad), and what they scatter (rad): infinite of too few."""
        if len(self.looks) < FEWEST + LATELY:
            return 0.0, math.inf
        looks = self.looks[0] + wrap_angle(np.array(self.looks) - self.looks[0])
        before, lately = looks[:-LATELY], looks[-LATELY:]
        scatter = math.sqrt((float(before.var()) + float(lately.var())) / 2)
        return float(np.median(lately) - np.median(before)), scatter


class TurnedCheck:
    """Follows where each camera looks."""

    def __init__(self) -> None:
        self._cameras: dict[str, _Looks] = {}

    def hear(self, camera: str, look: float, driven: float, turned: float) -> Turn | None:
        """What a frame tells. look: of the heading it shows, against odometry's; driven, turned: m and rad so far."""
        seen = self._cameras.setdefault(camera, _Looks())
        metres = driven - seen.driven
        if metres < SPACING_M:
            return None
        bent = (turned - seen.turned) / metres
        seen.driven, seen.turned = driven, turned
        if bent > BENT:
            return None
        seen.looks.append(look)
        step, scatter = seen.step()
        if abs(step) < max(LEAST, SIGMAS * scatter):
            return None
        lately = [*seen.looks][-LATELY:]
        seen.looks.clear()
        seen.looks.extend(lately)
        others = [each for name, each in self._cameras.items() if name != camera and driven - each.driven < HEARD_M]
        is_alone = any(
            scatter < math.inf and abs(other) < abs(step) / 2 for other, scatter in (o.step() for o in others)
        )
        middle = lately[0] + float(np.median(wrap_angle(np.array(lately) - lately[0])))
        return Turn(step, middle, is_alone)

    def read_on(self, camera: str, yaw: float) -> None:
        """From now on the camera's frames are read as if it looked so much (rad) further left."""
        if (seen := self._cameras.get(camera)) is not None:
            for index in range(len(seen.looks)):
                seen.looks[index] -= yaw
