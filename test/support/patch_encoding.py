"""A small network and imagery without a store, for tests of what is encoded when."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.encoded_patches import PatchEncoder, Snapping
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.satellite.patch import SatellitePatch

FRAME = LocalFrame(Datum(48.0, 11.0))
SNAPPING = Snapping(16.0, math.radians(8.0), 20.0)
SMALL = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)


def prior(east: float, north: float, yaw: float, std_m: float = 2.0, std_yaw_deg: float = 1.0) -> PosePrior:
    return PosePrior(east, north, yaw, np.diag([std_m**2, std_m**2, math.radians(std_yaw_deg) ** 2]))


class Waves:
    """Imagery that depends on the place alone; counts how often it is asked. `missing`: fraction it says it lacks."""

    def __init__(self, missing: float = 0.0) -> None:
        self.missing, self.asked, self.brightness = missing, 0, 127

    def aside(self, latitude: float, longitude: float) -> str:
        return ""

    def patch(
        self, frame: LocalFrame, center: tuple[float, float], yaw: float, size_px: int, resolution: float
    ) -> SatellitePatch:
        self.asked += 1
        blank = SatellitePatch(np.zeros((size_px, size_px, 3), np.uint8), center, resolution, yaw, self.missing)
        v, u = np.mgrid[:size_px, :size_px] + 0.5
        east, north = np.moveaxis(blank.to_enu(np.stack([u, v], axis=-1)), -1, 0)
        waves = [np.sin(east / 3), np.sin(north / 5), np.sin((east + north) / 7)]
        image = (self.brightness + 100 * np.stack(waves, axis=-1)).astype(np.uint8)
        return SatellitePatch(image, center, resolution, yaw, self.missing)


class Clock:
    """Seconds that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Encodings(MatchFlow):
    """Counts the patches that are encoded."""

    count = 0

    def encode_satellite(self, satellite: Tensor) -> Tensor:
        self.count += 1
        return super().encode_satellite(satellite)


def encoder(
    model: MatchFlow, satellite: Waves, budget_bytes: int = 1 << 30, clock: Clock | None = None
) -> PatchEncoder:
    return PatchEncoder(model, satellite, FRAME, SNAPPING, budget_bytes, clock or Clock())  # type: ignore[arg-type]


def encodings() -> Encodings:
    """A network of its own, which has encoded nothing yet."""
    torch.manual_seed(0)
    return Encodings(SMALL).eval().requires_grad_(False)
