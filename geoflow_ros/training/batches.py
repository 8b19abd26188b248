"""Batches of training samples as tensors, in an order that depends only on the seed and the step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from geoflow_ros.datasets.augment import augment
from geoflow_ros.datasets.base import LocalizationDataset, Sample
from geoflow_ros.geodesy import wrap_angle
from geoflow_ros.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.model.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Batch:
    """ground (B, 3, Hg, Wg), satellite (B, 3, S, S) uint8; lift (B, K, A, F, 2) or None; truth (B, 3) as hypotheses."""

    ground: Tensor
    satellite: Tensor
    lift: Tensor | None
    truth: Tensor


def truth_pose(sample: Sample, search_radius: float) -> tuple[float, float, float]:
    """The true pose in hypothesis coordinates (x right, y down in search radii, yaw from +u)."""
    patch = sample.patch
    u, v = (patch.to_pixel(sample.truth[:2]) - patch.size_px / 2) * patch.resolution / search_radius
    return float(u), float(v), wrap_angle(sample.truth[2] - patch.yaw)


def to_batch(samples: Sequence[Sample], config: ModelConfig) -> Batch:
    """The samples as the network reads them."""
    lifts = [lift_grid(sample.camera, config) for sample in samples]
    return Batch(
        ground=torch.cat([image_tensor(ground_image(sample.ground, config)) for sample in samples]),
        satellite=torch.cat([image_tensor(sample.patch.image) for sample in samples]),
        lift=torch.cat([lift for lift in lifts if lift is not None]) if config.lift_shape else None,
        truth=torch.tensor([truth_pose(sample, config.search_radius) for sample in samples]),
    )


class _Batches(Dataset[Batch]):
    """Batch number i of an endless shuffled run over the samples."""

    def __init__(self, samples: LocalizationDataset, config: ModelConfig, size: int, steps: range, seed: int) -> None:
        self.samples, self.config, self.size, self.steps, self.seed = samples, config, size, steps, seed

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Batch:
        first = self.steps[index] * self.size
        return to_batch([self._sample(number) for number in range(first, first + self.size)], self.config)

    def _sample(self, number: int) -> Sample:
        epoch, position = divmod(number, len(self.samples))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.samples))
        index = epoch * len(self.samples) + int(order[position])
        return augment(self.samples[index], np.random.default_rng([self.seed, 1, number]))


def batches(
    samples: LocalizationDataset, config: ModelConfig, size: int, steps: range, seed: int, workers: int
) -> Iterator[Batch]:
    """The batches of the given steps, prepared `workers` processes ahead."""
    dataset = _Batches(samples, config, size, steps, seed)
    return iter(DataLoader(dataset, batch_size=None, shuffle=False, num_workers=workers))


def draw_hypotheses(truth: Tensor, count: int, yaw_range: float, generator: torch.Generator) -> Tensor:
    """(B, count, 3) starts: half anywhere in the search area, half around the truth at all scales below it."""
    batch, far = len(truth), count // 2
    extent = torch.tensor([1.0, 1.0, yaw_range])
    anywhere = (2 * torch.rand(batch, far, 3, generator=generator) - 1) * extent
    scale = torch.exp(math.log(0.01) * torch.rand(batch, count - far, 1, generator=generator))
    near = truth[:, None] + scale * extent * torch.randn(batch, count - far, 3, generator=generator)
    return torch.cat([anywhere, near], dim=1)
