"""What the cameras of a rig say together of the place where they are: the density that the heatmap shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.evidence.frame_evidence import match_evidence
from geoflow_ros.tracking.motion import NO_MOTION, Motion, MotionBuffer
from geoflow_ros.tracking.rig.combination import Frame, joint, likelihood_of
from geoflow_ros.tracking.track import BeliefConfig

Floats = NDArray[np.float64]
CELLS, HEADINGS = 64, 5
TOGETHER_NS = 10**9  # what is further apart in time is no view of one moment, though the vehicle stands


@dataclass(frozen=True, slots=True, eq=False)
class JointView:
    """Frames of several cameras, the newest last, each with the motion from the newest one's stamp to its own."""

    frames: tuple[tuple[PoseEstimate, Motion], ...]
    config: BeliefConfig

    def estimate(self, prior: PosePrior) -> PoseEstimate:
        """Where base_link is at the newest stamp: the newest frame's estimate, its place and density those of all."""
        newest = self.frames[-1][0]
        places = _cells(newest)
        offsets = np.quantile(wrap_angle(newest.hypotheses[:, 2] - newest.yaw), np.linspace(0.1, 0.9, HEADINGS))
        yaws = np.repeat(newest.yaw + offsets, len(places))
        poses = np.column_stack([np.tile(places, (HEADINGS, 1)), yaws])
        config, frames = self.config, [_frame(*each) for each in self.frames]
        together = joint(frames, config.camera_correlation, config.outlier_depth)
        log_density = together(poses) + _log_prior(prior, poses)
        density = softmax(logsumexp(log_density.reshape(HEADINGS, -1), axis=0))
        mean = density @ places
        covariance = newest.covariance.copy()
        covariance[:2, 2] = covariance[2, :2] = 0.0
        covariance[:2, :2] = (density * (places - mean).T) @ (places - mean)
        covariance[:2, :2] += np.eye(2) * (newest.density_size_m / CELLS) ** 2 / 12
        image = density.reshape(CELLS, CELLS).astype(np.float32)
        return replace(newest, east=float(mean[0]), north=float(mean[1]), covariance=covariance, density_source=image)


class RigFrames:
    """Remembers the newest frame of each camera."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, PoseEstimate]] = {}

    def add(self, camera: str, stamp_ns: int, estimate: PoseEstimate) -> None:
        """What a camera's frame says."""
        self._newest.pop(camera, None)
        self._newest[camera] = stamp_ns, estimate

    def copy(self) -> RigFrames:
        """What is remembered now, to be asked later."""
        copied = RigFrames()
        copied._newest = dict(self._newest)
        return copied

    def together(self, motions: MotionBuffer, config: BeliefConfig) -> JointView | None:
        """The newest frame, with those that others took at its time within `correlation_length` of its place.

        None where there is no other.
        """
        if not self._newest:
            return None
        *others, (now_ns, newest) = self._newest.values()
        lags = [(each, motions.between(now_ns, stamp_ns)) for stamp_ns, each in others
                if abs(now_ns - stamp_ns) <= TOGETHER_NS]  # fmt: skip
        near = [(each, lag) for each, lag in lags if lag.distance < config.correlation_length]
        return JointView((*near, (newest, NO_MOTION)), config) if near else None


def _frame(estimate: PoseEstimate, lag: Motion) -> Frame:
    likelihood = likelihood_of(estimate)
    return Frame(lambda poses: likelihood(lag.apply(poses)), match_evidence(estimate.match))


def _cells(estimate: PoseEstimate) -> Floats:
    """East, north (CELLS^2, 2) of the middles of the density's cells, rows along the patch's v, columns along its u."""
    patch = estimate.patch
    steps = ((np.arange(CELLS) + 0.5) / CELLS - 0.5) * estimate.density_size_m / patch.resolution + patch.size_px / 2
    return patch.to_enu(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))


def _log_prior(prior: PosePrior, poses: Floats) -> Floats:
    offset = poses - prior.planar.array()
    offset[:, 2] = wrap_angle(offset[:, 2])
    return np.asarray(-0.5 * np.einsum("ni,ij,nj->n", offset, np.linalg.inv(prior.covariance), offset))
