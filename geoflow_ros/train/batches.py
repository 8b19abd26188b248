"""Batches of training samples as tensors, in an order that depends only on the seed and the step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from geoflow_ros.datasets.augment import MountError, augment
from geoflow_ros.datasets.sample import LocalizationDataset, Sample, are_elsewhere, place_of
from geoflow_ros.errors import InputError
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.planar import wrap_angle
from geoflow_ros.town.height_codes import STRIDE, UNKNOWN, Codes, sampled
from geoflow_ros.train.interrupt import ignore_interrupts
from geoflow_ros.train.pairing import PairedOrder


@dataclass(frozen=True, slots=True)
class Batch:
    """ground (B, 3, Hg, Wg), satellite (B, 3, S, S) uint8; lift (B, K, A, F, 2) or None; truth (B, 3) as hypotheses.

    hypotheses: (B, N, 3) starts of the flow. keys: of the samples. elsewhere: (B,) whether the patch of the sample that
    `swapped` pairs with each shows another place; None where all do. heights: codes (see `town.height_codes`) of each
    feature of ground (B, Hg / 4, Wg / 4) and satellite (B, S / 4, S / 4); None where nobody learns from them.
    """

    ground: Tensor
    satellite: Tensor
    lift: Tensor | None
    truth: Tensor
    hypotheses: Tensor
    keys: tuple[str, ...]
    elsewhere: Tensor | None = None
    heights: tuple[Tensor, Tensor] | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return replace(
            self,
            ground=self.ground.to(device),
            satellite=self.satellite.to(device),
            lift=None if self.lift is None else self.lift.to(device),
            truth=self.truth.to(device),
            hypotheses=self.hypotheses.to(device),
            elsewhere=None if self.elsewhere is None else self.elsewhere.to(device),
            heights=None if self.heights is None else (self.heights[0].to(device), self.heights[1].to(device)),
        )


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How samples become batches. size: of this process's batches; rank, processes: which of how many it is.

    All processes together take the samples that one process takes in batches of `size * processes`.
    """

    size: int
    seed: int
    hypotheses: int
    yaw_range: float
    rank: int = 0
    processes: int = 1
    mount_error: MountError = MountError()

    def numbers(self, step: int) -> range:
        """Numbers of the samples of a step in the endless shuffled run over the data."""
        first = (step * self.processes + self.rank) * self.size
        return range(first, first + self.size)


def truth_pose(sample: Sample, search_radius: float) -> tuple[float, float, float]:
    """The true pose in hypothesis coordinates (x right, y down in search radii, yaw from +u)."""
    patch = sample.patch
    u, v = (patch.to_pixel(sample.truth[:2]) - patch.size_px / 2) * patch.resolution / search_radius
    return float(u), float(v), float(wrap_angle(sample.truth[2] - patch.yaw))


def to_batch(samples: Sequence[Sample], hypotheses: Sequence[NDArray[np.float32]], config: ModelConfig) -> Batch:
    """The samples as the network reads them; hypotheses: (N, 3) for each."""
    lifts = [lift_grid(sample.camera, config) for sample in samples]
    return Batch(
        ground=torch.cat([image_tensor(ground_image(sample.ground, config)) for sample in samples]),
        satellite=torch.cat([image_tensor(sample.patch.image) for sample in samples]),
        lift=torch.cat([lift for lift in lifts if lift is not None]) if config.lift_shape else None,
        truth=torch.tensor([truth_pose(sample, config.search_radius) for sample in samples], dtype=torch.float32),
        hypotheses=torch.from_numpy(np.stack(hypotheses)),
        keys=tuple(sample.key for sample in samples),
        heights=(
            _heights([sample.ground_heights for sample in samples], config.ground_height, config.ground_width),
            _heights([sample.patch_heights for sample in samples], config.satellite_px, config.satellite_px),
        ),
    )


def _heights(each: Sequence[Codes | None], height: int, width: int) -> Tensor:
    rows, columns = height // STRIDE, width // STRIDE
    unknown = np.full((rows, columns), UNKNOWN, np.uint8)
    return torch.from_numpy(np.stack([unknown if codes is None else sampled(codes, rows, columns) for codes in each]))


def swapped(count: int) -> Tensor:
    """Indices that swap neighbours, 1 0 3 2 ...; an odd one at the end is left out.

    The pairs of a batch are the same however many processes share it, as long as each has an even number.
    """
    return torch.arange(count // 2 * 2).view(-1, 2).flip(1).flatten()


class _Batches(Dataset["Batch | InputError"]):
    """Batch number i of an endless shuffled run over the samples.

    Bad input is returned, not raised: a loader process would wrap it into a traceback.
    """

    def __init__(self, samples: LocalizationDataset, config: ModelConfig, steps: range, plan: BatchPlan) -> None:
        self._samples, self._config, self._steps, self._plan = samples, config, steps, plan
        self._order = PairedOrder(samples, plan.seed)

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Batch | InputError:
        numbers = self._plan.numbers(self._steps[index])
        try:
            samples = [self._sample(number) for number in numbers]
            starts = [self._starts(number, sample) for number, sample in zip(numbers, samples, strict=True)]
            batch = to_batch(samples, starts, self._config)
            return replace(batch, elsewhere=self._elsewhere(numbers, batch.keys))
        except InputError as error:
            return error

    def _sample(self, number: int) -> Sample:
        rng = np.random.default_rng([self._plan.seed, 1, number])
        return augment(self._samples[self._order.index(number)], rng, self._plan.mount_error)

    def _elsewhere(self, numbers: range, keys: Sequence[str]) -> Tensor | None:
        """See `Batch`: that of a left-over sample at the end is False."""
        places = [place_of(self._samples, self._order.index(number)) for number in numbers]
        pairs = enumerate(swapped(len(keys)).tolist())
        differ = [are_elsewhere((keys[one], places[one]), (keys[other], places[other])) for one, other in pairs]
        return None if all(differ) else torch.tensor(differ + [False] * (len(keys) - len(differ)))

    def _starts(self, number: int, sample: Sample) -> NDArray[np.float32]:
        truth, reach = truth_pose(sample, self._config.search_radius), self._config.reach_m
        if max(abs(truth[0]), abs(truth[1])) * self._config.search_radius > reach:
            raise InputError(
                f"the label of sample {sample.key} lies outside the crop, more than {reach:g} m from its middle: "
                "correct the label, or leave the sample out"
            )
        rng = np.random.default_rng([self._plan.seed, 2, number])
        return draw_hypotheses(np.array(truth), self._plan.hypotheses, self._plan.yaw_range, rng)


def batches(
    samples: LocalizationDataset, config: ModelConfig, steps: range, plan: BatchPlan, workers: int
) -> Iterator[Batch]:
    """The batches of the given steps, prepared `workers` processes ahead."""
    dataset = _Batches(samples, config, steps, plan)
    cv2.setNumThreads(1)  # its threads do not survive the fork of a loader process, and would take the trainer's cores
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, worker_init_fn=ignore_interrupts)
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch


def draw_hypotheses(
    truth: NDArray[np.float64], count: int, yaw_range: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(count, 3) starts: half anywhere in the search area, half around the truth (3,) at all scales below it."""
    extent, far = np.array([1.0, 1.0, yaw_range]), count // 2
    anywhere = rng.uniform(-1.0, 1.0, (far, 3)) * extent
    scale = np.exp(math.log(0.01) * rng.uniform(size=(count - far, 1)))
    near = truth + scale * extent * rng.standard_normal((count - far, 3))
    return np.concatenate([anywhere, near]).astype(np.float32)
