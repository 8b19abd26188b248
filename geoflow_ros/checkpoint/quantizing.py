"""What a checkpoint's network reads on recorded drives, noted in the checkpoint for computing in 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.model import weights
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.inference.quantization import Images, observed_ranges, quantized
from geoflow_ros.model.interface import LocalizationModel

FRAMES = 24
COMPARED = 4  # of all frames, for what rounding changes


def quantize_checkpoint(path: Path, drives: Sequence[Path], frames: int) -> float:
    """Note the input ranges, from so many frames of each drive; how far the features in 8 bits are off, as a share of
    how much they vary over an image.
    """
    model = prepare(weights.load(path))
    images = [each for drive in drives for each in _images(drive, model.config, frames)]
    model.input_ranges = observed_ranges(model, images)
    error = _error(model, images[:: max(1, len(images) // COMPARED)])
    weights.save_ranges(path, model.input_ranges)
    return error


def _images(folder: Path, config: ModelConfig, frames: int) -> list[Images]:
    """Of frames spread over a drive, what a network reads."""
    drive = BagDrive(folder, size_px=config.satellite_px, resolution=config.satellite_resolution)
    samples = (drive[index] for index in range(0, len(drive), max(1, len(drive) // frames)))
    return [
        (
            image_tensor(ground_image(each.ground, config)),
            lift_grid(each.camera, config),
            image_tensor(each.patch.image),
        )
        for each in samples
    ]


@torch.inference_mode()
def _error(model: LocalizationModel, images: Sequence[Images]) -> float:
    rounded, errors = quantized(model), []
    for ground, lift, satellite in images:
        errors.append(_relative(rounded.encode_ground(ground, lift), model.encode_ground(ground, lift)))
        errors.append(_relative(rounded.satellite_features(satellite), model.satellite_features(satellite)))
    return sum(errors) / len(errors)


def _relative(ours: Tensor, theirs: Tensor) -> float:
    """Of features (1, C, H, W), to what is not the same everywhere: a constant tells of no place, however large."""
    varying = theirs - theirs.mean((2, 3), keepdim=True)
    return float((ours - theirs).norm() / varying.norm())
