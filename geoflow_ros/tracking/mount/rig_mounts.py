"""The mounts of a vehicle's cameras by name, each learnt by itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.tracking.mount.estimate import CAMERA, MountEstimate, MountPrior
from geoflow_ros.tracking.mount.self_calibration import MountCalibration


class CameraMounts:
    """One calibration a camera, and what all of them together leave open of the vehicle's pose."""

    def __init__(self, priors: Mapping[str, MountPrior]) -> None:
        self._calibrations = {name: MountCalibration(prior) for name, prior in priors.items()}

    def __getitem__(self, name: str) -> MountCalibration:
        return self._calibrations[name]

    def estimates(self, stated: Mapping[str, Mount | None]) -> Mapping[str, MountEstimate]:
        """What is believed of each mount that is stated."""
        known = {name: mount for name, mount in stated.items() if mount is not None}
        return {name or CAMERA: self._calibrations[name].estimate(mount) for name, mount in known.items()}

    def recall(self, kept: Mapping[str, MountEstimate]) -> None:
        """Go on from what was learnt before, of the cameras named."""
        for name, calibration in self._calibrations.items():
            if (name or CAMERA) in kept:
                calibration.recall(kept[name or CAMERA])

    @property
    def yaw_std(self) -> Mapping[str, float]:
        """Of the cameras whose yaw is not known exactly (rad)."""
        return {name: each.yaw_std for name, each in self._calibrations.items() if each.yaw_std > 0.0}

    @property
    def place_covariance(self) -> NDArray[np.float64]:
        """(2, 2) of the place, forward and left, that comes from the mounts: the mean of the cameras'."""
        return np.asarray(np.mean([each.place_covariance for each in self._calibrations.values()], axis=0))
