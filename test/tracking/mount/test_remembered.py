"""What is asked for with every frame is made once for what it is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import MOUNT_GAIN
from geoflow_ros.tracking.mount.estimate import MountPrior
from geoflow_ros.tracking.mount.mount_filter import MountFilter
from geoflow_ros.tracking.mount.probing import Quadratic
from geoflow_ros.tracking.mount.remembered import Remembered
from geoflow_ros.tracking.mount.self_calibration import MountCalibration

STD = np.array([0.026, 0.026, 0.08])


def test_a_value_is_made_anew_once_a_part_is_another_one() -> None:
    made: list[float] = []
    parts = [np.ones(2), np.zeros(2)]

    def make() -> float:
        made.append(float(parts[0].sum()))
        return made[-1]

    remembered = Remembered(make)
    assert remembered.of(*parts) == remembered.of(*parts) == 2.0 and len(made) == 1
    parts[0] = np.full(2, 3.0)
    assert remembered.of(*parts) == remembered.of(*parts) == 6.0 and len(made) == 2


def test_whatever_a_filter_learns_it_tells_at_once() -> None:
    mounts, told = MountFilter(STD), list[NDArray[np.float64]]()
    curvature = np.diag([0.0, 4 / 0.026**2 / MOUNT_GAIN, 0.0])
    for change in (
        lambda: mounts.learn(Quadratic(curvature @ [0.0, 0.01, 0.0], curvature)),
        lambda: mounts.drive(500.0),
        lambda: mounts.learn(Quadratic(curvature @ [0.0, -0.01, 0.0], curvature)),
        lambda: mounts.recall(np.array([0.0, 0.01, 0.0]), np.diag([0.01, 0.01, 0.05]) ** 2),
    ):
        told.append(mounts.covariance)
        assert mounts.covariance is told[-1]
        change()
    told.append(mounts.covariance)
    assert len({each.tobytes() for each in told}) == len(told)


def test_the_places_doubt_follows_yaw_and_stated_mount() -> None:
    mounts = MountCalibration(MountPrior(0.026, 0.026, 0.026, 0.05))
    assert mounts.mount(Mount()) == Mount()
    ahead = mounts.place_covariance
    mounts.turn(0.125, 0.001)
    assert mounts.mount(Mount()) == Mount(yaw=0.125)
    surer = mounts.place_covariance
    mounts.mount(Mount(yaw=1.6))
    aside = mounts.place_covariance
    assert ahead[1, 1] > surer[1, 1] + 0.1 and aside[1, 1] > surer[1, 1] + 1.0
