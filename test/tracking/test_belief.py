"""Particles: what frames, fixes and driving do to them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.motion import NO_MOTION, Motion
from geoflow_ros.tracking.particles import Particles
from geoflow_ros.tracking.track import BeliefConfig

CONFIG = BeliefConfig(particles=2000)
TRUTH = np.array([10.0, -5.0, 3.1])


def stated(std: float = 2.0, std_yaw: float = 0.1, config: BeliefConfig = CONFIG) -> Belief:
    prior = PosePrior(*map(float, TRUTH), np.diag([std**2, std**2, std_yaw**2]))
    return Belief.of_prior(config, prior, 0, np.random.default_rng(0))


def std_of(belief: Belief) -> float:
    return math.sqrt(belief.pose()[1][0, 0])


def test_moments_are_those_of_the_weights_and_yaw_wraps() -> None:
    rng = np.random.default_rng(1)
    poses, weights = rng.normal(0.0, 1.0, (50, 3)) * (2.0, 1.0, 0.1), rng.uniform(0.1, 1.0, 50)
    poses[:, 2] += math.pi  # half of them on the far side of the cut
    particles = Particles(poses.copy(), rng)
    assert np.abs(particles.poses[:, 2]).max() <= math.pi
    particles.log_weights = np.log(weights)
    mean, covariance = particles.moments()
    assert covariance == pytest.approx(np.cov(poses.T, aweights=weights, ddof=0))
    expected = np.average(poses, axis=0, weights=weights)
    assert mean[:2] == pytest.approx(expected[:2])
    assert math.cos(mean[2] - expected[2]) == pytest.approx(1.0)


def test_a_disagreement_that_no_frame_could_reach_is_refused() -> None:
    BeliefConfig(outlier_depth=5.0, disagreement=4.9)
    for depth, disagreement in ((6.0, 9.0), (3.0, 4.0), (4.0, 4.0)):
        with pytest.raises(InputError, match=f"is {disagreement:g}, expected less than .* which is {depth:g}"):
            BeliefConfig(outlier_depth=depth, disagreement=disagreement)


def test_resampling_keeps_mean_and_covariance() -> None:
    rng = np.random.default_rng(2)
    particles = Particles(rng.normal(0.0, 1.0, (5000, 3)) * (3.0, 1.0, 0.2), rng)
    particles.log_weights = -0.5 * np.square(particles.poses[:, 0] - 2.0)
    before, spread = particles.moments()
    particles.reweight(np.where(particles.poses[:, 0] > 1.0, 0.0, -50.0))
    assert np.ptp(particles.log_weights) == 0.0  # resampled
    kept = particles.poses[:, 0] > 0.7
    assert kept.mean() > 0.99
    after, _ = particles.moments()
    assert after[1:] == pytest.approx(before[1:], abs=0.06)


def test_frames_far_apart_narrow_the_belief_as_independent_measurements_do() -> None:
    belief, variance = stated(std=0.8, std_yaw=0.03), 0.8**2
    for tick in range(8):
        belief.advance(tick + 1, Motion(distance=2.0), 0.0)
        belief.see(sim.estimate(TRUTH, 0.5, 0.02))
        variance = 1 / (1 / (variance + 2.0 * 0.03**2) + 1 / 0.25)  # a Kalman filter's
    assert std_of(belief) == pytest.approx(math.sqrt(variance), rel=0.15)
    assert belief.pose()[0] == pytest.approx(TRUTH, abs=0.1)


def test_a_standing_vehicle_gains_no_confidence() -> None:
    belief = stated()
    belief.see(sim.estimate(TRUTH, 0.5, 0.02))
    after_one = std_of(belief)
    for tick in range(200):
        belief.advance(tick + 1, NO_MOTION, 5.0)
        belief.see(sim.estimate(TRUTH, 0.5, 0.02))
    assert std_of(belief) == pytest.approx(after_one, rel=1e-9)


def test_turning_on_the_spot_makes_the_heading_uncertain_and_its_frames_count() -> None:
    belief, variance = stated(std=0.8, std_yaw=0.01), 0.8**2
    for tick in range(6):  # to and fro, by the correlation angle each
        turn = 0.5 if tick % 2 else -0.5
        belief.advance(tick + 1, Motion(PlanarPose(yaw=turn), turned=0.5), 0.0)
        belief.see(sim.estimate(TRUTH + (0.0, 0.0, turn if tick % 2 == 0 else 0.0), 0.5, 10.0))
        variance = 1 / (1 / variance + 1 / 0.25)
    assert std_of(belief) == pytest.approx(math.sqrt(variance), rel=0.15)
    assert math.sqrt(belief.pose()[1][2, 2]) == pytest.approx(math.sqrt(0.01**2 + 3.0 * 0.01**2), rel=0.1)


def test_a_little_turning_is_a_little_new() -> None:
    turned, standing = stated(std=0.8), stated(std=0.8)
    for belief, angle in ((turned, 0.1), (standing, 0.0)):
        belief.see(sim.estimate(TRUTH, 0.5, 10.0))
        belief.advance(1, Motion(PlanarPose(yaw=angle), turned=angle), 0.0)
        belief.see(sim.estimate(TRUTH, 0.5, 10.0))
    once = 1 / (1 / 0.64 + 1 / 0.25)
    assert std_of(standing) == pytest.approx(math.sqrt(once), rel=0.1)
    assert std_of(turned) == pytest.approx(math.sqrt(1 / (1 / once + 0.2 / 0.25)), rel=0.1)
    assert std_of(turned) < 0.97 * std_of(standing)


def test_a_late_frame_counts_where_it_was_taken() -> None:
    on_time, late = stated(), stated()
    way = Motion(PlanarPose(4.0, yaw=0.1), distance=4.0)
    on_time.see(sim.estimate(TRUTH + (0.5, 0.3, 0.0), 0.5, 0.02))
    on_time.advance(1, way, 0.0)
    late.advance(1, way, 0.0)
    late.see(sim.estimate(TRUTH + (0.5, 0.3, 0.0), 0.5, 0.02), way.inverse())
    assert late.pose()[0] == pytest.approx(on_time.pose()[0], abs=0.1)


def test_driving_without_frames_makes_uncertain() -> None:
    belief = stated(std=0.1, std_yaw=0.001)
    for tick in range(100):
        belief.advance(tick + 1, Motion(PlanarPose(1.0), distance=1.0), 0.0)
    mean, covariance = belief.pose()
    # 100 m towards the west: a scale known to 4 % along, and across what the heading's walk integrates to
    assert mean[0] == pytest.approx(TRUTH[0] + 100 * math.cos(3.1), abs=1.0)
    assert math.sqrt(covariance[0, 0]) == pytest.approx(4.0, rel=0.1)
    assert math.sqrt(covariance[1, 1]) == pytest.approx(0.004 * math.sqrt(100**3 / 3), rel=0.15)


@pytest.mark.parametrize("step", [0.87, 0.94, 1.03, 1.12])
def test_odometry_that_is_always_too_long_or_too_short_is_found_out(step: float) -> None:
    belief, at = stated(std=0.1, std_yaw=0.01), TRUTH.copy()
    for tick in range(150):
        at = at + (math.cos(TRUTH[2]), math.sin(TRUTH[2]), 0.0)
        belief.advance(tick + 1, Motion(PlanarPose(step), distance=step), 0.0)
        belief.see(sim.estimate(at, 0.5, 0.02))
    assert belief._particles.scale.mean() == pytest.approx(1 / step, abs=0.02)
    assert abs(belief.pose()[0][0] - at[0]) < 0.4


def test_unknown_motion_spreads_by_the_speed_it_may_have() -> None:
    belief = stated(std=0.1)
    belief.advance(1, Motion(unknown_s=0.5), 5.0)
    assert std_of(belief) == pytest.approx(2 * 2.5, rel=0.1)


def test_a_fix_far_off_is_refused_and_one_nearby_counts_little() -> None:
    belief, covariance = stated(), 36.0 * np.eye(2)
    before = belief.pose()
    assert belief.weigh_fix(TRUTH[:2] + (100.0, 0.0), covariance, 1, NO_MOTION) == pytest.approx(10000 / 40, rel=0.1)
    assert belief.pose()[0] == pytest.approx(before[0])
    for stamp in range(2, 12):
        assert belief.weigh_fix(TRUTH[:2] + (6.0, 0.0), covariance, stamp, NO_MOTION) < CONFIG.fix_gate
    # ten fixes within nanoseconds are one: 2 m beside 6 m, pulled by 6 m * 4 / (4 + 36)
    assert belief.pose()[0][0] - before[0][0] == pytest.approx(0.6, abs=0.25)


@pytest.mark.parametrize("is_standing", [True, False])
@pytest.mark.parametrize(("std", "std_yaw"), [(1.5, 0.1), (4.0, 0.03)])
def test_a_belief_is_as_wide_as_the_frame_it_began_with(std: float, std_yaw: float, is_standing: bool) -> None:
    frame = sim.estimate(TRUTH, std, std_yaw)
    frame = replace(frame, hypotheses=np.random.default_rng(3).normal(TRUTH, (std, std, std_yaw), (500, 3)))
    frame = replace(frame, weights=np.full(500, 1 / 500))
    belief = Belief.of_frame(CONFIG, frame, 0, np.random.default_rng(0))
    # half of the particles stand around hypotheses, scattered by 0.7 m and 0.03 rad more
    expected = np.array([std, std, std_yaw]) ** 2 + np.array([0.7, 0.7, 0.03]) ** 2 / 2
    assert np.diag(belief.pose()[1]) == pytest.approx(expected, rel=0.12)
    if is_standing:  # the same view once more says nothing new
        belief.advance(1, NO_MOTION, 5.0)
        belief.see(frame)
        assert np.diag(belief.pose()[1]) == pytest.approx(expected, rel=0.12)
    else:
        belief.advance(1, Motion(PlanarPose(2.0), distance=2.0), 0.0)
        belief.see(sim.estimate(TRUTH + (2 * math.cos(TRUTH[2]), 2 * math.sin(TRUTH[2]), 0.0), std, std_yaw))
        narrowed = expected[:2] * std**2 / (expected[:2] + std**2)
        assert np.diag(belief.pose()[1])[:2] == pytest.approx(narrowed, rel=0.2)


def test_a_frame_that_disagrees_brings_hypotheses_of_its_own() -> None:
    belief = stated(std=0.5, std_yaw=0.02)
    elsewhere = TRUTH + (8.0, 0.0, 0.0)
    for tick in range(6):
        belief.advance(tick + 1, Motion(distance=1.0), 0.0)
        belief.see(sim.estimate(elsewhere, 0.5, 0.02))
    assert belief.pose()[0] == pytest.approx(elsewhere, abs=0.5)


def test_a_network_without_density_is_weighed_by_its_estimate() -> None:
    belief = stated()
    frame = replace(sim.estimate(TRUTH + (1.0, 0.0, 0.0), 0.5, 0.02), log_likelihood=None)
    belief.see(frame)
    assert belief.pose()[0][0] == pytest.approx(TRUTH[0] + 1.0 * 4.0 / 4.25, abs=0.1)


def test_a_yaw_that_driving_tolerates_stays_and_is_as_uncertain_as_driving_would_have_it_otherwise() -> None:
    belief, tenth = stated(), math.radians(0.1)
    belief.doubt_yaw({"front": 2 * tenth})
    belief._way[0] = 1e6  # so far that it does not matter what its ends err
    spread = belief._particles.squint["front"] - belief._particles.squint["front"].mean()
    spread *= 2 * tenth / spread.std()
    # 0.2 deg of chance and 0.2 deg that all frames err alike: 0.7 deg is a chi-square of 6.1, 0.75 deg of 7.0.
    for degrees, expected in ((0.7, (0.0, math.hypot(7.0, 2.0) * tenth)), (-0.75, (-7.5 * tenth, 2 * tenth))):
        belief._particles.squint = {"front": spread + math.radians(degrees)}
        assert belief.take_squint("front", 2 * tenth) == pytest.approx(expected)
    assert belief.take_squint("front", 2 * tenth) == pytest.approx((0.0, 2 * tenth))  # and from now on however little
    belief._particles.squint = {"front": spread + tenth}
    assert belief.take_squint("front", 2 * tenth) == pytest.approx((tenth, 2 * tenth))
