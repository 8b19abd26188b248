"""The real node with a localiser that answers with the prior, so that the node is tested without a network."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.ros.node import Loaded, serve
from geoflow_ros.ros.parameters import NodeConfig
from geoflow_ros.satellite.patch import SatellitePatch


class EchoLocalizer:
    """Answers with the prior; a wholly white image makes it fail as a defective program would."""

    def __init__(self, frame: LocalFrame) -> None:
        self.frame = frame

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        if image.shape[:2] != (camera.height, camera.width):
            return Rejection("image does not match the calibration")
        if image.min() == 255:
            raise IndexError("a defect of the program")
        patch = SatellitePatch(np.full((64, 64, 3), 90, np.uint8), (prior.east, prior.north), 1.0)
        density = np.full((16, 16), 1 / 256, np.float32)
        hypotheses, weights = np.array([[prior.east, prior.north, prior.yaw]]), np.ones(1)
        return PoseEstimate(
            prior.east, prior.north, prior.yaw, prior.covariance, hypotheses, weights, density, 48.0, patch
        )


def load(config: NodeConfig) -> Loaded:
    return Loaded(EchoLocalizer, lambda: ())


if __name__ == "__main__":
    serve(sys.argv[1:], load)
