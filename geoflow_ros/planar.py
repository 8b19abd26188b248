"""Poses in the plane, SE(2): x, y in metres, yaw in radians counter-clockwise from +x; single or in arrays (..., 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Angle = TypeVar("Angle", float, NDArray[np.float64])
Floats = NDArray[np.float64]


def wrap_angle(angle: Angle) -> Angle:
    """The same angle (rad), or array of angles, in [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def rotated_covariance(yaw: float, covariance: Floats) -> Floats:
    """The covariance (2, 2) of vectors that are rotated counter-clockwise by `yaw`."""
    return rotate(yaw, rotate(yaw, covariance).T)


def rotate(yaw: ArrayLike, vectors: ArrayLike) -> Floats:
    """Vectors (..., 2) rotated counter-clockwise by `yaw` (...)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    x, y, cos, sin = vectors[..., 0], vectors[..., 1], np.cos(yaw), np.sin(yaw)
    along = np.asarray(cos * x - sin * y)
    rotated = np.empty((*along.shape, 2))
    rotated[..., 0], rotated[..., 1] = along, sin * x + cos * y
    return rotated


def compose(poses: ArrayLike, others: ArrayLike) -> Floats:
    """Poses (..., 3): `others`, which are given in the frames that `poses` are, in the frame of `poses`.

    The yaw is the sum of both, not wrapped.
    """
    poses, others = np.asarray(poses, dtype=np.float64), np.asarray(others, dtype=np.float64)
    x, y, yaw = others[..., 0], others[..., 1], poses[..., 2]
    cos, sin = np.cos(yaw), np.sin(yaw)
    # Column by column: over pairs and triples, numpy takes twice as long.
    along = np.asarray(poses[..., 0] + (cos * x - sin * y))
    composed = np.empty((*along.shape, 3))
    composed[..., 0], composed[..., 1] = along, poses[..., 1] + (sin * x + cos * y)
    composed[..., 2] = yaw + others[..., 2]
    return composed


@dataclass(frozen=True, slots=True)
class PlanarPose:
    """Where a frame is in another: x, y (m) of its origin, yaw (rad) of its x axis. In `map`, x is east and y north.

    The rules are those of transforms: `a @ b` is b, given in a's frame, in the frame that a is given in.
    """

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0

    def __matmul__(self, other: PlanarPose) -> PlanarPose:
        # Not by `rotate`: of single numbers, calling numpy takes twenty times as long as the arithmetic.
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        x, y = self.x + cos * other.x - sin * other.y, self.y + sin * other.x + cos * other.y
        return PlanarPose(x, y, wrap_angle(self.yaw + other.yaw))

    def inverse(self) -> PlanarPose:
        """Where the other frame is in this one."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return PlanarPose(-cos * self.x - sin * self.y, sin * self.x - cos * self.y, wrap_angle(-self.yaw))

    def act(self, points: ArrayLike) -> Floats:
        """Points (..., 2) of this frame in the other one."""
        return rotate(self.yaw, points) + (self.x, self.y)

    def into(self, points: ArrayLike) -> Floats:
        """Points (..., 2) of the other frame in this one; the inverse of `act`."""
        return rotate(-self.yaw, np.asarray(points, dtype=np.float64) - (self.x, self.y))

    def array(self) -> Floats:
        """(3,) x, y, yaw."""
        return np.array([self.x, self.y, self.yaw])


def lever_jacobian(lever: ArrayLike) -> Floats:
    """(3, 3) derivative of a pose moved by a lever arm (2,) that rotates with it, in the axes the pose is given in."""
    jacobian = np.eye(3)
    x, y = np.asarray(lever, dtype=np.float64)
    jacobian[:2, 2] = -y, x
    return jacobian
