"""The real node without a network: by default with a localiser that answers with the prior, or with a fake session."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from ros_fake_session import FakeSession

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import MountEvidence, PoseEstimate, PosePrior, Rejection
from geoflow_ros.ros.loaded import Loaded
from geoflow_ros.ros.serve import serve
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking.session import Session


class EchoLocalizer:
    """Answers with the prior; a wholly white image makes it fail as a defective program would."""

    def __init__(self, frame: LocalFrame, config: LocalizerConfig) -> None:
        self.frame = frame

    @property
    def image_size(self) -> tuple[int, int]:
        return 64, 32

    def warm(self, prior: PosePrior, mount: Mount, is_hurried: bool = False) -> bool:
        return False

    def weigh_mounts(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]
    ) -> list[MountEvidence]:
        return []

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
    if config.tiles == "unreadable":
        raise InputError("tiles unreadable cannot be read")
    if config.tiles == "slow":  # as a library that compiles: whatever a handler does, it goes on
        time.sleep(60.0)
    return Loaded(EchoLocalizer, lambda: ())


if __name__ == "__main__":
    with_fake_session = sys.argv[1] == "--fake-session"
    serve(sys.argv[1 + with_fake_session :], load, FakeSession if with_fake_session else Session)
