"""Frames of a stretch of road err alike: a track is no surer of its place for having seen many of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.tracking.prior import HeadingConfig
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig

DRIVE = sim.Drive(speed=12.0)
STRETCH_M, ALIKE_SHARE, SIGMA = 12.0, 0.4, 0.4
"""Of a frame's variance what lasts for a stretch: as measured on rendered drives."""
OUTSIDE = 13.8  # chi-square of two, beyond which one in a thousand is


class ErringAlike(sim.KnowingLocalizer):
    """Whose error is in part that of the stretch of road."""

    def localize(self, image: Any, camera: CameraModel, prior: PosePrior, seed: int) -> PoseEstimate | Rejection:
        self.sigma = SIGMA * math.sqrt(1.0 - ALIKE_SHARE)
        outcome = super().localize(image, camera, prior, seed)
        if isinstance(outcome, Rejection):
            return outcome
        milliseconds = int(image[1, 0].astype(int) @ [65536, 256, 1])
        stretch = int(self.drive.speed * milliseconds / 1000 / STRETCH_M)
        alike = np.random.default_rng(stretch).normal(0.0, SIGMA * math.sqrt(ALIKE_SHARE), 2)
        mean = np.array([outcome.east + alike[0], outcome.north + alike[1], outcome.yaw])
        return sim.estimate(mean, SIGMA, self.sigma_yaw)


@pytest.mark.parametrize("start", [0.0, 7.0, 14.0])
def test_the_first_seconds_of_a_track_are_within_their_ellipse(start: float) -> None:
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    config = SessionConfig(heading=HeadingConfig("imu"), datum=here)
    session = Session(config, lambda frame: ErringAlike(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    squared = []
    for role, message in sim.messages(DRIVE, start, start + 5.0, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
        elif (pose := session.process(message).track.pose) is not None:
            off = np.array([pose.east, pose.north]) - DRIVE.pose(sim.seconds_of(message))[:2]
            squared.append(float(off @ np.linalg.solve(pose.covariance[:2, :2], off)))
    assert len(squared) > 40
    assert max(squared) < OUTSIDE
    assert np.mean(squared) < 4.0  # 2.0 would be right, of the mean of many tracks
