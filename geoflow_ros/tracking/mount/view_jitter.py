"""How far frames jump about along their camera's view: of a body that nods, where nothing tells its tilt."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import Likelihood, PoseEstimate, Rejection
from geoflow_ros.planar import rotate, rotated_covariance
from geoflow_ros.tracking.motion import NO_MOTION, MotionBuffer

Floats = NDArray[np.float64]
SLOW_S = 1.0  # what lasts longer is no nod: an error of imagery, or of the mount
PAUSE_S = 1.0  # without a frame, after which nothing is compared
REMEMBERED_S = 10.0
USUAL_M = 0.45  # root mean square along the view, more than to the side, of frames of a body that is steady
MOST_TOLD_M = (
    1.2  # standard deviation along the view of a frame that knows its place: of a wider one no more is expected
)
LEAP_M = 2.0  # from frame to frame: the later one fits another place, and is left out
MOST_OFFSET_M = 4.0  # further off for a second is no nod: odometry tells another speed
NODES = np.linspace(-2.0, 2.0, 9)
"""Standard deviations at which a likelihood is read to be smeared: as close as a frame's own is wide."""
LOG_SHARES = -0.5 * np.square(NODES / 1.1447)  # of a variance of 1, though they end at 2
LOG_SHARES -= np.logaddexp.reduce(LOG_SHARES)


class ViewJitter:
    """Of one camera, learnt from how its frames alone move against odometry, ahead and to the side.

    A pitch that nobody knows moves what is seen along the view, by 0.8 m a degree on the ground 9 m ahead, and hardly
    to the side; whatever else makes frames scatter does so to all sides, or they say so: behind a bonnet, where no
    ground is near, they know their place along the view less well.
    """

    def __init__(self) -> None:
        self._last: tuple[int, Floats] | None = None
        self._forget()

    @property
    def std(self) -> float:
        """Standard deviation (m) along the view that frames do not tell of themselves."""
        ahead, aside = (self._square - self._mean**2).tolist()
        return math.sqrt(max(0.0, ahead - aside - max(USUAL_M**2, self._told)))

    def _forget(self) -> None:
        self._offset = np.zeros(2)  # m along the view and to its left: where the last frame was, against those before
        self._mean, self._square, self._told, self._heard_s = np.zeros(2), np.zeros(2), 0.0, 0.0

    def hear(self, stamp_ns: int, said: PoseEstimate, view_yaw: float, motions: MotionBuffer) -> None:
        """Take what a frame says alone, of base_link; view_yaw: of its camera's view there (rad)."""
        pose, view = said.planar, said.yaw + view_yaw
        last, now = self._last, (stamp_ns, pose.array())
        elapsed = PAUSE_S if last is None else (stamp_ns - last[0]) * 1e-9
        motion = NO_MOTION if last is None else motions.between(last[0], stamp_ns)
        if last is None or not 0.0 < elapsed < PAUSE_S or motion.unknown_s > 0.0:
            self._offset, self._last = np.zeros(2), now
            return
        expected = motion.apply(last[1][None])[0]
        step = rotate(-view, now[1][:2] - expected[:2])
        if math.hypot(*step) > LEAP_M:
            return
        self._last = now
        self._offset = math.exp(-elapsed / SLOW_S) * self._offset + step
        if math.hypot(*self._offset) > MOST_OFFSET_M:
            return self._forget()
        self._heard_s = min(self._heard_s + elapsed, REMEMBERED_S)
        share = min(1.0, elapsed / self._heard_s)
        self._mean += share * (self._offset - self._mean)  # of a wrong speed, not of a nod
        self._square += share * (self._offset**2 - self._square)
        told = float(rotated_covariance(-view, said.covariance[:2, :2])[0, 0])
        self._told += share * (min(told, MOST_TOLD_M**2) - self._told)


def smeared(outcome: PoseEstimate | Rejection, std: float, view_yaw: float) -> PoseEstimate | Rejection:
    """What came of a frame, whose place along its camera's view is as uncertain as that besides (m)."""
    if std == 0.0:
        return outcome
    if isinstance(outcome, PoseEstimate):
        return _smeared(outcome, std, view_yaw)
    said = outcome.withheld
    return outcome if said is None else replace(outcome, withheld=_smeared(said, std, view_yaw))


def _smeared(estimate: PoseEstimate, std: float, view_yaw: float) -> PoseEstimate:
    yaw, covariance = estimate.yaw + view_yaw, estimate.covariance.copy()
    along = std * np.array([math.cos(yaw), math.sin(yaw)])
    covariance[:2, :2] += np.outer(along, along)
    likelihood = estimate.log_likelihood
    return replace(
        estimate,
        covariance=covariance,
        log_likelihood=None if likelihood is None else _along(likelihood, along),
    )


def _along(likelihood: Likelihood, step: Floats) -> Likelihood:
    """The likelihood averaged over a normal distribution whose standard deviation is the step (2,)."""
    steps = np.pad(NODES[:, None] * step, ((0, 0), (0, 1)))

    def averaged(poses: Floats) -> Floats:
        fits = likelihood((poses + steps[:, None]).reshape(-1, 3)).reshape(len(steps), -1)
        return np.asarray(np.logaddexp.reduce(fits + LOG_SHARES[:, None], axis=0))

    return averaged
