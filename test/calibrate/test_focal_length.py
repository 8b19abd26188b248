"""Which focal length frames prefer, of a localiser that knows the right one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tracking_support as sim
from circle_drive import DRIVE

from geoflow_ros.calibrate.focal_length import better_focal_length
from geoflow_ros.calibrate.views import View
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.pose import MountEvidence, PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch

TRUE_FX, STATED, FOUND = 100.0, Mount(), Mount(height=1.5)


class KnowsFocalLength(sim.KnowingLocalizer):
    """Frames fit by 8 worse for each e-fold of the focal length, and by `sideways` of another mount than was found."""

    sideways, is_blind = 0.0, False

    def weigh_mounts(self, image: Any, camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]) -> Any:
        fit = 20.0 - 8.0 * abs(np.log(camera.fx / TRUE_FX))
        known = [] if self.is_blind else mounts
        return [MountEvidence(fit - (self.sideways if each != FOUND else 0.0), 0.9, np.zeros(2)) for each in known]


def views(fx: float, count: int = 2) -> list[View]:
    camera = CameraModel(64, 48, fx, fx, 32.0, 24.0, STATED)
    image, imagery = np.zeros((48, 64, 3), np.uint8), SatellitePatch(np.zeros((8, 8, 3), np.uint8), (0.0, 0.0), 0.2)
    return [View("camera", image, camera, PlanarPose(), imagery)] * count


@pytest.mark.parametrize(
    ("fx", "factor"),
    [(100.0, None), (115.0, None), (87.0, None), (140.0, 0.7), (200.0, 0.5), (320.0, 0.5), (72.0, 1.4), (50.0, 2.0)],
)
def test_the_nearest_factor_is_found_where_it_fits_clearly_better(fx: float, factor: float | None) -> None:
    assert better_focal_length(views(fx), (STATED, FOUND), KnowsFocalLength(DRIVE)) == factor


def test_the_likelier_mount_counts_and_one_view_is_not_enough() -> None:
    localizer = KnowsFocalLength(DRIVE)
    localizer.sideways = 50.0
    assert better_focal_length(views(200.0), (STATED, FOUND), localizer) == 0.5
    assert better_focal_length(views(200.0, count=1), (STATED, FOUND), localizer) is None
    localizer.is_blind = True
    assert better_focal_length(views(200.0), (STATED, FOUND), localizer) is None
    assert better_focal_length([], (STATED, FOUND), localizer) is None
