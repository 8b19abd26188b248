"""Outcomes of locators whose errors are known."""

from __future__ import annotations

import csv
import dataclasses
import math
import time
from pathlib import Path

import pytest
from evaluation_support import Samples, estimate_at, perfect, two_metres_ahead_and_one_left

from geoflow_ros.datasets.mount_errors import MountErrors
from geoflow_ros.datasets.sample import Place, Sample
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.outcome import (
    Locator,
    Outcome,
    Solve,
    accepted_elsewhere,
    errors_of,
    evaluate,
    summary_of,
    write_csv,
)
from geoflow_ros.evaluate.sweep import settings
from geoflow_ros.localization.localizer_config import LocalizerConfig, Schedule
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.metrics import Rate

DEFAULTS = LocalizerConfig()


def outcomes_of(locator: Locator, indices: list[int]) -> list[Outcome]:
    (outcomes,) = evaluate(Samples(), locator, indices, 0, [DEFAULTS])
    return outcomes


def test_a_perfect_locator_has_no_error() -> None:
    summary = summary_of(outcomes_of(perfect, [0, 1, 2, 3, 4]))
    assert (summary.count, summary.mean_error_m, summary.yaw_mean_deg, summary.nees_mean) == (5, 0.0, 0.0, 0.0)
    assert summary.position_recall == (1.0, 1.0, 1.0) and summary.coverage_50 == 1.0


def test_a_known_offset_is_measured() -> None:
    summary = summary_of(outcomes_of(two_metres_ahead_and_one_left, [0, 1, 2, 3, 4]))
    assert summary.mean_error_m == pytest.approx(math.sqrt(5)) and summary.yaw_median_deg == pytest.approx(3.5)
    assert summary.longitudinal_recall == (0.0, 1.0, 1.0) and summary.lateral_recall[1:] == (1.0, 1.0)
    assert summary.yaw_recall == (0.0, 0.0, 1.0)
    assert summary.nees_mean == pytest.approx(5 / 4)
    assert (summary.coverage_50, summary.coverage_90) == (1.0, 1.0)  # 1.25 < 1.386


def test_a_label_that_is_off_itself_blames_no_estimate() -> None:
    """Two metres ahead and one left, 2 m standard deviation of the estimate, sqrt(5) m of the label: 5 / (4 + 5)."""
    outcomes = [
        dataclasses.replace(each, label_error_m=math.sqrt(5.0))
        for each in outcomes_of(two_metres_ahead_and_one_left, [0, 1])
    ]
    assert summary_of(outcomes).nees_mean == pytest.approx(5 / 9)
    assert errors_of(outcomes).position == pytest.approx([math.sqrt(5)] * 2)


def test_every_sample_is_shared_by_the_settings_and_has_its_own_seed() -> None:
    located, solved = [], []

    def locator(sample: Sample) -> Solve:
        located.append(sample.key)

        def solve(config: LocalizerConfig, seed: int) -> PoseEstimate:
            solved.append((sample.key, config.steps, seed))
            return estimate_at(float(config.steps), 0.0, 0.0, sample.patch)

        return solve

    configs = settings([3], [1, 5], [Schedule.PAPER])
    runs = evaluate(Samples(), locator, range(0, 5, 2), 10, configs)
    assert located == ["s0", "s2", "s4"]
    assert solved == [(f"s{i}", steps, 10 + i) for i in (0, 2, 4) for steps in (1, 5)]
    assert [[each.pose[0] for each in outcomes] for outcomes in runs] == [[1.0] * 3, [5.0] * 3]


def test_what_is_shared_counts_in_the_time_of_every_setting() -> None:
    def locator(sample: Sample) -> Solve:
        time.sleep(0.02)
        return perfect(sample)

    runs = evaluate(Samples(), locator, [0], 0, [DEFAULTS, DEFAULTS])
    assert all(outcomes[0].milliseconds >= 20.0 for outcomes in runs)


def test_a_mismatched_patch_is_that_of_another_sample() -> None:
    seen: list[tuple[int, int]] = []

    class Numbered(Samples):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return dataclasses.replace(sample, patch=dataclasses.replace(sample.patch, center=(float(index), 0.0)))

    def locator(sample: Sample) -> Solve:
        own, shown = int(sample.key[1:]), int(sample.patch.center[0])
        seen.append((own, shown))
        match = 0.1 if shown == 4 else 0.9
        return lambda config, seed: dataclasses.replace(estimate_at(0.0, 0.0, 0.0, sample.patch), match=match)

    assert accepted_elsewhere(Numbered(), locator, range(1, 5), 0, DEFAULTS) == Rate(3, 4)
    assert seen == [(1, 3), (2, 4), (3, 1), (4, 2)]


def test_a_mismatched_patch_is_never_of_the_street_that_the_sample_shows() -> None:
    """Two rounds of a street: half the set away is the same place again, and the fifth sample is near all others."""
    seen: list[tuple[int, int]] = []

    class Rounds(Samples):
        def place(self, index: int) -> Place | None:
            return Place("town", 35.0 if index == 4 else 70.0 * (index % 2), 0.0)

        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return dataclasses.replace(sample, patch=dataclasses.replace(sample.patch, center=(float(index), 0.0)))

    def locator(sample: Sample) -> Solve:
        seen.append((int(sample.key[1:]), int(sample.patch.center[0])))
        return lambda config, seed: estimate_at(0.0, 0.0, 0.0, sample.patch)

    for samples in (Rounds(), MountErrors(Rounds(), 0.1)):
        assert accepted_elsewhere(samples, locator, range(5), 0, DEFAULTS).of == 4
        assert seen == [(0, 3), (1, 0), (2, 1), (3, 0)]
        seen.clear()


def test_rows_of_the_csv(tmp_path: Path) -> None:
    configs = settings([7], [2, 4], [Schedule.FULL])
    runs = evaluate(Samples(), two_metres_ahead_and_one_left, [3], 0, configs)
    write_csv(tmp_path / "o.csv", configs, runs)
    row, other = csv.DictReader((tmp_path / "o.csv").open())
    assert row["key"] == "s3" and float(row["true_yaw_deg"]) == 240.0
    names = ("error_m", "longitudinal_m", "lateral_m", "yaw_error_deg", "nees")
    assert [float(row[name]) for name in names] == pytest.approx([2.2361, 2.0, 1.0, 3.5, 1.25], abs=1e-4)
    assert float(row["ms"]) >= 0.0 and None not in row
    assert [(each["hypotheses"], each["steps"], each["schedule"]) for each in (row, other)] == [
        ("7", "2", "full"),
        ("7", "4", "full"),
    ]


def test_nothing_to_evaluate() -> None:
    with pytest.raises(InputError, match="leave no sample"):
        errors_of([])
