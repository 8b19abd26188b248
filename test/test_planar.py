"""Poses in the plane: values by hand, the group's laws as properties, the Jacobian by differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.planar import PlanarPose, compose, lever_jacobian, rotate, wrap_angle

METRES = st.floats(-1e3, 1e3)
POSES = st.builds(PlanarPose, METRES, METRES, st.floats(-math.pi, math.pi, exclude_max=True))


def same(a: PlanarPose, b: PlanarPose) -> bool:
    """Equal but for rounding; yaw by its direction."""
    return math.hypot(a.x - b.x, a.y - b.y) < 1e-8 and abs(wrap_angle(a.yaw - b.yaw)) < 1e-12


def test_by_hand() -> None:
    north = PlanarPose(10.0, 20.0, math.pi / 2)  # looks north: ahead is +y, left is -x
    assert north.act((3.0, 1.0)) == pytest.approx((9.0, 23.0))
    assert north.into((9.0, 23.0)) == pytest.approx((3.0, 1.0))
    ahead_and_about = north @ PlanarPose(3.0, 1.0, math.pi)
    assert (ahead_and_about.x, ahead_and_about.y) == pytest.approx((9.0, 23.0))
    assert ahead_and_about.yaw == pytest.approx(-math.pi / 2)
    assert rotate(math.pi / 2, [[1.0, 0.0], [0.0, 1.0]]) == pytest.approx(np.array([[0.0, 1.0], [-1.0, 0.0]]))


def matrix(pose: PlanarPose) -> np.ndarray:
    """Homogeneous (3, 3)."""
    cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
    return np.array([[cos, -sin, pose.x], [sin, cos, pose.y], [0.0, 0.0, 1.0]])


@given(POSES, POSES)
def test_poses_agree_with_matrices(a: PlanarPose, b: PlanarPose) -> None:
    assert matrix(a @ b) == pytest.approx(matrix(a) @ matrix(b), abs=1e-8)
    assert matrix(a.inverse()) == pytest.approx(np.linalg.inv(matrix(a)), abs=1e-8)


@given(POSES, POSES, POSES)
def test_group(a: PlanarPose, b: PlanarPose, c: PlanarPose) -> None:
    assert same(a @ a.inverse(), PlanarPose()) and same(a.inverse() @ a, PlanarPose())
    assert same((a @ b) @ c, a @ (b @ c))
    assert (a @ b).act((1.0, 2.0)) == pytest.approx(a.act(b.act((1.0, 2.0))), abs=1e-8)


@given(st.lists(POSES, min_size=1, max_size=4), POSES)
def test_arrays_do_as_single_poses_do(poses: list[PlanarPose], other: PlanarPose) -> None:
    composed = compose([pose.array() for pose in poses], other.array())
    for row, pose in zip(composed, poses, strict=True):
        assert same(PlanarPose(*row.tolist()), pose @ other)


@given(POSES, METRES, METRES)
def test_jacobian_of_a_lever_arm(pose: PlanarPose, forward: float, left: float) -> None:
    def end(x: float, y: float, yaw: float) -> np.ndarray:
        return compose((x, y, yaw), (forward, left, 0.0))

    step, around = 1e-6, pose.array()
    columns = [(end(*(around + d)) - end(*(around - d))) / (2 * step) for d in step * np.eye(3)]
    expected = lever_jacobian(rotate(pose.yaw, (forward, left)))
    assert np.column_stack(columns) == pytest.approx(expected, rel=1e-5, abs=1e-3)
