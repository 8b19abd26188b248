"""What became of every sample, and what they come to."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.datasets.sample import LocalizationDataset, Sample, are_elsewhere, place_of
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.place_density import PlaceDensity
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.metrics import EvaluationSummary, PoseErrors, Rate, pose_errors, summarise
from geoflow_ros.whole_files import write_text

Pose = tuple[float, float, float]
Solve = Callable[[LocalizerConfig, int], PoseEstimate]
"""Estimate of the camera's pose in the patch's frame, from settings and a seed."""
Locator = Callable[[Sample], Solve]
"""What all settings share of localising a sample."""

CSV_COLUMNS = (
    "key", "match", "true_east", "true_north", "true_yaw_deg", "east", "north", "yaw_deg", "error_m", "longitudinal_m",
    "lateral_m", "yaw_error_deg", "nees", "ms", "hypotheses", "steps", "schedule",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one sample under one setting: numbers only, so that a large dataset's outcomes fit in memory.

    truth, pose: east, north (m), yaw (rad) of the camera; covariance: (3, 3) of the pose. prior: the middle of the
    sample's. missing: fraction of the patch without imagery. milliseconds: of localising, without reading
    the sample. label_error_m: as of the sample.
    """

    index: int
    key: str
    truth: Pose
    prior: Pose
    pose: Pose
    covariance: NDArray[np.float64]
    match: float
    missing: float
    milliseconds: float
    information_bits: float | None = None
    label_error_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What was evaluated under a setting, how, and what came of it."""

    samples: LocalizationDataset
    locator: Locator
    config: LocalizerConfig
    seed: int
    outcomes: Sequence[Outcome]

    def again(self, outcome: Outcome) -> tuple[Sample, PoseEstimate]:
        """The sample of an outcome, which holds no images, localised once more with the seed it had."""
        sample = self.samples[outcome.index]
        return sample, self.locator(sample)(self.config, self.seed + outcome.index)


def evaluate(
    dataset: LocalizationDataset,
    locator: Locator,
    indices: Sequence[int],
    seed: int,
    settings: Sequence[LocalizerConfig],
) -> list[list[Outcome]]:
    """Outcomes of the samples `indices` under each of the settings; sample i is localised with the seed `seed + i`.

    Every sample is read once and its images are encoded once for all settings.
    """
    runs: list[list[Outcome]] = [[] for _ in settings]
    for index in tqdm(indices, unit="frame", disable=None):
        sample = dataset[index]
        start = time.perf_counter()
        solve = locator(sample)
        shared = time.perf_counter() - start
        for config, outcomes in zip(settings, runs, strict=True):
            start = time.perf_counter()
            estimate = solve(config, seed + index)
            outcomes.append(_outcome(index, sample, estimate, 1e3 * (time.perf_counter() - start + shared)))
    return runs


def _outcome(index: int, sample: Sample, estimate: PoseEstimate, milliseconds: float) -> Outcome:
    return Outcome(
        index=index,
        key=sample.key,
        truth=sample.truth,
        prior=(sample.prior.east, sample.prior.north, sample.prior.yaw),
        pose=(estimate.east, estimate.north, estimate.yaw),
        covariance=estimate.covariance,
        match=estimate.match,
        missing=estimate.patch.missing,
        milliseconds=milliseconds,
        information_bits=_information_bits(sample, estimate),
        label_error_m=sample.label_error_m,
    )


def _information_bits(sample: Sample, estimate: PoseEstimate) -> float | None:
    if estimate.log_likelihood is None or estimate.patch is not sample.patch:  # of another patch, other headings lack
        return None
    return PlaceDensity.of(estimate.log_likelihood, sample.prior).information_bits(
        sample.truth[:2], sample.label_error_m
    )


def accepted_elsewhere(
    dataset: LocalizationDataset, locator: Locator, indices: Sequence[int], seed: int, config: LocalizerConfig
) -> Rate:
    """How many samples are answered before a patch of another place.

    That of the sample half the set away, or of the first one after it that is elsewhere, by its place where that is
    known: half a drive on may be the same street again. Samples without any such are left out.
    """
    accepted = compared = 0
    for position, index in enumerate(tqdm(indices, unit="frame", desc="mismatched", disable=None)):
        start = position + len(indices) // 2
        others = (indices[number % len(indices)] for number in range(start, start + len(indices)))
        chosen = next((each for each in others if _are_elsewhere(dataset, index, each)), None)
        if chosen is None:
            continue
        other = dataset[chosen]
        mismatched = dataclasses.replace(dataset[index], patch=other.patch, prior=other.prior)
        accepted += locator(mismatched)(config, seed + index).match >= config.min_match
        compared += 1
    return Rate(accepted, compared)


def _are_elsewhere(dataset: LocalizationDataset, one: int, other: int) -> bool:
    return are_elsewhere((str(one), place_of(dataset, one)), (str(other), place_of(dataset, other)))


def errors_of(outcomes: Sequence[Outcome]) -> PoseErrors:
    """Errors of at least one outcome; the truth's own error is part of what they are compared with."""
    if not outcomes:
        raise InputError("there is nothing to evaluate: the dataset, --every and --limit leave no sample")
    covariances = [each.covariance + np.diag([each.label_error_m, each.label_error_m, 0.0]) ** 2 for each in outcomes]
    return pose_errors([each.pose for each in outcomes], [each.truth for each in outcomes], covariances)


def summary_of(outcomes: Sequence[Outcome]) -> EvaluationSummary:
    """Summary of at least one outcome; the time is the median, which the first frame's warming up does not move."""
    return summarise(errors_of(outcomes), statistics.median(each.milliseconds for each in outcomes))


def write_csv(path: Path, settings: Sequence[LocalizerConfig], runs: Sequence[Sequence[Outcome]]) -> None:
    """One row a sample and setting: key, truth, pose, errors (metres, degrees), NEES, milliseconds, setting."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for config, outcomes in zip(settings, runs, strict=True):
        setting = (config.hypotheses, config.steps, config.schedule.value)
        writer.writerows([*row, *setting] for row in _rows(outcomes))
    write_text(path, text.getvalue())


def _rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    errors = errors_of(outcomes)
    rows = []
    for i, each in enumerate(outcomes):
        poses = [*each.truth[:2], math.degrees(each.truth[2]), *each.pose[:2], math.degrees(each.pose[2])]
        metres = [errors.position[i], errors.longitudinal[i], errors.lateral[i]]
        numbers = [each.match, *poses, *metres, math.degrees(errors.yaw[i]), errors.nees[i], each.milliseconds]
        rows.append([each.key, *(f"{number:.4f}" for number in numbers)])
    return rows
