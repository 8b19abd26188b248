"""Metrics against cases worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.metrics import pose_errors, summarise


def one_error(estimate: tuple[float, float, float], truth: tuple[float, float, float]) -> tuple[float, ...]:
    errors = pose_errors([estimate], [truth], [np.eye(3)])
    return errors.position[0], errors.longitudinal[0], errors.lateral[0], errors.yaw[0]


@pytest.mark.parametrize(
    ("estimate", "truth", "longitudinal", "lateral"),
    [
        ((2.0, 1.0, 0.0), (0.0, 0.0, 0.0), 2.0, 1.0),  # heading east: ahead is east, left is north
        ((2.0, 1.0, 0.0), (0.0, 0.0, math.pi / 2), 1.0, -2.0),  # heading north: ahead is north, left is west
        ((5.0, 5.0, 0.0), (5.0, 8.0, -math.pi / 2), 3.0, 0.0),  # heading south: 3 m further south is ahead
        ((1.0, 0.0, 0.0), (0.0, 0.0, math.radians(30)), math.sqrt(3) / 2, -0.5),
    ],
)
def test_longitudinal_is_along_and_lateral_left_of_the_true_heading(
    estimate: tuple[float, float, float], truth: tuple[float, float, float], longitudinal: float, lateral: float
) -> None:
    distance, along, across, _ = one_error(estimate, truth)
    assert (along, across) == pytest.approx((longitudinal, lateral))
    assert distance == pytest.approx(math.hypot(longitudinal, lateral))


@pytest.mark.parametrize(
    ("estimated_deg", "true_deg", "error_deg"),
    [(10, 4, 6), (-179, 179, 2), (179, -179, -2), (720, 1, -1), (0, 90, -90)],
)
def test_yaw_error_is_wrapped(estimated_deg: float, true_deg: float, error_deg: float) -> None:
    error = one_error((0, 0, math.radians(estimated_deg)), (0, 0, math.radians(true_deg)))[3]
    assert math.degrees(error) == pytest.approx(error_deg)


def test_nees_weighs_each_direction_with_its_own_variance() -> None:
    covariance = np.array([[[4.0, 0, 0.3], [0, 1.0, 0], [0.3, 0, 0.5]]])
    assert pose_errors([(2.0, 3.0, 0.0)], [(0, 0, 0)], covariance).nees == pytest.approx([2**2 / 4 + 3**2 / 1])
    # Correlated: the inverse of [[2, 1], [1, 2]] is [[2, -1], [-1, 2]] / 3, so (1, 1) has 2/3.
    correlated = np.array([[[2.0, 1, 0], [1, 2.0, 0], [0, 0, 1]]])
    assert pose_errors([(1.0, 1.0, 0.0)], [(0, 0, 0)], correlated).nees == pytest.approx([2 / 3])


def test_summary_of_four_frames() -> None:
    # Heading north, so longitudinal is north and lateral is west: errors (lateral, longitudinal) in metres.
    truth = (0.0, 0.0, math.pi / 2)
    errors = [(0.0, 0.5), (2.0, 0.0), (0.0, 4.0), (-6.0, 8.0)]
    yaws_deg = [0.5, -2.0, 4.0, 9.0]
    estimates = [(-lat, lon, truth[2] + math.radians(y)) for (lat, lon), y in zip(errors, yaws_deg, strict=True)]
    summary = summarise(pose_errors(estimates, [truth] * 4, [np.eye(3)] * 4), ms_per_frame=12.5)
    assert summary.count == 4 and summary.ms_per_frame == 12.5
    assert summary.mean_error_m == pytest.approx((0.5 + 2 + 4 + 10) / 4)
    assert summary.median_error_m == pytest.approx(3.0)
    assert summary.position_recall == (0.25, 0.5, 0.75)
    assert summary.lateral_recall == (0.5, 0.75, 0.75)
    assert summary.longitudinal_recall == (0.5, 0.5, 0.75)
    assert summary.yaw_recall == (0.25, 0.5, 0.75)
    assert summary.yaw_mean_deg == pytest.approx(15.5 / 4) and summary.yaw_median_deg == pytest.approx(3.0)
    assert summary.nees_mean == pytest.approx((0.25 + 4 + 16 + 100) / 4)
    # Squared radii of the 50, 90, 95 % circles of a unit Gaussian: 1.386, 4.605, 5.991.
    assert (summary.coverage_50, summary.coverage_90, summary.coverage_95) == (0.25, 0.5, 0.5)
    document = json.loads(json.dumps(summary.to_json()))
    assert document["lateral_recall"] == {"1": 0.5, "3": 0.75, "5": 0.75}
    assert document["mean_error_m"] == pytest.approx(4.125)


def test_honest_covariances_are_covered_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covariance = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.01]])
    estimates = rng.multivariate_normal(np.zeros(3), covariance, size=20000)
    summary = summarise(pose_errors(estimates, np.zeros((20000, 3)), [covariance] * 20000), 0.0)
    assert summary.nees_mean == pytest.approx(2.0, abs=0.05)
    assert (summary.coverage_50, summary.coverage_90, summary.coverage_95) == pytest.approx((0.5, 0.9, 0.95), abs=0.015)


def test_nothing_to_summarise() -> None:
    with pytest.raises(InputError, match="no sample"):
        summarise(pose_errors(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3, 3))), 0.0)
