"""How much later images are stamped than exposed, from what frames say alone against where odometry leads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import rotate, wrap_angle
from geoflow_ros.tracking.motion import Motion

Floats = NDArray[np.float64]
POSE, YAW, DELAY, SCALE, DRIFT, SQUINT, OFFSET, ERROR = slice(0, 3), 2, 3, 4, 5, 6, slice(7, 9), slice(9, 12)
STATE = 12
PRIOR = (3.0, 3.0, 0.1, 0.2, 0.1, 0.01, 0.07, 0.7, 0.7, 0.0, 0.0, 0.0)
"""Standard deviations before any frame: m, m, rad of the pose; s; share of a distance; rad/s; rad; m, m."""
WANDER = (0.0, 0.0, 0.0, 3e-4, 1e-3, 2e-4, 1e-3, 0.02, 0.02, 0.0, 0.0, 0.0)
"""How far each changes in a second (standard deviation): mounts are learnt, wheels warm up."""
WAY_M, WAY_YAW, TURN_YAW = 0.03, 0.003, 0.01  # error of odometry after one metre, one metre, one radian: grows as roots
CORRELATED_M, CORRELATED_RAD = 6.0, 0.6  # driven and turned until frames err otherwise
WHITE_SHARE = 0.6  # of a frame's standard deviation that is drawn anew for each
LEAST_STD = np.array([0.15, 0.15, math.radians(0.7)])  # of a frame, whatever it says of itself
WINDOW_S = 15.0  # of odometry, within which its turns are known well enough for what is linear
LEARNING = 0.03  # of a frame, how much worse than they say frames are
CHANGED_S = 0.05  # standard deviation of what the delay may be else when frames in a row are not heard
GATE, PATIENCE = 16.0, 5  # chi-square (3 degrees of freedom) of a frame that is not heard; so many end a window


@dataclass(frozen=True, slots=True, eq=False)
class FrameReading:
    """What a frame says without the prior: mean (3,) of east, north, yaw of base_link, and its covariance (3, 3)."""

    mean: Floats
    covariance: Floats


class ImageDelay:
    """A Kalman filter of the pose at an image's stamp, which odometry moves and the frame sees a delay earlier.

    Driven straight at one speed, a delay looks like frames that see the vehicle further back; only bends, stops and
    starts tell them apart. Imagery may lie anywhere, frames may see the vehicle turned and beside itself by a constant,
    odometry may be scaled and drift, nearby frames err alike: all that is estimated, too. It is linear around the way
    of odometry alone, WINDOW_S of it at a time: around what the filter believes, noise would look like bends.
    """

    def __init__(self) -> None:
        self._state, self._covariance = np.zeros(STATE), np.diag(np.square(PRIOR))
        self._misfit = 1.0
        self.restart()

    @property
    def moments(self) -> tuple[float, float]:
        """Delay and its standard deviation (s)."""
        return float(self._state[DELAY]), math.sqrt(self._covariance[DELAY, DELAY])

    def restart(self) -> None:
        """Nobody knows how far the vehicle went since the last frame."""
        self._left_s, self._refused = 0.0, 0

    def add(self, reading: FrameReading, seconds: float, motion: Motion, speed: Floats) -> None:
        """Learn from a frame so long after the last one, and so far. speed: (3,) m/s, m/s, rad/s, around it."""
        spread = self._misfit * (reading.covariance + np.diag(np.square(LEAST_STD)))
        if self._left_s <= 0.0:
            self._begin(reading, spread)
        else:
            self._left_s -= seconds
            self._move(seconds, motion)
            self._err_otherwise(spread, motion)
            self._hear(reading, spread, speed)

    def _begin(self, reading: FrameReading, spread: Floats) -> None:
        """Place the vehicle anew, keeping what is known of all else; frames are heard from the next on."""
        self._left_s, self._refused = WINDOW_S, 0
        # Of odometry from here on: the pose in the state is how far off that is.
        self._way = reading.mean - (0.0, 0.0, self._state[SQUINT])
        self._before = self._state.copy()
        for part, covariance in (
            (POSE, np.diag(np.square(PRIOR[POSE]))),
            (ERROR, (1.0 - WHITE_SHARE**2) * spread),
        ):
            self._state[part] = 0.0
            self._covariance[part, :] = self._covariance[:, part] = 0.0
            self._covariance[part, part] = covariance

    def _move(self, seconds: float, motion: Motion) -> None:
        """Odometry moves the pose."""
        by, scale, drift = motion.displacement, float(self._before[SCALE]), float(self._before[DRIFT])
        step = rotate(float(self._way[YAW]) + drift * seconds / 2.0, (by.x, by.y))
        self._way += (*((1.0 + scale) * step), by.yaw + drift * seconds)
        aside = (1.0 + scale) * np.array([-step[1], step[0]])  # how it changes with the yaw
        jacobian = np.eye(STATE)
        jacobian[:2, YAW], jacobian[:2, SCALE] = aside, step
        jacobian[:2, DRIFT], jacobian[YAW, DRIFT] = aside * seconds / 2.0, seconds
        known = np.zeros(STATE)
        known[SCALE], known[DRIFT] = scale, drift
        self._state = known + jacobian @ (self._state - known)
        noise = np.square(WANDER) * seconds
        noise[:2] += WAY_M**2 * motion.distance
        noise[YAW] += WAY_YAW**2 * motion.distance + TURN_YAW**2 * motion.turned
        self._covariance = jacobian @ self._covariance @ jacobian.T + np.diag(noise)

    def _err_otherwise(self, spread: Floats, motion: Motion) -> None:
        """The common error of frames decays on the way (Gauss-Markov), stirred to the same size."""
        kept = math.exp(-motion.distance / CORRELATED_M - motion.turned / CORRELATED_RAD)
        self._state[ERROR] *= kept
        self._covariance[ERROR, :] *= kept
        self._covariance[:, ERROR] *= kept
        self._covariance[ERROR, ERROR] += (1.0 - kept**2) * (1.0 - WHITE_SHARE**2) * spread

    def _hear(self, reading: FrameReading, spread: Floats, speed: Floats) -> None:
        axes = rotate(float(self._way[YAW]), np.eye(2)).T
        beside = axes @ (self._before[OFFSET] - self._before[DELAY] * speed[:2])
        jacobian = np.zeros((3, STATE))
        jacobian[:, POSE] = jacobian[:, ERROR] = np.eye(3)
        jacobian[:2, YAW] = -beside[1], beside[0]
        jacobian[:2, OFFSET], jacobian[2, SQUINT] = axes, 1.0
        jacobian[:2, DELAY], jacobian[2, DELAY] = -axes @ speed[:2], -speed[2]
        innovation = reading.mean - self._way - jacobian @ self._state
        innovation[2] = wrap_angle(float(innovation[2]))
        cross = self._covariance @ jacobian.T
        within = jacobian @ cross + WHITE_SHARE**2 * spread
        weighed = np.linalg.solve(within, np.column_stack([innovation, cross.T]))
        chi_square = float(innovation @ weighed[:, 0])
        self._misfit += LEARNING * (max(1.0, self._misfit * min(chi_square, GATE) / 3.0) - self._misfit)
        if chi_square > GATE:
            self._refused += 1
            if self._refused >= PATIENCE:
                self._covariance[DELAY, DELAY] += CHANGED_S**2
                self.restart()
            return
        self._refused = 0
        self._state = self._state + cross @ weighed[:, 0]
        remaining = self._covariance - cross @ weighed[:, 1:]
        self._covariance = (remaining + remaining.T) / 2.0
