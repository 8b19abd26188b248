"""The training loop: resumable, deterministic given the seed, best weights chosen on validation data."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from geoflow_ros.datasets.augment import MountError
from geoflow_ros.datasets.sample import LocalizationDataset
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import config_from_dict
from geoflow_ros.model.inference.prepare import channels_last, prepare
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.weights import build, save
from geoflow_ros.train.batches import Batch, BatchPlan, batches
from geoflow_ros.train.covariance_calibration import errors_on, spread
from geoflow_ros.train.interrupt import HeldBackInterrupt
from geoflow_ros.train.objective import Losses, Objective
from geoflow_ros.train.processes import Processes, share_batch_norms
from geoflow_ros.train.runlog import Pace, RunLog, Stopwatch
from geoflow_ros.train.sources import TrainingData
from geoflow_ros.train.state import HEADS, read_state, write_state
from geoflow_ros.train.train_config import TrainConfig, changed_keys
from geoflow_ros.train.trainable import follow, new_model, parameter_groups, rate_share, set_training_mode

ALONE = Processes()
LEAST_YAW_RANGE_DEG = 10.0
"""A network that learns from smaller errors of the heading still has to mend those of its own hypotheses."""


@dataclass(frozen=True, slots=True)
class StepLosses:
    """Losses of a step (see `Losses`; loss is their total) and the length of its gradient before clipping."""

    loss: float
    flow: float
    place: float
    pairing: float
    height: float
    gradient: float

    def are_finite(self) -> bool:
        """Whether a step may be taken on them."""
        return all(map(math.isfinite, (self.loss, self.gradient)))


class Trainer:
    """State of a run in a folder: `last.pt` to resume from, `best.safetensors` by validation error."""

    def __init__(
        self, config: TrainConfig, folder: Path, model: LocalizationModel, processes: Processes = ALONE
    ) -> None:
        self.config, self.folder, self.processes = config, folder, processes
        self.model = model.to(processes.device)
        channels_last(self.model)
        set_training_mode(self.model, config)
        self.average = copy.deepcopy(self.model).eval()
        objective = Objective(self.model, config).to(processes.device)
        self._heads = objective.heights
        self.optimiser = torch.optim.AdamW(parameter_groups(objective, config), weight_decay=config.weight_decay)
        self.peaks = [group["lr"] for group in self.optimiser.param_groups]
        self.step, self.best = 0, math.inf
        self._objective = self._distributed(objective)

    @classmethod
    def start(
        cls, config: TrainConfig, folder: Path, initial: Path | None = None, processes: Processes = ALONE
    ) -> Trainer:
        """A new run, from a checkpoint or from ImageNet's weights."""
        if (folder / "last.pt").exists():
            raise InputError(f"{folder} already holds a run: --resume it, or give another folder with --out")
        if (folder / "best.safetensors").exists():
            raise InputError(f"{folder} already holds the best weights of a run: give another folder with --out")
        return cls(config, folder, new_model(config, initial), processes)

    @classmethod
    def resume(cls, config: TrainConfig, folder: Path, processes: Processes = ALONE) -> Trainer:
        """The run in a folder, where it was saved last; its config must be the same."""
        path = folder / "last.pt"
        state = read_state(path)
        if changed := changed_keys(config, state["config"]):
            raise InputError(f"{path} was trained with another {', '.join(changed)}: resume with the same config")
        trainer = cls(config, folder, build(config_from_dict(state["model_config"])), processes)
        trainer.model.load_state_dict(state["model"])
        trainer.average.load_state_dict(state["average"])
        if trainer._heads is not None:
            trainer._heads.load_state_dict(state[HEADS])
        trainer.optimiser.load_state_dict(state["optimiser"])
        trainer.step, trainer.best = state["step"], state["best"]
        return trainer

    def _distributed(self, objective: Objective) -> nn.Module:
        if self.processes.count == 1:
            return objective
        share_batch_norms(self.model)
        # The weights of the pairing may learn nothing, and nobody may wait for their gradient.
        has_pairs = self.config.batch > 1 and self.config.pairing_weight > 0.0
        return DistributedDataParallel(objective, find_unused_parameters=not has_pairs)

    @property
    def yaw_range(self) -> float:
        """How far off the headings are from which the flow learns to find the way, to each side (rad)."""
        return math.radians(max(self.config.rotation_range_deg, LEAST_YAW_RANGE_DEG))

    def stream(self, samples: LocalizationDataset, steps: range) -> Iterator[Batch]:
        """This process's batches of the given steps."""
        config, processes = self.config, self.processes
        share = processes.rank, processes.count
        error = MountError(math.radians(config.mount_tilt_std_deg), config.mount_height_std)
        plan = BatchPlan(config.batch, config.seed, config.hypotheses, self.yaw_range, *share, error)
        return batches(samples, self.model.config, steps, plan, config.workers)

    def fit(self, data: TrainingData, log: RunLog | None = None) -> None:
        """Train to the last step, validating and saving as it goes; Ctrl-C ends the step, saves and stops."""
        stream = self.stream(data.training, range(self.step, self.config.steps))
        with HeldBackInterrupt() as interrupt:
            self._run(stream, data.validation, log, interrupt)

    def _run(
        self,
        stream: Iterator[Batch],
        validation: LocalizationDataset,
        log: RunLog | None,
        interrupt: HeldBackInterrupt,
    ) -> None:
        config, watch = self.config, Stopwatch()
        progress = tqdm(
            total=config.steps, initial=self.step, unit="step", mininterval=5.0, disable=not self.processes.is_first
        )
        while self.step < config.steps:
            with watch.waiting():
                batch = next(stream)
            losses = self.train_step(batch)
            progress.update()
            if self._is_due(config.log_every):
                figures = self._figures(losses, watch.lap())
                progress.set_postfix_str(_line(figures), refresh=False)
                self._note(log, figures)
            if self._is_due(config.validate_every) and self.processes.is_first:
                self._note(log, self._validate(validation))
            if self._is_due(config.validate_every) or self._is_due(config.save_every):
                self.save()
                watch.restart()
            if interrupt.seen:
                self.save()
                raise KeyboardInterrupt
        progress.close()

    def _note(self, log: RunLog | None, figures: dict[str, float]) -> None:
        if log is not None:
            log.write(self.step, figures)

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.steps

    def train_step(self, batch: Batch) -> StepLosses:
        """Losses of one optimiser step, averaged over the processes."""
        self._set_learning_rate()
        # Dropout draws from the global generator: seeded here, a resumed run draws what it would have drawn.
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * self.processes.count + self.processes.rank)
        losses: Losses = self._objective(batch.to(self.processes.device))
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
        gradient = clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        values = [losses.total.detach(), losses.flow, losses.pose_nll, losses.pairing, losses.height, gradient]
        means = StepLosses(*self.processes.mean(torch.stack(values)).tolist())
        if not means.are_finite():
            self._stop(batch, means, bool(torch.stack(values).isfinite().all()))
        self.optimiser.step()
        self.step += 1
        follow(self.average, self.model, self.step, self.config.ema_decay)
        return means

    def _stop(self, batch: Batch, losses: StepLosses, is_fine_here: bool) -> NoReturn:
        """Say which samples the loss or its gradient is not a number for; the weights are those before the step."""
        reports = self.processes.gather(() if is_fine_here else batch.keys)
        keys = ", ".join(key for report in reports for key in report)
        if all(torch.isfinite(value).all() for value in self.model.state_dict().values()):
            self.save()
            where = self.folder / "last.pt"
        else:
            where = self.folder / "last.pt (of an earlier step, because statistics are invalid too)"
        raise InputError(
            f"loss is {losses.loss} and its gradient {losses.gradient} at step {self.step}, samples {keys}: look at "
            f"these, or lower the learning rate; the weights before the step are in {where}"
        )

    def _set_learning_rate(self) -> None:
        share = rate_share(self.step, self.config)
        for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def _figures(self, losses: StepLosses, pace: Pace) -> dict[str, float]:
        trunk_rate, rate = (group["lr"] for group in self.optimiser.param_groups)
        return {
            **asdict(losses),
            "learning_rate": rate,
            "trunk_learning_rate": trunk_rate,
            "samples_per_s": self.config.batch * self.processes.count / pace.step_s,
            **asdict(pace),
        }

    def _validate(self, validation: LocalizationDataset) -> dict[str, float]:
        """Errors of the averaged weights, which are kept as `best` if no earlier ones had a lower mean."""
        start = time.monotonic()
        indices = spread(len(validation), self.config.validation_samples)
        errors = errors_on(prepare(self.average).cpu(), validation, indices)
        mean, median = float(errors.position.mean()), float(np.median(errors.position))
        yaw_deg = math.degrees(float(np.median(np.abs(errors.yaw))))
        tqdm.write(f"step {self.step}: validation mean {mean:.2f} m, median {median:.2f} m, heading {yaw_deg:.2f} deg")
        if mean < self.best:
            self.best = mean
            card = {"training": asdict(self.config), "step": self.step, "validation_mean_error_m": mean}
            save(self.average, self.folder / "best", card)
        return {
            "validation_mean_m": mean,
            "validation_median_m": median,
            "validation_yaw_median_deg": yaw_deg,
            "validation_s": time.monotonic() - start,
        }

    def save(self) -> None:
        """Write `last.pt`; an interrupted write leaves the old one."""
        if not self.processes.is_first:
            return
        state: dict[str, object] = {
            "model_config": asdict(self.model.config),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "config": asdict(self.config),
        }
        if self._heads is not None:
            state[HEADS] = self._heads.state_dict()
        write_state(self.folder / "last.pt", state)


def _line(figures: dict[str, float]) -> str:
    return (
        f"loss {figures['loss']:.3f}, {figures['samples_per_s']:.1f} samples/s, "
        f"waiting for data {figures['data_share']:.0%}"
    )
