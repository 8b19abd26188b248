"""How good pose estimates are, and how honest their covariances."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, chdtri

from geoflow_ros.errors import InputError
from geoflow_ros.planar import rotate, wrap_angle

THRESHOLDS = (1.0, 3.0, 5.0)
"""Of the recalls: metres, and degrees for the yaw."""
COVERAGES = (0.50, 0.90, 0.95)
WRONG_M, WRONG_SIGMAS = 5.0, 3.0
"""An answer is confidently wrong that is further off than both."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseErrors:
    """Errors of N estimates, (N,) each: metres and radians.

    position: distance to the truth. longitudinal: error along the true heading, positive ahead of the truth;
    lateral: across it, positive to the left. yaw: counter-clockwise of the truth, in [-pi, pi). nees: squared
    Mahalanobis distance of the position error (2 degrees of freedom, so 2 on average if honest); yaw_nees: the
    same of the heading (1 degree of freedom).
    """

    position: NDArray[np.float64]
    longitudinal: NDArray[np.float64]
    lateral: NDArray[np.float64]
    yaw: NDArray[np.float64]
    nees: NDArray[np.float64]
    yaw_nees: NDArray[np.float64]


def squared_mahalanobis(errors: NDArray[np.float64], covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Mahalanobis distances (N,) of errors (N, D) with covariances (N, D, D)."""
    whitened = np.linalg.solve(covariances, errors[:, :, None])[:, :, 0]
    return np.asarray(np.einsum("ni,ni->n", errors, whitened))


def pose_errors(estimates: ArrayLike, truths: ArrayLike, covariances: ArrayLike) -> PoseErrors:
    """Errors of estimates (N, 3) with covariances (N, 3, 3) against truths (N, 3): east, north (m), yaw (rad)."""
    estimate, truth = np.asarray(estimates, dtype=np.float64), np.asarray(truths, dtype=np.float64)
    covariance = np.asarray(covariances, dtype=np.float64)
    east, north = error = (estimate - truth)[:, :2].T
    ahead, left = rotate(-truth[:, 2], error.T).T
    yaw = wrap_angle(estimate[:, 2] - truth[:, 2])
    return PoseErrors(
        position=np.hypot(east, north),
        longitudinal=ahead,
        lateral=left,
        yaw=yaw,
        nees=squared_mahalanobis(error.T, covariance[:, :2, :2]),
        yaw_nees=yaw**2 / covariance[:, 2, 2],
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of so many answers."""

    count: int
    of: int

    @property
    def upper_95(self) -> float:
        """What the rate is below with 95 % confidence, were the answers independent (Clopper and Pearson 1934)."""
        return 1.0 if self.count == self.of else float(betaincinv(self.count + 1, self.of - self.count, 0.95))

    def to_json(self) -> dict[str, Any]:
        """For `json.dump`; no share of nothing."""
        share = self.count / self.of if self.of else None
        return {"count": self.count, "of": self.of, "share": share, "upper_95": self.upper_95}


def confidently_wrong(position: NDArray[np.float64], nees: NDArray[np.float64]) -> Rate:
    """How many of N answers are beyond 5 m and 3 sigma; position (m) and nees: of `PoseErrors`, or some of them."""
    return Rate(int(((position > WRONG_M) & (nees > WRONG_SIGMAS**2)).sum()), position.size)


def integrity(position: NDArray[np.float64], nees: NDArray[np.float64]) -> dict[str, Any]:
    """`confident_wrong` and `error_over_5m` of N answers for `json.dump`, as `confidently_wrong` takes them."""
    beyond = Rate(int((position > WRONG_M).sum()), position.size)
    return {"confident_wrong": confidently_wrong(position, nees).to_json(), "error_over_5m": beyond.to_json()}


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """What a set of estimates comes to. Recalls are fractions below each of `THRESHOLDS`."""

    count: int
    mean_error_m: float
    median_error_m: float
    position_recall: tuple[float, ...]
    lateral_recall: tuple[float, ...]
    longitudinal_recall: tuple[float, ...]
    yaw_recall: tuple[float, ...]
    yaw_mean_deg: float
    yaw_median_deg: float
    nees_mean: float
    coverage_50: float
    coverage_90: float
    coverage_95: float
    ms_per_frame: float

    def to_json(self) -> dict[str, Any]:
        """The summary for `json.dump`, recalls keyed by their threshold: {"1": 0.5, "3": ..., "5": ...}."""
        values = asdict(self)
        for name, value in values.items():
            if name.endswith("_recall"):
                values[name] = {f"{threshold:g}": share for threshold, share in zip(THRESHOLDS, value, strict=True)}
        return values


def summarise(errors: PoseErrors, ms_per_frame: float) -> EvaluationSummary:
    """Summary of at least one estimate. ms_per_frame: time of localising one frame."""
    if errors.position.size == 0:
        raise InputError("there is nothing to summarise: the dataset gave no sample")
    yaw_deg = np.degrees(np.abs(errors.yaw))
    half, ninety, ninety_five = (coverage(errors.nees, share) for share in COVERAGES)
    return EvaluationSummary(
        count=int(errors.position.size),
        mean_error_m=float(errors.position.mean()),
        median_error_m=float(np.median(errors.position)),
        position_recall=_recall(errors.position),
        lateral_recall=_recall(np.abs(errors.lateral)),
        longitudinal_recall=_recall(np.abs(errors.longitudinal)),
        yaw_recall=_recall(yaw_deg),
        yaw_mean_deg=float(yaw_deg.mean()),
        yaw_median_deg=float(np.median(yaw_deg)),
        nees_mean=float(errors.nees.mean()),
        coverage_50=half,
        coverage_90=ninety,
        coverage_95=ninety_five,
        ms_per_frame=ms_per_frame,
    )


def _recall(magnitudes: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float((magnitudes < threshold).mean()) for threshold in THRESHOLDS)


def chi_square(share: float, dimensions: int) -> float:
    """The squared Mahalanobis distance within which `share` of the errors in so many dimensions lie."""
    return float(chdtri(dimensions, 1.0 - share))


def coverage(nees: NDArray[np.float64], share: float) -> float:
    """Fraction of the truths inside the ellipse that should hold `share` of them."""
    return float((nees <= chi_square(share, 2)).mean())
