"""Any dataset by its name, as the command lines ask for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.datasets.kitti import LISTS, KittiCrossView
from geoflow_ros.datasets.photographs.pairs import Pairs
from geoflow_ros.datasets.sample import LocalizationDataset
from geoflow_ros.datasets.vigor import Vigor
from geoflow_ros.errors import InputError

DATASETS: dict[str, tuple[str, ...]] = {
    "bag": ("all",),
    "kitti": tuple(LISTS),
    "pairs": ("all",),
    "town": ("test", "other", "varied", "val"),
    "vigor": tuple(f"{area}-{split}" for area in ("same", "cross") for split in ("train", "val", "test")),
}
"""The splits of every dataset; one that has only one needs not be told."""
VIEWS_A_TOWN = 40
TOWN_VIEWS = 400
"""How many views of generated towns an evaluation renders unless told."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to open. count: how many samples are wanted at most, None for all; looked at by town, which has no end, and
    by pairs, which compares its places; every: of pairs each so manieth place is taken. rotation_range_deg: None for
    the protocol's. north_up: VIGOR patches as in its protocol instead of along the heading. size_px, resolution: of the
    patches.
    """

    name: str
    root: Path
    split: str | None
    size_px: int
    resolution: float
    north_up: bool
    count: int | None = None
    every: int = 1
    rotation_range_deg: float | None = None
    corrected: bool = True
    seed: int = 0


def open_dataset(selection: Selection) -> LocalizationDataset:
    """The dataset, checked; what is wrong with it is an InputError."""
    name, splits = selection.name, DATASETS[selection.name]
    split = splits[0] if selection.split is None and len(splits) == 1 else selection.split
    if split not in splits:
        raise InputError(f"{name} has no split {split!r}: give one of {', '.join(splits)}")
    if name != "town" and not selection.root.is_dir():
        raise InputError(f"{selection.root} is not a folder: give the {name} dataset's root")
    shape: dict[str, Any] = {"size_px": selection.size_px, "resolution": selection.resolution, "seed": selection.seed}
    if selection.rotation_range_deg is not None:
        shape["rotation_range_deg"] = selection.rotation_range_deg
    if name == "kitti":
        return KittiCrossView(selection.root, split, **shape)
    if name == "bag":
        return BagDrive(selection.root, **shape)
    if name == "pairs":
        return Pairs(selection.root, count=selection.count, every=selection.every, **shape)
    if name == "vigor":
        area, _, part = split.partition("-")
        return Vigor(selection.root, area, part, selection.corrected, align_heading=not selection.north_up, **shape)
    return _town(selection.root, split, selection.count, shape)


def _town(root: Path, split: str, count: int | None, shape: dict[str, Any]) -> LocalizationDataset:
    # Here, because rendering needs an extra that the other datasets do without.
    from geoflow_ros.datasets.town_views import (
        OTHER_SEEDS,
        TEST_SEEDS,
        VALIDATION_SEEDS,
        VARIED_TEST_SEEDS,
        TownSamples,
    )

    seeds = {"test": TEST_SEEDS, "other": OTHER_SEEDS, "varied": VARIED_TEST_SEEDS, "val": VALIDATION_SEEDS}[split]
    wanted = TOWN_VIEWS if count is None else count
    towns = math.ceil(wanted / VIEWS_A_TOWN)
    return TownSamples(root, seeds[:towns], min(wanted, VIEWS_A_TOWN), **shape)
