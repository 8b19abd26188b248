"""What a training run is: one validated value, read from YAML."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from geoflow_ros.errors import InputError
from geoflow_ros.options import build, option
from geoflow_ros.structured_text import read_yaml

COUNT = (1, 1_000_000_000)
SHARE = (0.0, 1.0)
RATE = (0.0, 1.0)
SOURCE_KEYS = {
    "town": (
        *("train_towns", "varied_towns", "validation_towns", "views_per_town", "texture_images", "shift_range_m"),
        "height_weight",
    ),
    "kitti": ("validation_share", "shift_range_m"),
    "vigor": ("area", "corrected_labels", "semi_positives"),
    "bag": ("validation_share", "validation_drive", "shift_range_m", "poses"),
}
"""Keys that mean nothing to the sources they are not listed for."""
FREE_KEYS = ("data_root", "workers", "save_every", "log_every")
"""Keys that do not change what is learnt: a run resumes with others."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run. A step is one optimiser step; with several processes each takes a batch of its own."""

    model: Literal["default", "paper"] = option("network to train", "default")
    source: Literal["town", "kitti", "vigor", "bag"] = option("where the samples come from", "town")
    data_root: str = option("folder of the data; for bags one drive or a folder of drives", "out/towns")
    shift_range_m: float = option("how far the prior is off, along each axis", 20.0, "m", (0.0, 100.0))
    rotation_range_deg: float = option("how far the prior's heading is off, to each side", 10.0, "deg", (0.0, 180.0))
    train_towns: int = option("town: rendered towns to train on", 200, range=(0, 9_000))
    varied_towns: int = option("town: others to train on too, varied in all that they show", 0, range=(0, 9_000))
    validation_towns: int = option("town: rendered towns to validate on", 10, range=(1, 1_000))
    views_per_town: int = option("town: camera views of each", 40, range=COUNT)
    texture_images: str = option(
        "town: folder with overhead/, real orthophotos whose grain varied towns take when they are rendered", ""
    )
    style_images: str = option(
        "folder with street/ and overhead/ photographs, unpaired, whose looks the samples take; empty for none", ""
    )
    random_looks: float = option("share of the images whose look is drawn at random", 0.0, range=SHARE)
    orthophoto_images: str = option(
        "folder with overhead/, real orthophotos to make ground views of, and, for clutter, street/; empty for none", ""
    )
    orthophoto_share: float = option("of the samples that are made of orthophotos", 0.15, range=(0.01, 0.9))
    area: Literal["same", "cross"] = option("vigor: test in the cities of the training, or in others", "same")
    corrected_labels: bool = option("vigor: use splits__corrected", True)
    semi_positives: bool = option("vigor: also train on the satellite images that show the camera off centre", False)
    validation_share: float = option("kitti, bag: of the data, held out to validate on", 0.1, range=(0.0, 0.5))
    validation_drive: str = option("bag: folder name of the drive to validate on; empty for the end of every drive", "")
    poses: str = option("bag: file in each drive's folder with its poses (TUM), as `adapt --poses` writes", "truth.tum")
    pretrained: bool = option("whether the trunks start from ImageNet's weights; if not, set frozen_stages: 0", True)
    matched_channels: int = option("default: channels in which frame and map are compared", 8, range=(1, 256))
    highest_lift_m: float = option("default: up to where above ground the frame is read", 6.0, "m", (0.0, 6.0))
    mount_tilt_std_deg: float = option("standard deviation of the mount's roll and pitch", 0.3, "deg", (0.0, 5.0))
    mount_height_std: float = option("standard deviation of its height, as a share of it", 0.02, range=(0.0, 0.3))
    batch: int = option("samples a step and process; even, if several processes are to equal one", 8, range=COUNT)
    steps: int = option("length of the run", 4000, range=COUNT)
    learning_rate: float = option("peak, of all but the trunks", 1.5e-3, range=RATE)
    trunk_learning_rate: float = option("peak, of the image trunks", 3e-4, range=RATE)
    weight_decay: float = option("of AdamW", 1e-2, range=RATE)
    warmup: int = option(
        "steps over which the learning rate rises; then it falls as a cosine", 100, range=(0, COUNT[1])
    )
    gradient_clip: float = option("longest gradient", 1.0, range=(1e-6, 1e6))
    ema_decay: float = option(
        "of the running average of the weights, which is what is validated and kept", 0.998, range=SHARE
    )
    hypotheses: int = option("starts of the flow a sample", 32, range=COUNT)
    flow_weight: float = option("of the flow's loss against that of the match", 0.3, range=(0.0, 1e3))
    pairing_weight: float = option("of distinguishing the right patch from another sample's", 1.0, range=(0.0, 1e3))
    height_weight: float = option(
        "town: of telling how high is what is seen, learnt from what rendering knows", 0.0, range=(0.0, 1e3)
    )
    frozen_stages: int = option("of each trunk, from its input, that keep their weights", 3, range=(0, 7))
    # The gradient of these few weights is a third of a CPU's step.
    train_depthwise: bool = option("whether the other stages' depthwise filters learn", False)
    train_batch_norm: bool = option(
        "whether the trunks' batch statistics follow the data; weights of B0 need it", False
    )
    precision: Literal["fp32", "bf16"] = option("of the image encoders", "bf16")
    workers: int = option("loader processes; 0 loads in the trainer", 1, range=(0, 256))
    seed: int = option("of everything random", 0, range=(0, 2**31 - 1))
    validate_every: int = option("steps between validations", 500, range=COUNT)
    validation_samples: int = option("samples of a validation, spread over the validation data", 100, range=COUNT)
    save_every: int = option("steps between writes of what a killed run resumes from", 100, range=COUNT)
    log_every: int = option("steps between lines of log.jsonl", 20, range=COUNT)


def read_config(path: Path, overrides: Mapping[str, Any]) -> TrainConfig:
    """The config in a YAML file, values in `overrides` taking precedence.

    An unknown key, one that belongs to another source, and a value of the wrong type or range are an InputError.
    """
    values = _read_yaml(path)
    try:
        config = build(TrainConfig, {**values, **overrides})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    foreign = {key for keys in SOURCE_KEYS.values() for key in keys} - set(SOURCE_KEYS[config.source])
    if misplaced := sorted(foreign & set(values)):
        raise InputError(f"{path}: {', '.join(misplaced)} means nothing to source {config.source}: take it out")
    return config


def changed_keys(config: TrainConfig, earlier: Mapping[str, Any]) -> list[str]:
    """Keys whose values differ from those of an earlier run, but for those that do not change what is learnt."""
    # A key that the earlier run did not know yet had no effect but its default's.
    known = {**dataclasses.asdict(TrainConfig()), **earlier}
    values = dataclasses.asdict(config)
    return [key for key, value in values.items() if key not in FREE_KEYS and known[key] != value]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path) or {}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of config/train/") from error
    except ValueError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no keys: expected lines such as `steps: 4000`")
    return {str(key): value for key, value in values.items()}
