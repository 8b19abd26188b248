"""The network of a run: made or loaded, which of its weights learn, how fast, and their running average."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.encoder import Trunk, load_pretrained
from geoflow_ros.model.inference.prepare import fold_and_round
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import build, load
from geoflow_ros.train.search_area import check_fits, new_config
from geoflow_ros.train.train_config import TrainConfig


def new_model(config: TrainConfig, initial: Path | None) -> LocalizationModel:
    """A network to train: the checkpoint `initial`, or else a seeded one, its trunks as the config says."""
    torch.manual_seed(config.seed)
    if initial is not None:
        model = load(initial)
    else:
        model = build(new_config(config))
        for trunk in trunks(model) if config.pretrained else ():
            load_pretrained(trunk)
    if not config.pretrained and initial is None and config.frozen_stages > 0:
        raise InputError(
            f"frozen_stages is {config.frozen_stages}, but the trunks start from nothing: what is frozen would stay "
            "random; set frozen_stages: 0 and train_depthwise: true, or pretrained: true"
        )
    if model.config.name != config.model:
        raise InputError(f"{initial} is a {model.config.name!r} network, the config trains {config.model!r}")
    if config.height_weight > 0.0 and not isinstance(model, MatchFlow):
        raise InputError(f"height_weight is {config.height_weight:g}, but {config.model!r} has no such features: set 0")
    check_fits(model.config, config)
    if config.frozen_stages > 0 and not config.train_batch_norm:
        for trunk in trunks(model):
            for module in [trunk, *trunk.blocks[: config.frozen_stages].modules()]:
                fold_and_round(module)
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


def parameter_groups(learner: nn.Module, config: TrainConfig) -> list[dict[str, object]]:
    """What learns of a network and of all that is trained with it: trunks and the rest, each with its peak rate."""
    trunk = {id(parameter) for module in trunks(learner) for parameter in module.parameters()}
    learning = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if id(p) in trunk], "lr": config.trunk_learning_rate},
        {"params": [p for p in learning if id(p) not in trunk], "lr": config.learning_rate},
    ]


def rate_share(step: int, config: TrainConfig) -> float:
    """Of a peak learning rate, what a step takes: a linear rise over the warm-up times a cosine to a hundredth."""
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    return rise * (0.01 + 0.99 * fall)


def follow(average: nn.Module, model: nn.Module, step: int, most: float) -> None:
    """The running average a step further towards the weights after `step` steps, in place; what counts is copied.

    most: of the average that is kept; at first less, or it would be of the weights the run began with.
    """
    decay = min(most, (1 + step) / (10 + step))
    for ours, theirs in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if ours.is_floating_point():
            ours.lerp_(theirs, 1 - decay)
        else:
            ours.copy_(theirs)
