"""Whether frames fit better with another focal length than the calibration says: that of another camera, or size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geoflow_ros.calibrate.views import View
from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.tracking.frame_localizer import FrameLocalizer

FACTORS = (0.5, 0.6, 0.7, 1.4, 1.65, 2.0)
"""Of the focal length: nearer ones fit nearly as well, and a camera a little higher or lower looks like them."""
CLEARLY, ENOUGH = 1.5, 2  # by how much (natural logarithm) each of that many frames or more must fit better, on average
REACH_M, REACH_YAW = 6.0, 0.07
"""Around the pose (1 sigma): what a wrong focal length moves it by lies along the view."""


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
    pose, camera = view.pose, view.camera
    prior = PosePrior(pose.x, pose.y, pose.yaw, np.diag([REACH_M, REACH_M, REACH_YAW]) ** 2)
    scaled = replace(camera, fx=factor * camera.fx, fy=factor * camera.fy)
    said = localizer.weigh_mounts(view.image, scaled, prior, mounts)
    return max((each.log_likelihood for each in said), default=-math.inf)
