"""Densities of places: information and probabilities worked out by hand for flat and Gaussian likelihoods."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.evaluate.place_density import CELL_M, PlaceDensity
from geoflow_ros.localization.pose import Likelihood, UniformPosePrior, of_base
from geoflow_ros.planar import PlanarPose

STILL = UniformPosePrior(10.0, -5.0, 0.0, reach_m=12.0, yaw_range=math.radians(10.0), sides=0.0)
ALONG = UniformPosePrior(10.0, -5.0, math.radians(60.0), reach_m=12.0, yaw_range=math.radians(10.0))


def gaussian(east: float, north: float, sigma: float) -> Likelihood:
    return lambda poses: -0.5 * ((poses[:, 0] - east) ** 2 + (poses[:, 1] - north) ** 2) / sigma**2


def flat(poses: np.ndarray) -> np.ndarray:
    return np.zeros(len(poses))


@pytest.mark.parametrize("prior", [STILL, ALONG])
def test_seeing_nothing_informs_of_nothing(prior: UniformPosePrior) -> None:
    density = PlaceDensity.of(flat, prior)
    for place in ((10.0, -5.0), (14.0, -1.0)):
        assert density.information_bits(place, 1.0) == pytest.approx(0.0, abs=1e-9)
    assert density.mean() == pytest.approx((10.0, -5.0), abs=1e-9)
    assert density.within((10.0, -5.0), 4.0) == pytest.approx(math.pi * 16 / 576, rel=0.05)


def test_information_of_a_gaussian_is_the_ratio_of_densities() -> None:
    sigma, label_sigma = 1.5, 1.0
    density = PlaceDensity.of(gaussian(11.0, -4.0, sigma), STILL)
    # the density of the sum of both errors, over one in 24 x 24 square metres
    expected = math.log2(576 / (2 * math.pi * (sigma**2 + label_sigma**2)))
    assert density.information_bits((11.0, -4.0), label_sigma) == pytest.approx(expected, abs=0.02)
    off = math.log2(math.e) * 9.0 / 2 / (sigma**2 + label_sigma**2)  # three metres beside it
    assert density.information_bits((14.0, -4.0), label_sigma) == pytest.approx(expected - off, abs=0.02)
    assert density.mean() == pytest.approx((11.0, -4.0), abs=0.02)
    assert density.within((11.0, -4.0), 3.0) == pytest.approx(1 - math.exp(-0.5 * 4), abs=0.02)


def test_a_label_s_error_is_part_of_what_its_distance_is_compared_with() -> None:
    sigma, label_sigma = 1.5, 2.0
    for prior in (STILL, ALONG):
        density = PlaceDensity.of(gaussian(11.0, -4.0, sigma), prior)
        assert density.nees((14.0, -4.0), label_sigma) == pytest.approx(9.0 / (sigma**2 + label_sigma**2), rel=0.02)


def test_labels_that_are_off_bound_what_the_truth_itself_would_score() -> None:
    sigma = 2.0
    bits, within = PlaceDensity.of(flat, STILL).ceiling((10.0, -5.0), sigma, 4.0)
    # the density at the label of a truth two standard deviations squared away on average, over one in 24 x 24 m^2
    assert bits == pytest.approx(math.log2(576 / (2 * math.pi * sigma**2)) - math.log2(math.e), abs=0.02)
    assert within == pytest.approx(1 - math.exp(-8.0 / sigma**2), abs=0.02)
    sharp, all_within = PlaceDensity.of(flat, ALONG).ceiling((10.0, -5.0), 0.5, 4.0)
    assert sharp == pytest.approx(math.log2(576 / (2 * math.pi * 0.25)) - math.log2(math.e), abs=0.1)
    assert all_within == pytest.approx(1.0)
    assert PlaceDensity.of(flat, ALONG).ceiling((10.0, -5.0), 1000.0, 4.0)[0] == pytest.approx(0.0, abs=1e-3)


def test_no_answer_scores_more_on_average_than_the_truth() -> None:
    sigma, label = 3.0, (14.0, -11.0)  # near a corner of the square
    rng = np.random.default_rng(0)
    truths = rng.normal(label, sigma, (600, 2))
    inside = truths[(np.abs(truths - (10.0, -5.0)) < 12.0).all(axis=1)]
    found = [
        [PlaceDensity.of(gaussian(*truth, std), STILL).information_bits(label, sigma) for truth in inside[:60]]
        for std in (0.3, 2.0)
    ]
    most, within = PlaceDensity.of(flat, STILL).ceiling(label, sigma, 4.0)
    exact, vague = np.mean(found, axis=1)
    assert exact == pytest.approx(most, abs=3 * np.std(found[0]) / math.sqrt(60)) and vague < exact
    assert within == pytest.approx(np.mean(np.hypot(*(inside - label).T) <= 4.0), abs=0.06)


def test_confidence_in_a_wrong_place_costs_more_than_knowing_nothing() -> None:
    assert PlaceDensity.of(gaussian(4.0, -10.0, 1.0), STILL).information_bits((15.0, 0.0), 1.0) < -20


def test_a_view_aside_is_read_where_it_looks() -> None:
    """A camera that looks left saw that its own yaw is 100 degrees: the vehicle's is 10."""

    def likelihood(poses: np.ndarray) -> np.ndarray:
        return -0.5 * ((poses[:, 2] - math.radians(100.0)) / 0.01) ** 2

    of_vehicle = of_base(likelihood, PlanarPose(yaw=math.radians(90.0)))
    poses = np.array([[0.0, 0.0, math.radians(10.0)], [0.0, 0.0, math.radians(12.0)]])
    assert of_vehicle(poses)[0] == pytest.approx(0.0, abs=1e-9) and of_vehicle(poses)[1] < -5


def test_a_square_along_the_heading_turns_with_it() -> None:
    density = PlaceDensity.of(flat, ALONG)
    corners = np.abs(density.axis) > 12.0
    assert corners.any()  # the grid reaches beyond the square, which lies aslant for some headings
    assert 0 < density.known[corners].sum() < 0.1 and density.known.max() == pytest.approx(CELL_M**2 / 576, rel=0.05)
