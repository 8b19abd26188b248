"""Samples to train and to validate on, from any source, checked before anything is learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.drives import find_drives, hold_out_ends, open_drives
from geoflow_ros.datasets.kitti import KittiCrossView
from geoflow_ros.datasets.orthophotos.library import read_orthophotos
from geoflow_ros.datasets.photo_style import Restyled
from geoflow_ros.datasets.random_look import RandomLooks
from geoflow_ros.datasets.sample import Joined, LocalizationDataset
from geoflow_ros.datasets.vigor import Vigor
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.train.train_config import TrainConfig


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What to learn from, and what never to learn from. Neither is part of any test list. note: on what is missing."""

    training: LocalizationDataset
    validation: LocalizationDataset
    note: str = ""

    def __str__(self) -> str:
        return f"{len(self.training)} samples to train on, {len(self.validation)} to validate on{self.note}"


def open_data(config: TrainConfig, model: ModelConfig) -> TrainingData:
    """The data of a run, cropped as the network reads it; what is wrong with it is one InputError.

    Towns that the folder does not hold yet are rendered into it.
    """
    shape: dict[str, Any] = {
        "size_px": model.satellite_px,
        "resolution": model.satellite_resolution,
        "rotation_range_deg": config.rotation_range_deg,
        "seed": config.seed,
    }
    data = _of_source(config, model, dict(shape))
    training = data.training
    if config.orthophoto_images:
        training = _with_orthophotos(training, config, shape)
    if config.style_images:
        training = Restyled(training, Path(config.style_images), config.seed)
    if config.random_looks:
        training = RandomLooks(training, config.random_looks, config.seed)
    return replace(data, training=training)


def _with_orthophotos(samples: LocalizationDataset, config: TrainConfig, shape: dict[str, Any]) -> LocalizationDataset:
    """As many views of orthophotos beside the samples as make up their share."""
    # Here, because what makes them is compiled by numba, which the other sources do without.
    from geoflow_ros.datasets.orthophotos.orthophoto_views import OrthophotoViews

    share = config.orthophoto_share
    count = max(1, round(len(samples) * share / (1.0 - share)))
    folder = Path(config.orthophoto_images)
    return Joined([samples, OrthophotoViews(folder, count, shift_range_m=config.shift_range_m, **shape)])


def _of_source(config: TrainConfig, model: ModelConfig, shape: dict[str, Any]) -> TrainingData:
    root = Path(config.data_root)
    if config.source == "town":
        return _towns(config, root, {**shape, "shift_range_m": config.shift_range_m})
    if not root.is_dir():
        raise InputError(f"{root} is not a folder: give the root of the {config.source} data with --data.root")
    if config.source == "vigor":
        return _vigor(config, root, model, shape)
    shape["shift_range_m"] = config.shift_range_m
    return _kitti(config, root, shape) if config.source == "kitti" else _bags(config, root, shape)


def _towns(config: TrainConfig, root: Path, shape: dict[str, Any]) -> TrainingData:
    # Here, because rendering needs an extra that the other sources do without.
    from geoflow_ros.datasets.town_views import TRAIN_SEEDS, VALIDATION_SEEDS, VARIED_TRAIN_SEEDS, TownSamples

    training = [*TRAIN_SEEDS[: config.train_towns], *VARIED_TRAIN_SEEDS[: config.varied_towns]]
    if not training:
        raise InputError("train_towns 0 and varied_towns 0 leave nothing to train on: give 1 or more of either")
    photographs = _photographs(Path(config.texture_images)) if config.texture_images else ()
    learns = config.height_weight > 0.0
    samples = TownSamples(root, training, config.views_per_town, photographs=photographs, with_heights=learns, **shape)
    validation = TownSamples(root, VALIDATION_SEEDS[: config.validation_towns], config.views_per_town, **shape)
    known = sum(view.heights is not None for view in samples.views)
    note = (
        f" (height_weight counts for {known} of {len(samples)}: the others were rendered before heights were kept, "
        "delete their folders to render them again)"
    )
    return TrainingData(samples, validation, note if learns and known < len(samples) else "")


def _photographs(folder: Path) -> list[NDArray[np.uint8]]:
    return [photograph.image for photograph in read_orthophotos(folder / "overhead")]


def _kitti(config: TrainConfig, root: Path, shape: dict[str, Any]) -> TrainingData:
    shape["validation_share"] = config.validation_share
    return TrainingData(KittiCrossView(root, "train", **shape), KittiCrossView(root, "val", **shape))


def _vigor(config: TrainConfig, root: Path, model: ModelConfig, shape: dict[str, Any]) -> TrainingData:
    # The network reads its prior heading from the patch: +u has to be north.
    shape |= {"corrected": config.corrected_labels, "align_heading": True, "reach_m": model.reach_m}
    return TrainingData(
        Vigor(root, config.area, "train", semi_positives=config.semi_positives, **shape),
        Vigor(root, config.area, "val", **shape),
    )


def _bags(config: TrainConfig, root: Path, shape: dict[str, Any]) -> TrainingData:
    folders = find_drives(root)
    drives = open_drives(folders, poses=config.poses, **shape)
    if not config.validation_drive:
        parts = hold_out_ends(drives, config.validation_share)
        return TrainingData(Joined([training for training, _ in parts]), Joined([held for _, held in parts]))
    names = [drive.name for drive in drives]
    if config.validation_drive not in names or len(drives) == 1:
        raise InputError(
            f"validation_drive {config.validation_drive!r} is not one of several drives in {root}, which holds "
            f"{', '.join(names)}"
        )
    validation = drives.pop(names.index(config.validation_drive))
    return TrainingData(Joined(drives), validation)
