"""Whether frames fit better with another focal length than the calibration says: that of another camera, or size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geoflow_ros.calibrate.views import View
from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.tracking.frame_localizer import FrameLocalizer
from geoflow_ros.tracking.mount.asked_frame import AskedFrame

FACTORS = (0.5, 0.6, 0.7, 1.4, 1.65, 2.0)
"""Of the focal length: nearer ones fit nearly as well, and a camera a little higher or lower looks like them."""
CLEARLY, ENOUGH = 1.5, 2  # by how much (natural logarithm) each of that many frames or more must fit better, on average
REACH_M, KNOWN_YAW = 5.0, 0.01  # around the pose (1 sigma), which a wrong focal length has moved along the view


def better_focal_length(views: Sequence[View], mounts: Sequence[Mount], localizer: FrameLocalizer) -> float | None:
    """By which of the factors a camera's views fit better than by its calibration; None if by none, clearly.

    mounts: of the camera, as stated and as found; a wrong focal length makes a wrong mount of a right one.
    """
    fits = np.array([[_fit(view, factor, mounts, localizer) for factor in (1.0, *FACTORS)] for view in views])
    fits = fits[np.isfinite(fits).all(axis=1)] if len(fits) else fits
    if len(fits) < ENOUGH:
        return None
    gained = (fits[:, 1:] - fits[:, :1]).mean(axis=0)
    best = int(np.argmax(gained))
    return FACTORS[best] if gained[best] > CLEARLY else None


def _fit(view: View, factor: float, mounts: Sequence[Mount], localizer: FrameLocalizer) -> float:
    """The log likelihood of a view through the likeliest of the mounts; -inf where nothing is known of the place."""
    prior = PosePrior(view.pose.x, view.pose.y, view.pose.yaw, np.diag([REACH_M, REACH_M, KNOWN_YAW]) ** 2)
    said = AskedFrame(localizer, view.image, view.camera, prior).scaled(mounts, factor)
    return max((each.log_likelihood for each in said), default=-math.inf)
