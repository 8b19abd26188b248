"""How the cost of a frame grows with hypotheses, steps and image size, and whether memory grows with frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from geoflow_ros.bags.messages import compressed_for, compressed_to_rgb
from geoflow_ros.benchmark.drive import BenchmarkDrive
from geoflow_ros.benchmark.machine import resident_mb
from geoflow_ros.benchmark.timing import Contender, interleaved, quantiles
from geoflow_ros.localization.inputs import cached_lift_grid, ground_image, image_tensor
from geoflow_ros.localization.localizer_config import Schedule
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.model.interface import Latent, LocalizationModel

LEAK_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class RefineRow:
    """Median time of refining so many hypotheses so many steps."""

    hypotheses: int
    steps: int
    ms: float


@dataclass(frozen=True, slots=True)
class ImageRow:
    """Median time from a JPEG message of this size to the network's input, and how the JPEG was decoded."""

    width: int
    height: int
    kilobytes: int
    decoded_width: int
    ms: float


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """Memory held after so many frames."""

    frames: int
    resident_mb: float


@torch.inference_mode()
def latent_of(model: LocalizationModel, drive: BenchmarkDrive) -> Latent:
    """What the network makes of the first frame of a drive."""
    frame, config = drive.at(0), model.config
    place, yaw = (frame.prior.east, frame.prior.north), frame.prior.yaw
    patch = drive.satellite.patch(drive.frame, place, yaw, config.satellite_px, config.satellite_resolution)
    ground = image_tensor(ground_image(drive.camera.rectify(compressed_to_rgb(frame.message)), config))
    lift = cached_lift_grid(drive.camera.rectified(), config)
    return model.match(model.encode_ground(ground, lift), model.encode_satellite(image_tensor(patch.image)))


def sweep_refinement(
    model: LocalizationModel, latent: Latent, hypotheses: Sequence[int], steps: Sequence[int], rounds: int
) -> list[RefineRow]:
    """A row for every pair; they take turns."""

    def contender(count: int, step_count: int) -> Contender:
        drawn = 0.3 * torch.randn(1, count, 3, generator=torch.Generator().manual_seed(count))

        @torch.inference_mode()
        def work(_: int) -> object:
            return model.refine(latent, drawn, Schedule.FULL.fractions(step_count))

        return Contender(f"{count}x{step_count}", work)

    pairs = [(count, step_count) for count in hypotheses for step_count in steps]
    times = interleaved([contender(*pair) for pair in pairs], rounds)
    return [RefineRow(*pair, quantiles(times[f"{pair[0]}x{pair[1]}"]).p50) for pair in pairs]


def sweep_image_sizes(
    drive: BenchmarkDrive, config: ModelConfig, sizes: Sequence[tuple[int, int]], rounds: int
) -> list[ImageRow]:
    """A row for the drive's first image enlarged to each (width, height)."""
    needed = (config.ground_width, config.ground_height)
    first = compressed_to_rgb(drive.at(0).message)
    messages = [_jpeg(first, size) for size in sizes]
    cameras = [drive.camera.resized(*size) for size in sizes]

    def contender(position: int) -> Contender:
        message, camera = messages[position], cameras[position]
        work: Callable[[int], object] = lambda _: ground_image(compressed_for(message, camera, needed)[0], config)  # noqa: E731
        return Contender(str(position), work)

    times = interleaved([contender(position) for position in range(len(sizes))], rounds)
    return [
        ImageRow(
            *size,
            kilobytes=len(messages[position].data) // 1024,
            decoded_width=compressed_for(messages[position], cameras[position], needed)[1].width,
            ms=quantiles(times[str(position)]).p50,
        )
        for position, size in enumerate(sizes)
    ]


def watch_memory(work: Callable[[int], object], frames: int) -> list[MemoryRow]:
    """Memory held while so many frames go through, the first row before the first of them."""
    rows = [MemoryRow(0, resident_mb())]
    marks = set(np.linspace(0, frames, min(LEAK_SAMPLES, frames) + 1)[1:].astype(int).tolist())
    for index in range(frames):
        work(index)
        if index + 1 in marks:
            rows.append(MemoryRow(index + 1, resident_mb()))
    return rows


def _jpeg(rgb: np.ndarray, size: tuple[int, int]) -> SimpleNamespace:
    """A compressed image message of the image at another size."""
    resized = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".jpg", cv2.cvtColor(resized, cv2.COLOR_RGB2BGR))[1]
    return SimpleNamespace(format="jpeg", data=data.reshape(-1))
