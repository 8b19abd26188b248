"""Moments of particles that also hold what is not known of the cameras."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.tracking.particles import Particles


def test_a_yaw_kept_as_stated_against_what_driving_says_widens_the_covariance() -> None:
    """Particles 1.0 to 3.0 m north whose camera looks half a hundredth of a radian further left for each of them."""
    north = np.linspace(1.0, 3.0, 101)
    particles = Particles(np.column_stack([np.zeros(101), north, np.zeros(101)]), np.random.default_rng(0))
    particles.squint["front"] = 0.005 * north
    mean, covariance = particles.moments()
    assert mean == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)  # where it is if the camera looks as stated
    assert covariance[1, 1] == pytest.approx(np.mean(north**2), rel=1e-3)  # about there
    particles.turned.add("front")
    mean, covariance = particles.moments()
    assert mean == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)
    assert covariance[1, 1] == pytest.approx(np.var(north))


def test_a_heading_that_is_doubted_again_leaves_the_cameras_looking_where_they_do() -> None:
    rng = np.random.default_rng(1)
    yaw, squint = rng.normal(0.5, 0.001, 4000), rng.normal(-0.01, 0.002, 4000)
    particles = Particles(np.column_stack([np.zeros(4000), np.zeros(4000), yaw]), rng)
    particles.squint["front"] = squint
    particles.draw_squint(0.026)
    looking = particles.poses[:, 2] + particles.squint["front"]
    np.testing.assert_allclose(looking, yaw + squint)
    assert particles.squint_moments("front") == pytest.approx((0.0, 0.026), abs=2e-3)
