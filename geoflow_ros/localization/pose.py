"""What goes into the localiser and what comes out: prior, estimate, or the reason there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, compose
from geoflow_ros.satellite.patch import SatellitePatch

Likelihood = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Log likelihood (N,) of a frame at poses (N, 3) of east, north (m), yaw (rad), up to a constant."""
MOUNT_GAIN = 2.0
"""By how much more a frame says of a mount than its likelihood does, which is flatter in the mount than its errors
scatter: by a factor of 5 of the information among frames far from each other, of which nearby ones leave a part."""

NEARLY_SINGULAR = 1e-6  # what is left of a variance, once the others are known


def position_std(covariance: NDArray[np.float64]) -> float:
    """Largest standard deviation of the position in any direction, from a covariance of (east, north, ...)."""
    east, cross, north = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    # The larger eigenvalue, by hand: this is asked several times a frame.
    return math.sqrt((east + north) / 2 + math.hypot((east - north) / 2, cross))


@dataclass(frozen=True, slots=True, eq=False)
class PoseWithCovariance:
    """A pose in the `map` frame: metres, radians; covariance (3, 3) of (east, north, yaw)."""

    east: float
    north: float
    yaw: float
    covariance: NDArray[np.float64]

    @property
    def planar(self) -> PlanarPose:
        """The pose alone."""
        return PlanarPose(self.east, self.north, self.yaw)


def of_base(of_camera: Likelihood, mount: PlanarPose) -> Likelihood:
    """The likelihood of base_link poses from that of the poses of a camera that is mounted so."""
    return lambda poses: of_camera(compose(poses, mount.array()))


P = TypeVar("P", bound=PoseWithCovariance)


@dataclass(frozen=True, slots=True, eq=False)
class PosePrior(PoseWithCovariance):
    """Where base_link is believed to be before looking; the covariance is symmetric positive definite."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.east) and math.isfinite(self.north) and math.isfinite(self.yaw)):
            raise InputError(f"prior ({self.east}, {self.north}, {self.yaw}) is not finite")
        entries: list[list[float]] = self.covariance.tolist()
        if self.covariance.shape != (3, 3) or not all(map(math.isfinite, chain(*entries))):
            raise InputError(f"prior covariance {entries} is not a finite 3 x 3 matrix")
        if not _is_positive_definite(entries):
            raise InputError(f"prior covariance {entries} is not positive definite")


def _is_positive_definite(covariance: list[list[float]]) -> bool:
    """Whether a symmetric 3 x 3 matrix is: by hand, its Cholesky factors, which numpy takes ten times as long for.

    Of one that is nearly singular the last digits decide, and numpy's are those that count where poses are drawn.
    """
    (first, _, _), (cross, second, _), (*crosses, third) = covariance
    if first <= 0.0 or (rest := second - cross / first * cross) <= 0.0:
        return False
    # Divided first, and no powers: of very small and very large numbers squares are zero, or an OverflowError.
    left = crosses[1] - crosses[0] / first * cross
    last = third - crosses[0] / first * crosses[0] - left / rest * left
    if not last > 0.0:  # nan, too
        return False
    if rest > NEARLY_SINGULAR * second and last > NEARLY_SINGULAR * third:
        return True
    try:
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class UniformPosePrior:
    """Where a camera is believed to be, no pose within the bounds likelier than another: `map` frame, metres, radians.

    From the camera, the point (east, north) is at most `reach_m` ahead or behind and at most `reach_m` to the left or
    right: a square along the camera's own heading, as published protocols shift their images. sides: for a square that
    lies still, the direction of its sides. The heading is within `yaw_range` of `yaw` to either side.
    """

    east: float
    north: float
    yaw: float
    reach_m: float
    yaw_range: float
    sides: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PoseEstimate(PoseWithCovariance):
    """Where base_link is, with everything needed to draw it.

    hypotheses: (N, 3) refined base_link poses, same axes;
    weights: (N,) summing to 1. density_source: `density`, or what computes it, since few frames are drawn.
    patch: the satellite patch that was searched. match: probability that the frame was taken within it at all; 1 from
    a network that cannot tell. log_likelihood: of the frame alone, without the prior, at base_link poses, over that of
    a frame that tells no place from another; None from a network that has no density.
    """

    hypotheses: NDArray[np.float64]
    weights: NDArray[np.float64]
    density_source: NDArray[np.float32] | Callable[[], NDArray[np.float32]]
    density_size_m: float
    patch: SatellitePatch
    match: float = 1.0
    log_likelihood: Likelihood | None = None

    @property
    def density(self) -> NDArray[np.float32]:
        """(D, D) probability of the position, summing to 1: rows along the patch's v, columns along its u.

        It covers the central square of the patch, `density_size_m` wide. Computed anew whenever it is asked for.
        """
        return self.density_source() if callable(self.density_source) else self.density_source


def moved(pose: P, by: PlanarPose) -> P:
    """The same with the place, heading and covariance of what is at `by` in the axes of the pose."""
    there, covariance = carried(pose, by)
    return replace(pose, east=there.x, north=there.y, yaw=there.yaw, covariance=covariance)


def carried(pose: PoseWithCovariance, by: PlanarPose) -> tuple[PlanarPose, NDArray[np.float64]]:
    """Pose and covariance of what is at `by` in the axes of the pose."""
    there = pose.planar @ by
    # As `lever_jacobian` on both sides, by hand: numpy's calls on single poses take longer than all else here.
    right, up = pose.north - there.y, there.x - pose.east
    (xx, xy, xh), (yx, yy, yh), (hx, hy, hh) = pose.covariance.tolist()
    xh, yh = xh + right * hh, yh + up * hh
    of_x = [xx + right * (hx + xh), xy + right * hy + up * xh, xh]
    of_y = [yx + up * hx + right * yh, yy + up * (hy + yh), yh]
    return there, np.array([of_x, of_y, [hx + right * hh, hy + up * hh, hh]])


@dataclass(frozen=True, slots=True)
class Rejection:
    """No estimate, and why: one sentence for the diagnostics.

    is_blind: the camera shows nothing, which says nothing of the place. withheld: what a frame says that is not to be
    trusted alone; with others it may.
    """

    reason: str
    is_blind: bool = False
    withheld: PoseEstimate | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MountEvidence:
    """A frame read through a mount.

    log_likelihood: of the frame, averaged over the prior of the pose, up to a constant that is the same for all mounts.
    match: probability that the frame was taken within the patch. place: (2,) where the camera most likely is, forward
    and left (m) of the prior's mean.
    """

    log_likelihood: float
    match: float
    place: NDArray[np.float64]
