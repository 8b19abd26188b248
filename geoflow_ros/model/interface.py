"""What every network here can do: encode once, then predict where many hypotheses should move."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoflow_ros.model.config import ModelConfig

FOUND = 11
"""Numbers of a refined hypothesis: x, y, yaw; of the flow there direction (2), log distance, its variance, kappa, yaw
step, its variance; log density."""
NEGLIGIBLE = 20.0  # so much less likely by logarithm than the likeliest cell, all others together are no hypothesis


@dataclass(frozen=True, slots=True)
class Flow:
    """Predicted way from each of (B, N) hypotheses to the camera, in units of the search radius and radians.

    log_distance, variance: (B, N) mean and variance of the logarithm of the distance. direction: (B, N, 2) unit
    vectors in the patch's axes (x right, y down); kappa: (B, N) their concentration. yaw_step, yaw_variance:
    (B, N) heading correction (rad, counter-clockwise) and its variance; None where heading is taken as known.
    """

    log_distance: Tensor
    variance: Tensor
    direction: Tensor
    kappa: Tensor
    yaw_step: Tensor | None = None
    yaw_variance: Tensor | None = None

    def step(self, hypotheses: Tensor, fraction: float) -> Tensor:
        """The hypotheses (B, N, 3) moved by a fraction of the flow; yaw is not wrapped."""
        length = fraction * self.log_distance.exp()
        place = torch.addcmul(hypotheses[..., :2], length.unsqueeze(-1), self.direction)
        yaw = hypotheses[..., 2]
        if self.yaw_step is not None:
            yaw = torch.add(yaw, self.yaw_step, alpha=fraction)
        return torch.cat([place, yaw.unsqueeze(-1)], dim=-1)


@dataclass(frozen=True, slots=True)
class Latent:
    """What is kept of a frame and a patch.

    The meaning belongs to the network that made it: `pooled` (B, C), or a match volume `log_mass`, (B, K, H, W) of log
    probability over (yaw, v, u), as `volume.floored` has it, and that in blocks of ever more cells in one row for
    reading, `table` (B, T). match_logit: (B,) log odds that the frame was taken within the patch at all; None
    without that part. log_evidence: (B,) log likelihood of the frame, all places in the volume alike, up to a constant
    that is that of every mount; None likewise. yaw_offset: angle of the hypotheses' zero yaw, counter-clockwise from
    the patch's +u (rad).
    """

    pooled: Tensor | None = None
    log_mass: Tensor | None = None
    table: Tensor | None = None
    match_logit: Tensor | None = None
    log_evidence: Tensor | None = None
    yaw_offset: float = 0.0

    @property
    def volume(self) -> Tensor:
        """`log_mass`, of a network that has it."""
        assert self.log_mass is not None, "the latent is of a network without a match volume"
        return self.log_mass


class Refined(NamedTuple):
    """Hypotheses (B, N, 3) where the steps have taken them, the flow there, and `log_density` there."""

    hypotheses: Tensor
    flow: Flow
    log_density: Tensor | None

    @classmethod
    def unpacked(cls, found: Tensor) -> Refined:
        """From (B, N, FOUND) numbers."""
        log_distance, variance, kappa, yaw_step, yaw_variance, log_density = found[..., 5:].unbind(-1)
        flow = Flow(log_distance, variance, found[..., 3:5], kappa, yaw_step, yaw_variance)
        return cls(found[..., :3], flow, log_density)


@dataclass(frozen=True, slots=True, eq=False)
class PoseGrid:
    """Log probability (K, V, U), up to a constant, of hypotheses on a grid over (yaw, y, x).

    x: (U,), y: (V,), yaw: (K,) of the cells' middles; size: (3,) of a cell along x, y, yaw.
    """

    log_probability: NDArray[np.float32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    yaw: NDArray[np.float64]
    size: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FrameQuestion:
    """A frame, the patch that it is looked for in, and what is believed of it.

    image: (H, W, 3) RGB of any size, without distortion. lift, satellite, yaw_offset, yaw_reach: as the encoders and
    `LocalizationModel.match` take them, of one.
    mean (3,), root (3, 3): a Gaussian prior of the hypotheses, whose inverse covariance is root @ root.T.
    rank: uniform in [0, 1), which chooses the cells that hypotheses start in; jitter: (N, 3) uniform in [-0.5, 0.5),
    where in their cells.
    """

    image: NDArray[np.uint8]
    lift: Tensor
    satellite: Tensor
    yaw_offset: float
    yaw_reach: float
    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    rank: float
    jitter: NDArray[np.float64]


class FrameAnswer(NamedTuple):
    """What is kept of a frame for reading its density, and (N, FOUND) hypotheses from the posterior, refined."""

    latent: Latent
    found: NDArray[np.float32]

    def refined(self) -> Refined:
        """The hypotheses taken apart."""
        return Refined.unpacked(torch.from_numpy(self.found)[None])


Answer = Callable[[Sequence[FrameQuestion], Sequence[float]], list[FrameAnswer]]
"""Answers to the frames of a rig, taken so many steps (fractions of the flow), all at once."""
Refine = Callable[[Tensor, Tensor, Sequence[float]], Refined]
"""`LocalizationModel.refine` of one frame, from the table of its latent."""
Lifter = Callable[[Tensor], Tensor]
"""`LocalizationModel.encode_ground` of frames whose own features are at hand, from a lift grid."""
InputRange = tuple[float, float]
"""The least and the most that a convolution reads; zero lies between them."""
Match = Callable[[Tensor, Tensor, float, float], Latent]
"""`LocalizationModel.match` of one frame: its features, the encoded patch, its middle heading and yaw reach (rad)."""
Read = Callable[[Tensor, Tensor], Tensor]
"""`LocalizationModel.log_likelihood` (1, N) of one frame: its finest log mass (1, K, H, W), hypotheses (1, N, 3)."""


class LocalizationModel(nn.Module, ABC):
    """Base of the networks. Images are uint8 RGB; hypotheses are (x right, y down, yaw CCW from +u)."""

    config: ModelConfig
    refinement: Refine | None = None
    """What refines the hypotheses of one frame faster than `flow` does step by step."""
    input_ranges: Mapping[str, InputRange] | None = None
    """What its convolutions read, by name, for computing in 8 bits; None where that is not known of these weights."""
    answer: Answer | None = None
    """What goes from images to refined hypotheses without coming back in between, where that is faster."""

    @abstractmethod
    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        """Features of the frame (B, 3, Hg, Wg) uint8.

        lift: (B, K, A, F, 2) where each ground-plane cell at each height reads the ground image
        (`geoflow_ros.localization.inputs.lift_grid`), None for a config without `lift_shape`.
        """

    def lifter(self, ground: Tensor) -> Lifter | None:
        """`encode_ground` of the frame as a function of the lift, for lifting it by several.

        What depends on the frame alone is computed now, and once. None from a network that does not lift.
        """
        return None

    @abstractmethod
    def satellite_features(self, satellite: Tensor) -> Tensor:
        """Features of the patch (B, 3, S, S) uint8: the convolutions, which a runtime may compute elsewhere."""

    def prepare_satellite(self, features: Tensor) -> Tensor:
        """What `match` needs of the patch's features, for a network that can prepare more of it than they are."""
        return features

    def encode_satellite(self, satellite: Tensor) -> Tensor:
        """All that depends on the patch (B, 3, S, S) uint8 alone, to be kept for as many frames as it serves."""
        return self.prepare_satellite(self.satellite_features(satellite))

    @abstractmethod
    def match(
        self, ground: Tensor, satellite: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        """Latent of what `encode_ground` and `encode_satellite` made.

        yaw_offset: (B,) middle of the headings searched, counter-clockwise from the patch's +u (rad); 0 by default.
        yaw_reach: how far to either side (rad), at most and by default as far as the network was trained to.
        """

    def encode(self, ground: Tensor, satellite: Tensor, lift: Tensor | None) -> Latent:
        """Latent of uint8 images, see `encode_ground` and `encode_satellite`."""
        return self.match(self.encode_ground(ground, lift), self.encode_satellite(satellite))

    @abstractmethod
    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        """Flow of hypotheses (B, N, 3): position in units of the search radius, yaw in radians."""

    def refine(self, latent: Latent, hypotheses: Tensor, fractions: Sequence[float]) -> Refined:
        """Hypotheses (B, N, 3) after a step along the flow for each fraction of it, and what is known of the place."""
        if self.refinement is not None and latent.table is not None and len(hypotheses) == 1:
            return self.refinement(latent.table, hypotheses, fractions)
        for fraction in fractions:
            hypotheses = self.flow(latent, hypotheses).step(hypotheses, fraction)
        return Refined(hypotheses, self.flow(latent, hypotheses), self.log_density(latent, hypotheses))

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        """Log probability density (B, N) at hypotheses (B, N, 3) up to a constant; None if the network has none."""
        return None

    def log_likelihood(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        """As `log_density`, but smooth in the hypotheses: for fusing frame after frame."""
        return self.log_density(latent, hypotheses)

    def pose_grid(self, latent: Latent) -> PoseGrid | None:
        """`log_density` of one frame wherever it is not negligible, to draw hypotheses from; None if there is none."""
        return None

    def small_work(self, hypotheses: int) -> AbstractContextManager[None]:
        """To be held while torch works on so many hypotheses: leaves the processor fit for encoding the next images."""
        return nullcontext()
