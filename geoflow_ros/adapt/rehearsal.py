"""Generated towns in the looks of the drives, learnt from beside them: other streets than theirs, and true labels.

Of a few hundred places of one drive alone, heads learn some by heart and are too sure in the next town
(docs/RESULTS.md). Colours and coarse shading are taken from the drive's own frames and imagery.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from geoflow_ros.adapt.cached_samples import PRIOR, CachedSample, Label, cached
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.datasets.photo_style import Style, in_one_of, style_of
from geoflow_ros.datasets.town_views import TRAIN_SEEDS, VARIED_TRAIN_SEEDS, TownSamples, towns_to_render
from geoflow_ros.errors import InputError
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.town.canvas import open_context
from geoflow_ros.train.covariance_calibration import spread

VIEWS = 12  # of a town
STYLES = 40  # of a drive's frames, and of its patches
RESTYLED = 0.8  # of the views; the others stay as the shipped weights have seen them
STRENGTH, LOWEST = (0.7, 1.0), (1, 2)  # nearer than `photo_style` draws them: this look is what is to be learnt


def check_renderable(folder: Path, towns: int) -> None:
    """An InputError where towns are missing from the folder and cannot be rendered, before anything is computed."""
    if towns and towns_to_render(folder, _seeds(towns), VIEWS):
        try:
            open_context().release()
        except InputError as error:
            raise InputError(f"{error}; or learn from the drives alone, with --towns 0") from error


def town_samples(
    drives: Sequence[tuple[UnlabelledDrive, list[Label]]], model: MatchFlow, folder: Path, towns: int, seed: int
) -> list[CachedSample]:
    """Cached features of VIEWS views of each of so many towns, half of them varied, in the looks of the labels' places.

    They are rendered into the folder if they are not there yet; an InputError where nothing can be rendered.
    """
    if not towns:
        return []
    size_px, resolution = model.config.satellite_px, model.config.satellite_resolution
    reach = PRIOR.shift_range_m, math.degrees(PRIOR.rotation_range)
    views = TownSamples(folder, _seeds(towns), VIEWS, size_px, resolution, *reach, seed)
    parts = [_looks(drive, labels, model) for drive, labels in drives]
    streets, overheads = ([style for part in parts for style in part[side]] for side in (0, 1))
    samples = []
    for index in tqdm(range(len(views)), unit="view", desc="features of towns", disable=None):
        sample, rng = views[index], np.random.default_rng([seed, 5, index])
        if rng.random() < RESTYLED:
            patch = replace(sample.patch, image=in_one_of(overheads, sample.patch.image, STRENGTH, LOWEST, rng))
            sample = replace(sample, ground=in_one_of(streets, sample.ground, STRENGTH, LOWEST, rng), patch=patch)
        place = views.place(index)
        assert place is not None, "towns rendered here have places"
        samples.append(cached(sample, place, model, rng))
    return samples


def _seeds(towns: int) -> list[int]:
    return [*TRAIN_SEEDS[: (towns + 1) // 2], *VARIED_TRAIN_SEEDS[: towns // 2]]


def _looks(drive: UnlabelledDrive, labels: Sequence[Label], model: MatchFlow) -> tuple[list[Style], list[Style]]:
    """Of frames of a drive, and of the patches around them."""
    recorded, config = drive.recorded, model.config
    some = [labels[index] for index in spread(len(labels), STYLES)]
    frames = {int(drive.nodes.frames[label.node]) for label in some}
    size = config.ground_width, config.ground_height
    around = config.satellite_px, config.satellite_resolution
    poses = [label.pose.tolist() for label in some]
    patches = [drive.satellite.patch(recorded.frame, (east, north), yaw, *around) for east, north, yaw in poses]
    streets = [style_of(image) for _, image in recorded.images(frames, size, "looks")]
    return streets, [style_of(patch.image) for patch in patches]
