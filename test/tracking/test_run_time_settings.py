"""Settings of the belief that are changed while it is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.tracking.particles import Particles
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig, TrackerConfig

DRIVE = sim.Drive()
HERE = SessionConfig(datum=DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude))


def ending(belief: BeliefConfig) -> PoseWithCovariance:
    """The last pose of a drive of 6 s, for whose last third the belief has these settings."""
    session = Session(HERE, lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    messages = list(sim.messages(DRIVE, 0.0, 6.0, np.random.default_rng(1)))
    sim.feed(session, [each for each in messages if sim.seconds_of(each[1]) < 4.0])
    session.set_config(replace(HERE, tracker=TrackerConfig(belief)))
    pose = sim.feed(session, [each for each in messages if sim.seconds_of(each[1]) >= 4.0])[-1].track.pose
    assert pose is not None
    return pose


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("particles", 2000),
        ("particles", 50),
        ("scale_std", 0.2),
        ("distance_noise", 0.5),
        ("yaw_noise", 0.1),
        ("turn_noise", 0.3),
        ("correlation_length", 20.0),
        ("outlier_depth", 4.5),
        ("fix_correlation", 0.1),
        ("fix_gate", 1.0),
    ],
)
def test_a_belief_that_is_held_goes_on_by_them(name: str, value: float) -> None:
    changed, kept = ending(replace(BeliefConfig(), **{name: value})), ending(BeliefConfig())
    assert np.abs(changed.covariance - kept.covariance).max() > 0.0
    assert np.hypot(changed.east - kept.east, changed.north - kept.north) < 3.0, "it goes on where it was"


@pytest.mark.parametrize("count", [50, 20000])
def test_more_or_fewer_particles_say_the_same(count: int) -> None:
    rng = np.random.default_rng(0)
    particles = Particles(rng.normal((3.0, -2.0, 0.5), (1.0, 2.0, 0.1), (2000, 3)), rng, 0.01)
    particles.squint = {"front": rng.normal(0.0, 0.02, 2000)}
    before = particles.moments()
    particles.resample(count)
    after = particles.moments()
    assert {len(each) for each in (particles.poses, particles.scale, particles.squint["front"])} == {count}
    np.testing.assert_allclose(after[0], before[0], atol=1.0)
    np.testing.assert_allclose(np.diag(after[1]), np.diag(before[1]), rtol=0.5)
