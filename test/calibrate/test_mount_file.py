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
    calibration = Calibration({"camera": FoundMount(found, np.array([0.1, 0.1, 0.1, 0.5]))}, 90, 100, 400.0, [], {}, {})
    said = yaml.safe_load(mount_yaml(calibration, "a drive"))["/**"]["ros__parameters"]["camera"]
    stated = Mount(**{name: said[name] for name in ("forward", "left", "height", "roll", "pitch", "yaw")})
    prior = MountPrior(*(said[f"{name}_sigma"] for name in ("roll", "pitch", "yaw", "height")))
    assert stated.height == 2.0
    np.testing.assert_allclose(prior.of(stated).std, SIGMAS * std, rtol=0.01)


def test_a_pitch_is_written_for_the_height_that_is() -> None:
    """Frames that cannot tell how high the camera is tell the pitch for each height: 0.1 rad higher for each metre."""
    covariance = np.diag(np.square([0.01, 0.002, 0.1, 0.1]))
    covariance[1, 1] += 0.1**2 * 0.1**2
    covariance[1, 3] = covariance[3, 1] = 0.1 * 0.1**2
    found = MountEstimate(Mount(height=1.5), np.array([0.02, 0.06, 0.0, 0.2]), covariance)
    calibration = Calibration(
        {"camera": FoundMount(found, np.array([0.1, 0.1, 0.1, 0.15]))}, 90, 100, 400.0, [], {}, {}
    )
    said = yaml.safe_load(mount_yaml(calibration, "a drive"))["/**"]["ros__parameters"]["camera"]
    assert (said["height"], said["yaw"], said["roll"]) == (1.5, 0.0, 0.02)
    assert said["pitch"] == 0.04
    assert "height_sigma" not in said
    believed = MountEstimate(Mount(height=1.5), np.array([0.02, 0.0, 0.0, 0.2]), covariance)
    assert (
        FoundMount(believed, np.array([0.1, 0.1, 0.1, 0.15])).likeliest.pitch == 0.0
    )  # which frames do not contradict
    np.testing.assert_allclose(said["pitch_sigma"], 2.0 * np.sqrt(covariance[1, 1]), rtol=0.01)
