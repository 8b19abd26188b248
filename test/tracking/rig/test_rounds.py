"""Frames that come one after the other weigh as one observation: by the formula for all at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.localization.pose import Likelihood
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.particles import Particles
from geoflow_ros.tracking.rig.combination import observed
from geoflow_ros.tracking.rig.rounds import Member, Round

HERE, DEPTH = PlanarPose(), 6.0
POSES = np.column_stack([np.linspace(-8.0, 8.0, 161), np.zeros(161), np.zeros(161)])
NOWHERE_BETTER = np.zeros((1, 3))


def gaussian(east: float, sigma: float = 1.0) -> Likelihood:
    return lambda poses: 4.0 - 0.5 * ((poses[:, 0] - east) / sigma) ** 2


def member(camera: str, east: float, lag: PlanarPose = HERE, part: float = 1.0, match: float = 3.0) -> Member:
    return Member(camera, gaussian(east), lag, part, match)


def added(frames: list[Member], shares: list[float], gone: PlanarPose = HERE) -> NDArray[np.float64]:
    """The log weights (N,) after these frames, the vehicle having gone on before the last."""
    particles, together = Particles(POSES.copy(), np.random.default_rng(0)), Round()
    total = np.zeros(len(POSES))
    for index, (each, share) in enumerate(zip(frames, shares, strict=True)):
        if index == len(frames) - 1:
            together.move(gone)
        fit = each.fit(particles, NOWHERE_BETTER)
        total += together.add(each, fit, share, DEPTH, particles, NOWHERE_BETTER)
    return total


def at_once(easts: list[float], share: float) -> NDArray[np.float64]:
    return observed(np.stack([gaussian(east)(POSES) for east in easts]), [3.0] * len(easts), share, DEPTH)


def test_three_cameras_one_by_one_are_three_at_once() -> None:
    frames = [member(name, east) for name, east in (("front", 0.0), ("left", 1.0), ("rear", 4.0))]
    assert added(frames, [1.0, 2 / 3, 0.5]) == pytest.approx(at_once([0.0, 1.0, 4.0], 0.5), abs=1e-9)


def test_a_camera_s_next_frame_begins_another_round() -> None:
    frames = [member(name, east) for name, east in (("front", 0.0), ("left", 1.0), ("front", 2.0))]
    both = at_once([0.0, 1.0], 0.5) + at_once([2.0], 0.5)
    assert added(frames, [1.0, 0.5, 0.5]) == pytest.approx(both, abs=1e-9)


def test_a_frame_of_before_is_moved_along() -> None:
    """Taken 2 m further back, where it saw the vehicle at -2 m."""
    frames = [member("front", -2.0), member("left", 0.0)]
    assert added(frames, [0.5, 0.5], PlanarPose(2.0)) - at_once([-2.0], 0.5) == pytest.approx(
        at_once([0.0, 0.0], 0.5) - at_once([0.0], 0.5), abs=1e-9
    )


def test_what_says_nothing_new_changes_nothing() -> None:
    assert added([member("front", 0.0, part=0.0)], [1.0]) == pytest.approx(np.zeros(len(POSES)))
    half = added([member("front", 0.0, part=0.5)], [1.0])
    assert half == pytest.approx(0.5 * at_once([0.0], 1.0))


@pytest.mark.parametrize(("lean", "share"), [(0.0, 1.0), (0.0, 0.3), (0.1, 1.0), (-0.1, 0.3)])
def test_headings_drawn_anew_leave_each_place_as_likely_as_it_was(lean: float, share: float) -> None:
    """lean: radians of heading that a frame takes for a metre to the side."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0.0, 1.0, (4000, 3)) * (0.3, 0.3, 0.06) + (0.0, 0.0, np.pi)
    particles = Particles(poses, rng)

    def likelihood(poses: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = np.mod(poses[:, 2] - 0.03 + lean * poses[:, 1], 2 * np.pi) - np.pi
        return 5.0 - 0.5 * (turned / 0.02) ** 2 - 0.5 * ((poses[:, 0] - 0.8) / 0.5) ** 2

    Member("front", likelihood, HERE, 0.0, 4.0).turn(particles, share, DEPTH)
    assert np.array_equal(particles.poses[:, :2], poses[:, :2]) and not particles.log_weights.any()
    turned = np.mod(particles.poses[:, 2], 2 * np.pi) - np.pi
    expected = 0.03 - lean * poses[:, 1]
    assert 0.01 < turned.mean() < 0.035 and turned.std() < 0.05
    assert np.corrcoef(turned, expected)[0, 1] > 0.1 or not lean
