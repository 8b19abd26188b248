"""All but the trunks trained on cached samples; resumable, deterministic given the seed."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from geoflow_ros.adapt.cached_samples import CachedSample, joined, without_trunks
from geoflow_ros.errors import InputError
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.train.batches import Batch
from geoflow_ros.train.interrupt import HeldBackInterrupt
from geoflow_ros.train.objective import Losses, Objective
from geoflow_ros.train.state import read_state, write_state
from geoflow_ros.train.train_config import TrainConfig
from geoflow_ros.train.trainable import follow, rate_share

SAVE_EVERY = 25


def recipe(steps: int, seed: int) -> TrainConfig:
    """How the heads are trained: as `config/train/bag.yaml`, with mismatched pairs, which here are far apart."""
    return TrainConfig(
        source="bag", steps=steps, learning_rate=3e-4, warmup=max(1, steps // 10), ema_decay=0.98, precision="fp32",
        frozen_stages=7, seed=seed,
    )  # fmt: skip


def train_heads(
    model: MatchFlow, kinds: Sequence[Sequence[CachedSample]], config: TrainConfig, state: Path
) -> MatchFlow:
    """A trained copy of the network.

    kinds: of samples, of which every step has as many each. state: file that an interrupted run is resumed from; gone
    when it is done.
    """
    torch.manual_seed(config.seed)
    run = _Run(model, config)
    if state.is_file():
        run.resume(state)
    with HeldBackInterrupt() as interrupt:
        progress = tqdm(total=config.steps, initial=run.step, unit="step", desc="training", disable=None)
        while run.step < config.steps:
            losses = run.take(joined([sample for samples in kinds for sample in run.chosen(samples, len(kinds))]))
            progress.set_postfix_str(f"place {float(losses.pose_nll):.2f}", refresh=False)
            progress.update()
            if run.step % SAVE_EVERY == 0 or interrupt.seen:
                run.save(state)
            if interrupt.seen:
                raise KeyboardInterrupt
        progress.close()
    state.unlink(missing_ok=True)
    return run.trained(model)


class _Run:
    """Weights, their running average and the optimiser."""

    def __init__(self, model: MatchFlow, config: TrainConfig) -> None:
        self.config, self.step = config, 0
        self.model = without_trunks(model).train()
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._objective = Objective(self.model, config)

    def chosen(self, samples: Sequence[CachedSample], kinds: int) -> list[CachedSample]:
        """Those of one of so many kinds that this step learns from, in an endless shuffled run over them."""
        size, count, seed = self.config.batch // kinds, len(samples), self.config.seed
        numbers = range(self.step * size, (self.step + 1) * size)
        orders = {n // count: np.random.default_rng([seed, n // count]).permutation(count) for n in numbers}
        return [samples[int(orders[n // count][n % count])] for n in numbers]

    def take(self, batch: Batch) -> Losses:
        """One optimiser step."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * rate_share(self.step, config)
        losses: Losses = self._objective(batch)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
        gradient = clip_grad_norm_(self.model.parameters(), config.gradient_clip)
        if not (torch.isfinite(losses.total) and torch.isfinite(gradient)):
            raise InputError(f"the loss is {float(losses.total)} at step {self.step}: run again with another --seed")
        self.optimiser.step()
        self.step += 1
        follow(self.average, self.model, self.step, config.ema_decay)
        return losses

    def save(self, path: Path) -> None:
        """Write what a killed run resumes from."""
        write_state(path, {
            "model_config": asdict(self.model.config), "model": self.model.state_dict(),
            "average": self.average.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "best": math.inf, "config": asdict(self.config),
        })  # fmt: skip

    def resume(self, path: Path) -> None:
        """Go on where it was saved, if that was a run of the same kind."""
        state = read_state(path)
        if state["config"] != asdict(self.config):
            raise InputError(f"{path} is of a run with other settings: remove it, or give another --out")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def trained(self, model: MatchFlow) -> MatchFlow:
        """The network with its trunks and the averaged weights."""
        result = copy.deepcopy(model)
        missing, unexpected = result.load_state_dict(self.average.state_dict(), strict=False)
        assert not unexpected and all(".trunk." in name for name in missing)
        return result.eval()
