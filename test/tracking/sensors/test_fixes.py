"""Fixes to the centimetre, which few of the hypotheses are near to."""

from __future__ import annotations

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.prior import Fix, HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.sensors.fixes import FixFusion
from geoflow_ros.tracking.track import TrackerConfig

STD_YAW = 0.02  # rad


def weighed(seed: int, sigma: float, east: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance of a belief at the origin (0.3 m) after a fix so far east of it."""
    motions, config = MotionBuffer(), TrackerConfig()
    sensors = PriorBuffer(PriorConfig(), HeadingConfig(), sim.DATUM, motions)
    prior = PosePrior(0.0, 0.0, 0.0, np.diag([0.09, 0.09, STD_YAW**2]))
    belief = Belief.of_prior(config.belief, prior, sim.stamp(1.0), np.random.default_rng(seed))
    latitude, longitude, _ = sim.FRAME.to_geodetic([east, 0.0])
    fixes = FixFusion(sensors, motions, config.belief.fix_correlation)
    sensors.add_fix(Fix(sim.stamp(1.0), float(latitude), float(longitude), 0.0, sigma**2 * np.eye(2), 9.0))
    fixes.weigh(belief, config, True, 0.0)
    return belief.pose()


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.05])
def test_the_heading_is_not_that_of_the_few_hypotheses_at_the_fix(sigma: float) -> None:
    poses = [weighed(seed, sigma, east=0.25) for seed in range(20)]
    yaws, stds = np.array([mean[2] for mean, _ in poses]), np.sqrt([covariance[2, 2] for _, covariance in poses])
    assert np.sqrt(np.mean(yaws**2)) < 0.25 * STD_YAW  # a fix says nothing of it
    assert min(stds) > 0.75 * STD_YAW


def test_a_fix_to_the_centimetre_is_followed_all_the_same() -> None:
    mean, covariance = weighed(0, 0.02, east=0.25)
    assert mean[0] == pytest.approx(0.25 * 0.09 / (0.09 + 0.12**2), abs=0.03)
    assert np.sqrt(covariance[0, 0]) == pytest.approx(0.11, abs=0.02)
