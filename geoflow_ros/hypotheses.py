"""Many guesses of where the camera stands: drawn from a prior, refined by the network, agreed upon.

Hypotheses are tensors (N, 3) of (x, y, yaw): position in units of the search radius from the patch centre, in
the patch's axes (x right, y down); yaw in radians counter-clockwise from the patch's +u.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from geoflow_ros.model.base import Flow, Latent, LocalizationModel
from geoflow_ros.model.flow import wrap

CONSENSUS_TOLERANCE = 1e-5  # in hypothesis units: a fifth of a millimetre


class Schedule(Enum):
    """How much of the predicted flow a step takes."""

    PAPER = "paper"  # half of it, always: even a perfect prediction leaves 2^-R of the way
    FULL = "full"
    ANNEALED = "annealed"  # all of it, then less and less: averages noise, converges slower

    def fraction(self, step: int) -> float:
        """Of step 0, 1, ..."""
        return {Schedule.PAPER: 0.5, Schedule.FULL: 1.0, Schedule.ANNEALED: 2.0 / (step + 2.0)}[self]


@dataclass(frozen=True, slots=True)
class GaussianPrior:
    """Prior in hypothesis coordinates: mean (3,), covariance (3, 3)."""

    mean: Tensor
    covariance: Tensor

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3) samples."""
        root: Tensor = torch.linalg.cholesky(self.covariance)
        return self.mean + torch.randn(count, 3, generator=generator) @ root.T

    def log_density(self, hypotheses: Tensor) -> Tensor:
        """(N,) up to a constant."""
        offset = wrap_yaw(hypotheses - self.mean)
        whitened: Tensor = torch.linalg.solve(self.covariance, offset.T)
        return -0.5 * (offset * whitened.T).sum(-1)


@dataclass(frozen=True, slots=True)
class UniformPrior:
    """Anywhere within the search radius to each side, heading within `yaw_range` (rad) to each side."""

    yaw_range: float

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3) samples."""
        return (2 * torch.rand(count, 3, generator=generator) - 1) * torch.tensor([1.0, 1.0, self.yaw_range])

    def log_density(self, hypotheses: Tensor) -> Tensor:
        """(N,) zeros: no place is preferred."""
        return torch.zeros(len(hypotheses))


Prior = GaussianPrior | UniformPrior


def wrap_yaw(poses: Tensor) -> Tensor:
    """The same (..., 3) with yaw in [-pi, pi)."""
    return torch.cat([poses[..., :2], wrap(poses[..., 2:])], dim=-1)


def refine(model: LocalizationModel, latent: Latent, hypotheses: Tensor, steps: int, schedule: Schedule) -> Tensor:
    """Hypotheses (B, N, 3) after `steps` steps along the predicted flow, all in one batch a step."""
    for step in range(steps):
        flow = model.flow(latent, hypotheses)
        fraction = schedule.fraction(step)
        length = fraction * flow.log_distance.exp()
        place = torch.addcmul(hypotheses[..., :2], length.unsqueeze(-1), flow.direction)
        yaw = hypotheses[..., 2] if flow.yaw_step is None else hypotheses[..., 2] + fraction * flow.yaw_step
        hypotheses = torch.cat([place, wrap(yaw).unsqueeze(-1)], dim=-1)
    return hypotheses


def remaining_error(flow: Flow, yaw_variance: float) -> Tensor:
    """Second moments (N, 3, 3) of the way still to go from each hypothesis, as the network predicts it.

    The distance is log-normal; the direction's angle t about the predicted one has density ~ exp(-kappa |t|),
    for which E[cos 2t] = kappa^2 / (kappa^2 + 4). `yaw_variance` (rad^2) stands in where heading is not estimated.
    """
    squared = torch.exp(2 * flow.log_distance + 2 * flow.variance.clamp(max=4.0))[0]
    concentration = flow.kappa[0].square() / (flow.kappa[0].square() + 4.0)
    along = flow.direction[0].unsqueeze(-1) * flow.direction[0].unsqueeze(-2)
    eye = torch.eye(2)
    shape = 0.5 * (eye + concentration[:, None, None] * (2 * along - eye))
    moments = torch.zeros(len(squared), 3, 3)
    moments[:, :2, :2] = squared[:, None, None] * shape
    if flow.yaw_step is None or flow.yaw_variance is None:
        moments[:, 2, 2] = yaw_variance
    else:
        moments[:, 2, 2] = flow.yaw_step[0].square() + flow.yaw_variance[0]
    return moments


def consensus(hypotheses: Tensor, weights: Tensor, bandwidth: float, iterations: int = 10) -> Tensor:
    """The pose (3,) where the weighted hypotheses (N, 3) agree most: mean shift from the densest of them.

    Outliers further than a few `bandwidth` (hypothesis units) have no say.
    """
    place, yaw = hypotheses[:, :2], hypotheses[:, 2]
    averaged = torch.stack([place[:, 0], place[:, 1], yaw.sin(), yaw.cos()], dim=1)
    support = _kernel(torch.cdist(place, place), bandwidth) @ weights
    center = averaged[support.argmax()]
    for _ in range(iterations):
        before = center
        share = weights * _kernel((place - center[:2]).norm(dim=-1), bandwidth)
        center = (share / share.sum()) @ averaged
        if float((center - before).abs().max()) < CONSENSUS_TOLERANCE:
            break
    return torch.stack([center[0], center[1], torch.atan2(center[2], center[3])])


def pose_covariance(pose: Tensor, hypotheses: Tensor, weights: Tensor, moments: Tensor) -> Tensor:
    """(3, 3) spread of the weighted hypotheses about the pose plus what each still lacks; yaw differences wrapped.

    All hypotheses count, the outliers too: where the frame fits two places, the covariance says so.
    """
    offset = wrap_yaw(hypotheses - pose)
    spread = offset.unsqueeze(-1) * offset.unsqueeze(-2) + moments
    return (weights[:, None, None] * spread).sum(0)


def _kernel(distance: Tensor, bandwidth: float) -> Tensor:
    return torch.exp(-0.5 * (distance / bandwidth).square())
