"""The training loop: resumable, deterministic given the seed, best weights chosen on validation towns."""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from geoflow_ros.datasets.base import LocalizationDataset
from geoflow_ros.errors import InputError
from geoflow_ros.model.base import LocalizationModel
from geoflow_ros.model.checkpoint import build, load, save
from geoflow_ros.model.config import CONFIGS
from geoflow_ros.model.encoder import Trunk, load_pretrained
from geoflow_ros.model.losses import flow_loss
from geoflow_ros.model.runtime import channels_last, prepare
from geoflow_ros.training.batches import Batch, batches, draw_hypotheses
from geoflow_ros.training.calibration import errors_on
from geoflow_ros.training.config import TrainConfig

YAW_RANGE = math.radians(10.0)


def new_model(config: TrainConfig, initial: Path | None) -> LocalizationModel:
    """A network to train: the checkpoint `initial`, or else a seeded one, its trunks from ImageNet."""
    torch.manual_seed(config.seed)
    if initial is not None:
        model = load(initial)
    else:
        model = build(CONFIGS[config.model]())
        for trunk in trunks(model):
            load_pretrained(trunk)
    if model.config.name != config.model:
        raise InputError(f"{initial} is a {model.config.name!r} network, the config trains {config.model!r}")
    channels_last(model)
    return model


def trunks(model: nn.Module) -> list[Trunk]:
    """The image trunks inside a network."""
    return [module for module in model.modules() if isinstance(module, Trunk)]


def set_training_mode(model: nn.Module, config: TrainConfig) -> None:
    """Training mode, but what the config freezes does not learn."""
    model.train()
    for trunk in trunks(model):
        trunk.train(config.train_batch_norm)
        frozen = ["conv_stem.", "bn1.", *(f"blocks.{stage}." for stage in range(config.frozen_stages))]
        for name, parameter in trunk.named_parameters():
            if config.frozen_stages > 0 and name.startswith(tuple(frozen)):
                parameter.requires_grad_(False)
            if not config.train_depthwise and "conv_dw" in name:
                parameter.requires_grad_(False)


def batch_loss(model: LocalizationModel, batch: Batch, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Mean loss: the flow's, the likelihood of the true pose, and of telling the right patch from another's.

    The last two where the network has a density and says whether frame and patch match.
    """
    with torch.autocast(batch.ground.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        ground = model.encode_ground(batch.ground, batch.lift)
        satellite = model.encode_satellite(batch.satellite)
        latent = model.match(ground, satellite)
    hypotheses = draw_hypotheses(batch.truth, config.hypotheses, YAW_RANGE, generator)
    loss = config.flow_weight * flow_loss(model.flow(latent, hypotheses), hypotheses, batch.truth)
    log_density = model.log_density(latent, batch.truth[:, None])
    if log_density is not None:
        loss = loss - log_density.mean()
    if latent.match_logit is not None and len(batch.truth) > 1:
        mismatch_logit = model.match(ground, satellite.roll(1, dims=0)).match_logit
        assert mismatch_logit is not None
        loss = loss + F.softplus(-latent.match_logit).mean() + F.softplus(mismatch_logit).mean()
    return loss


class Trainer:
    """State of a run in a folder: `last.pt` to resume from, `best.safetensors` by validation error."""

    def __init__(self, config: TrainConfig, folder: Path, initial: Path | None = None) -> None:
        self.config, self.folder = config, folder
        self.model = new_model(config, initial)
        set_training_mode(self.model, config)
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = torch.optim.AdamW(self._groups(), weight_decay=config.weight_decay)
        self.peaks = [group["lr"] for group in self.optimiser.param_groups]
        self.step, self.best = 0, math.inf

    def _groups(self) -> list[dict[str, object]]:
        trunk = {id(parameter) for module in trunks(self.model) for parameter in module.parameters()}
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in learning if id(p) in trunk], "lr": self.config.trunk_learning_rate},
            {"params": [p for p in learning if id(p) not in trunk], "lr": self.config.learning_rate},
        ]

    def fit(self, training: LocalizationDataset, validation: LocalizationDataset) -> None:
        """Train to the last step, validating and saving as it goes; Ctrl-C saves and stops."""
        config, steps = self.config, range(self.step, self.config.steps)
        stream = batches(training, self.model.config, config.batch, steps, config.seed, config.workers)
        progress = tqdm(stream, total=config.steps, initial=self.step, unit="step", mininterval=10.0)
        try:
            self._run(progress, validation)
        except KeyboardInterrupt:
            self.save()
            raise

    def _run(self, progress: tqdm[Batch], validation: LocalizationDataset) -> None:
        smooth = math.nan
        for batch in progress:
            loss = self.train_step(batch)
            smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
            progress.set_postfix_str(f"loss {smooth:.3f}", refresh=False)
            if self.step % self.config.validate_every == 0 or self.step == self.config.steps:
                self._validate(validation, smooth)
                self.save()

    def train_step(self, batch: Batch) -> float:
        """Loss of one optimiser step."""
        self._set_learning_rate()
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        loss = batch_loss(self.model, batch, self.config, generator)
        if not torch.isfinite(loss):
            self.save()
            raise InputError(f"loss is {loss.item()} at step {self.step}: lower the learning rate or check the data")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
        clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return loss.item()

    def _set_learning_rate(self) -> None:
        config = self.config
        rise = min(1.0, (self.step + 1) / max(1, config.warmup))
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / config.steps)))
        for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
            group["lr"] = peak * rise * (0.01 + 0.99 * fall)

    def _update_average(self) -> None:
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        ours, theirs = self.average.state_dict(), self.model.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.lerp_(theirs[name], 1 - decay)
            else:
                value.copy_(theirs[name])

    def _validate(self, validation: LocalizationDataset, loss: float) -> None:
        start, count = time.monotonic(), min(self.config.validation_samples, len(validation))
        errors = errors_on(prepare(self.average), validation, range(count)).position
        mean, median = float(errors.mean()), float(np.median(errors))
        tqdm.write(
            f"step {self.step}: loss {loss:.3f}, validation mean {mean:.2f} m, median {median:.2f} m "
            f"({time.monotonic() - start:.0f} s)"
        )
        if mean < self.best:
            self.best = mean
            card = {"training": asdict(self.config), "step": self.step, "validation_mean_error_m": mean}
            save(self.average, self.folder / "best", card)

    def save(self) -> None:
        """Write `last.pt`; an interrupted write leaves the old one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "config": asdict(self.config),
        }
        temporary = self.folder / "last.pt.part"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "last.pt")

    def resume(self) -> None:
        """Continue from `last.pt`, which must be of the same config."""
        path = self.folder / "last.pt"
        if not path.exists():
            raise InputError(f"{path} does not exist: nothing to resume from")
        state = torch.load(path, weights_only=True)
        changed = [key for key, value in asdict(self.config).items() if state["config"].get(key) != value]
        if changed:
            raise InputError(f"{path} was trained with another {', '.join(changed)}: resume with the same config")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = state["step"], state["best"]
