"""Moments of particles that also hold what is not known of the cameras."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import Motion
from geoflow_ros.tracking.particles import Particles


def test_a_yaw_kept_as_stated_against_what_driving_says_widens_the_covariance() -> None:
    """Particles 1.0 to 3.0 m north whose camera looks half a hundredth of a radian further left for each of them."""
    north = np.linspace(1.0, 3.0, 101)
    particles = Particles(np.column_stack([np.zeros(101), north, np.zeros(101)]), np.random.default_rng(0))
    particles.squint = {"front": 0.005 * north}
    mean, covariance = particles.moments()
    assert mean == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)  # where it is if the camera looks as stated
    assert covariance[1, 1] == pytest.approx(np.mean(north**2), rel=1e-3)  # about there
    particles.turned |= {"front"}
    mean, covariance = particles.moments()
    assert mean == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)
    assert covariance[1, 1] == pytest.approx(np.var(north))


def test_a_heading_that_is_doubted_again_leaves_the_cameras_looking_where_they_do() -> None:
    rng = np.random.default_rng(1)
    yaw, squint = rng.normal(0.5, 0.001, 4000), rng.normal(-0.01, 0.002, 4000)
    particles = Particles(np.column_stack([np.zeros(4000), np.zeros(4000), yaw]), rng)
    particles.squint = {"front": squint}
    particles.draw_squint(0.026)
    looking = particles.poses[:, 2] + particles.squint["front"]
    np.testing.assert_allclose(looking, yaw + squint)
    assert particles.squint_moments("front") == pytest.approx((0.0, 0.026), abs=2e-3)


def test_whatever_changes_the_particles_changes_their_moments_at_once() -> None:
    """Each in the way of another method; none can be changed in place behind what is remembered of it."""
    rng, count = np.random.default_rng(2), 200
    particles = Particles(rng.normal(0.0, 1.0, (count, 3)), rng, 0.01)
    told = [particles.moments()]
    for change in (
        lambda: particles.doubt_squint({"front": 0.02, "left": 0.03}, ["front"]),
        lambda: particles.move(Motion(PlanarPose(1.0, 0.0, 0.1)), 0.1, 0.01),
        lambda: particles.reweight(-0.1 * np.square(particles.poses[:, 0])),
        lambda: particles.turn(np.tile([-0.1, 0.0, 0.2], (count, 1)), np.zeros((count, 3))),
        lambda: particles.replace_least(np.full((40, 3), 0.5), "left"),
        lambda: setattr(particles, "turned", frozenset({"front"})),
        lambda: particles.draw_squint(0.05),
        lambda: particles.resample(count),
        lambda: particles.reweight(np.where(particles.poses[:, 1] > 0.0, 0.0, -90.0)),
    ):
        assert particles.moments() is told[-1]
        change()
        told.append(particles.moments())
        fresh = Particles(particles.poses.copy(), rng)
        fresh.squint, fresh.turned, fresh.log_weights = particles.squint, particles.turned, particles.log_weights
        for remembered, made in zip(told[-1], fresh.moments(), strict=True):
            np.testing.assert_allclose(remembered, made, rtol=1e-9, atol=1e-12)
    assert len({mean.tobytes() for mean, _ in told}) == len(told)
    moments = (particles.poses, particles.log_weights, particles.scale, *particles.squint.values(), *told[-1])
    for array in (*moments, particles.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    with pytest.raises(TypeError):
        particles.squint["front"] = np.zeros(count)  # type: ignore[index] # which is what is tested
