"""What a run will take, from one step of it: `--dry-run`."""

from __future__ import annotations

import dataclasses
import itertools
import math
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.train.batches import Batch
from geoflow_ros.train.covariance_calibration import errors_on, spread
from geoflow_ros.train.sources import TrainingData
from geoflow_ros.train.train_config import TrainConfig
from geoflow_ros.train.trainer import Trainer

WARM_UP, TIMED = 1, 1
"""Steps: the first of a process is slower than all others."""
VIEWS = 2
LOOKED_AT = 24
"""Samples of either part of the data whose patches are looked at for missing imagery."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds: to prepare a batch, of a step once its batch is there, of validating one sample; and memory in use.

    missing: fraction of the patches without imagery.
    """

    batch_s: float
    step_s: float
    sample_s: float
    memory_gb: float
    missing: float

    def total_s(self, config: TrainConfig) -> float:
        """Of the whole run."""
        loading = self.batch_s / max(1, config.workers)
        step = max(self.step_s, loading) if config.workers else self.step_s + loading
        validations = math.ceil(config.steps / config.validate_every)
        return config.steps * step + validations * config.validation_samples * self.sample_s

    def text(self, config: TrainConfig) -> str:
        """The forecast for people to read."""
        minutes = round(self.total_s(config) / 60)
        return (
            f"one batch of {config.batch} prepared in {self.batch_s:.2f} s, by {config.workers} loader processes\n"
            f"one step {self.step_s:.2f} s, {config.batch / self.step_s:.1f} samples/s\n"
            f"memory {self.memory_gb:.1f} GB\n"
            f"imagery missing from {self.missing:.1%} of the patches\n"
            f"{config.steps} steps and their validations: about {minutes // 60} h {minutes % 60:02d} min"
        )


def forecast(trainer: Trainer, data: TrainingData) -> Forecast:
    """Take a few steps and estimate two validation samples, leaving no file. The trainer's config has no workers."""
    stream = trainer.stream(data.training, range(WARM_UP + TIMED))
    for _ in range(WARM_UP):
        trainer.train_step(next(stream))
    batch_s, step_s = 0.0, 0.0
    for _ in range(TIMED):
        start = time.perf_counter()
        batch: Batch = next(stream)
        batch_s += (time.perf_counter() - start) / TIMED
        start = time.perf_counter()
        trainer.train_step(batch)
        step_s += (time.perf_counter() - start) / TIMED
    model = prepare(trainer.average).cpu()
    errors_on(model, data.validation, [0])
    start = time.perf_counter()
    errors_on(model, data.validation, [len(data.validation) - 1])
    sample_s, memory_gb = time.perf_counter() - start, _memory_gb(trainer.processes.device)
    return Forecast(batch_s, step_s, sample_s, memory_gb, missing_share(data))


def missing_share(data: TrainingData) -> float:
    """Fraction without imagery of patches spread over what is trained and validated on."""
    shares = []
    for samples in (data.training, data.validation):
        shares += [samples[index].patch.missing for index in spread(len(samples), LOOKED_AT)]
    return sum(shares) / len(shares)


def _memory_gb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


@contextmanager
def without_rendering(config: TrainConfig) -> Iterator[tuple[TrainConfig, str]]:
    """The config cut down to towns that are rendered already, or to a few views of two; and what was cut."""
    from geoflow_ros.datasets.town_views import TRAIN_SEEDS, VALIDATION_SEEDS, VARIED_TRAIN_SEEDS, towns_to_render

    root, views = Path(config.data_root), config.views_per_town
    wanted = (
        TRAIN_SEEDS[: config.train_towns], VARIED_TRAIN_SEEDS[: config.varied_towns],
        VALIDATION_SEEDS[: config.validation_towns],
    )  # fmt: skip
    missing = towns_to_render(root, [seed for seeds in wanted for seed in seeds], views)
    ready = [len(list(itertools.takewhile(lambda seed: seed not in missing, seeds))) for seeds in wanted]
    note = f"{len(missing)} of {sum(map(len, wanted))} towns have to be rendered first"
    if ready[0] + ready[1] > 0 and ready[2] > 0:
        cut = dataclasses.replace(config, train_towns=ready[0], varied_towns=ready[1], validation_towns=ready[2])
        yield cut, note if missing else ""
        return
    with tempfile.TemporaryDirectory() as folder:
        cut = dataclasses.replace(
            config, data_root=folder, train_towns=1, varied_towns=0, validation_towns=1, views_per_town=VIEWS
        )
        yield cut, note
