"""Metrics against cases worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from geoflow_ros.errors import InputError
from geoflow_ros.metrics import Rate, chi_square, integrity, pose_errors, summarise


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
        ((-2.0, 0.0, 0.0), (0.0, 0.0, 0.0), -2.0, 0.0),  # behind
        ((0.0, 3.0, 0.0), (0.0, 0.0, 0.0), 0.0, 3.0),  # to the left, and nothing of it along
        ((0.0, -3.0, 0.0), (0.0, 0.0, math.pi), 0.0, 3.0),  # heading west: left is south
        ((0.0, 4.0, 0.0), (0.0, 0.0, math.pi), 0.0, -4.0),
        ((1.0, 1.0, 0.0), (0.0, 0.0, math.pi / 4), math.sqrt(2), 0.0),
        ((1.0, 1.0, 0.0), (0.0, 0.0, 3 * math.pi / 4), 0.0, -math.sqrt(2)),  # heading north-west: right
    ],
)
def test_longitudinal_is_along_and_lateral_left_of_the_true_heading(
    estimate: tuple[float, float, float], truth: tuple[float, float, float], longitudinal: float, lateral: float
) -> None:
    distance, along, across, _ = one_error(estimate, truth)
    assert (along, across) == pytest.approx((longitudinal, lateral))
    assert distance == pytest.approx(math.hypot(longitudinal, lateral))


def test_the_heading_of_the_estimate_does_not_turn_the_axes() -> None:
    for estimated_yaw in (0.0, 1.0, math.pi):
        assert one_error((3.0, 1.0, estimated_yaw), (0.0, 0.0, 0.0))[1:3] == pytest.approx((3.0, 1.0))


def test_kitti_states_the_same_in_pixels_of_its_crop() -> None:
    # Its protocol: heading (cos t, -sin t) in pixels (v down), longitudinal = e . (cos t, -sin t) and lateral
    # = e . (sin t, cos t), which is positive to the right: ours is positive to the left.
    theta, (u, v) = math.radians(7.0), (12.0, -5.0)
    _, longitudinal, lateral, _ = one_error((u, -v, 0.0), (0.0, 0.0, theta))
    assert longitudinal == pytest.approx(u * math.cos(theta) - v * math.sin(theta))
    assert lateral == pytest.approx(-(u * math.sin(theta) + v * math.cos(theta)))


@given(
    st.floats(-50, 50), st.floats(-50, 50), st.floats(-30, 30), st.floats(-30, 30), st.floats(-math.pi, math.pi)
)  # fmt: skip
def test_errors_are_built_from_their_parts(east: float, north: float, ahead: float, left: float, yaw: float) -> None:
    cos, sin = math.cos(yaw), math.sin(yaw)
    estimate = (east + ahead * cos - left * sin, north + ahead * sin + left * cos, yaw)
    distance, longitudinal, lateral, _ = one_error(estimate, (east, north, yaw))
    assert (longitudinal, lateral) == pytest.approx((ahead, left), abs=1e-9)
    assert distance == pytest.approx(math.hypot(ahead, left), abs=1e-9)


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


@pytest.mark.parametrize(
    ("count", "of", "upper"), [(0, 300, 0.00994), (1, 100, 0.04656), (5, 10, 0.77756), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_upper_bound_of_a_rate(count: int, of: int, upper: float) -> None:
    # of none in n it is 1 - 0.05^(1/n); the others from the binomial sum P(X <= count) = 5 %
    assert Rate(count, of).upper_95 == pytest.approx(upper, abs=1e-5)
    if count < of:
        assert binom.cdf(count, of, upper) == pytest.approx(0.05, abs=1e-3)


def test_confidently_wrong_is_beyond_metres_and_sigmas() -> None:
    position, nees = np.array([6.0, 6.0, 4.0, 4.9, 70.0]), np.array([9.1, 8.9, 99.0, 1.0, 10.0])
    document = integrity(position, nees)
    assert document["confident_wrong"] == Rate(2, 5).to_json()
    assert (document["error_over_5m"]["count"], document["error_over_5m"]["share"]) == (3, 0.6)
    assert integrity(position[:0], nees[:0])["confident_wrong"]["share"] is None


def test_nothing_to_summarise() -> None:
    with pytest.raises(InputError, match="no sample"):
        summarise(pose_errors(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3, 3))), 0.0)


@pytest.mark.parametrize(("share", "dimensions", "quantile"), [(0.9, 1, 2.706), (0.9, 2, 4.605), (0.95, 3, 7.815)])
def test_quantiles_of_chi_square_are_those_of_the_tables(share: float, dimensions: int, quantile: float) -> None:
    assert chi_square(share, dimensions) == pytest.approx(quantile, abs=5e-4)
