"""The file of a calibration read as the node reads it."""

from __future__ import annotations

import numpy as np
import yaml

from geoflow_ros.calibrate.from_drive import Calibration, FoundMount
from geoflow_ros.calibrate.mount_file import SIGMAS, mount_yaml
from geoflow_ros.camera import Mount
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior


def test_the_next_start_doubts_every_number_by_twice_what_the_drive_left_of_it() -> None:
    """The height's doubt is a share: of the height in the file, not of the one that was stated before."""
    std = np.array([0.01, 0.008, 0.006, 0.06])
    found = MountEstimate(Mount(height=1.5), np.array([0.02, -0.03, 0.01, 0.5]), np.diag(std**2))
    calibration = Calibration({"camera": FoundMount(found, np.array([0.1, 0.1, 0.1, 0.5]))}, 90, 100, 400.0, [], {})
    said = yaml.safe_load(mount_yaml(calibration, "a drive"))["/**"]["ros__parameters"]["camera"]
    stated = Mount(**{name: said[name] for name in ("forward", "left", "height", "roll", "pitch", "yaw")})
    prior = MountPrior(*(said[f"{name}_sigma"] for name in ("roll", "pitch", "yaw", "height")))
    assert stated.height == 2.0
    np.testing.assert_allclose(prior.of(stated).std, SIGMAS * std, rtol=0.01)
