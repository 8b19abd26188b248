"""What a training run is: one validated value, read from YAML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import CONFIGS

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run. Lengths in optimiser steps; learning rates are peaks."""

    model: str = "default"
    data_root: str = "out/towns"
    train_towns: int = 200
    validation_towns: int = 10
    views_per_town: int = 40
    batch: int = 8
    steps: int = 4000
    learning_rate: float = 1.5e-3
    trunk_learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    warmup: int = 100
    gradient_clip: float = 1.0
    ema_decay: float = 0.998
    hypotheses: int = 32
    flow_weight: float = 0.3
    frozen_stages: int = 3  # of each trunk, from its input; they keep their ImageNet weights
    train_depthwise: bool = False  # of the other stages: the gradient of these few weights is a third of a CPU's step
    train_batch_norm: bool = False  # whether the trunks' batch statistics follow the data; weights of B0 need it
    precision: str = "bf16"
    workers: int = 1
    seed: int = 0
    validate_every: int = 500
    validation_samples: int = 100

    def __post_init__(self) -> None:
        if self.model not in CONFIGS:
            raise InputError(f"model {self.model!r} is unknown: expected one of {', '.join(CONFIGS)}")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision {self.precision!r} is unknown: expected one of {', '.join(PRECISIONS)}")
        for name in ("train_towns", "validation_towns", "views_per_town", "batch", "steps", "hypotheses"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: expected at least 1")


def read_config(path: Path, overrides: dict[str, Any]) -> TrainConfig:
    """The config in a YAML file, values in `overrides` taking precedence; unknown keys are an InputError."""
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of config/train/") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no keys: expected lines such as `steps: 4000`")
    fields = {field.name: type(field.default) for field in dataclasses.fields(TrainConfig)}
    if unknown := sorted(set(values) - set(fields)):
        raise InputError(f"{path} has unknown keys {', '.join(map(str, unknown))}: known are {', '.join(fields)}")
    merged = {**values, **overrides}
    for key, value in merged.items():
        allowed = (int, float) if fields[key] is float else fields[key]
        if not isinstance(value, allowed) or isinstance(value, bool) is not (allowed is bool):
            raise InputError(f"{path}: {key} is {value!r}, expected {fields[key].__name__}")
    return TrainConfig(**merged)
