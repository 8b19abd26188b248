"""A network, a config, samples and towns at a size that trains in a moment."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import torch

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.train.sources import TrainingData
from geoflow_ros.train.train_config import TrainConfig

TINY = DefaultConfig(
    ground_height=32, ground_width=64, satellite_px=96, satellite_resolution=1.0, bev_front_m=16.0, bev_side_m=8.0
)
CONFIG = TrainConfig(
    steps=4,
    batch=2,
    warmup=1,
    hypotheses=4,
    workers=0,
    validate_every=2,
    validation_samples=2,
    log_every=1,
    precision="fp32",
)


NOISE_PRIOR = UniformPosePrior(3.0, -4.0, 0.1, 20.0, math.radians(10.0))


class Noise:
    """Six samples of coloured noise whose truth differs."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        ground = rng.integers(0, 255, (40, 64, 3), dtype=np.uint8)
        patch = SatellitePatch(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8), (3.0, -4.0), 1.0, 0.1)
        camera = CameraModel(64, 40, 30.0, 30.0, 30.0, 20.0, Mount(height=1.5, roll=0.02))
        return Sample(str(index), ground, camera, patch, (float(index % 6), 1.0, 0.2), NOISE_PRIOR)


NOISE = TrainingData(Noise(), Noise())


def tiny_network() -> LocalizationModel:
    """The real network, small, without ImageNet weights."""
    torch.manual_seed(0)
    return MatchFlow(TINY)


def write_towns(root: Path, seeds: list[int], views: int, heights: bool = False, places: bool = False) -> None:
    """Towns of noise in the files that rendering leaves; heights, places: of what is seen, as newer towns have them."""
    rng = np.random.default_rng(0)
    camera = {"width": 64, "height": 40, "fx": 30.0, "fy": 30.0, "cx": 32.0, "cy": 20.0, "mount": {"height": 1.5}}
    for seed in seeds:
        folder = root / f"{seed:06d}"
        folder.mkdir(parents=True)
        for view in range(views):
            for name, size in (("ground", (40, 64, 3)), ("ortho", (656, 656, 3))):
                cv2.imwrite(str(folder / f"{view:04d}_{name}.jpg"), rng.integers(0, 255, size, dtype=np.uint8))
                if heights:
                    codes = rng.integers(0, 255, (size[0] // 2, size[1] // 2), dtype=np.uint8)
                    cv2.imwrite(str(folder / f"{view:04d}_{name}_heights.png"), codes)
        known = [{"place": [80.0 * view, 0.0]} if places else {} for view in range(views)]
        (folder / "views.json").write_text(json.dumps([{**camera, "heights": heights, **each} for each in known]))
