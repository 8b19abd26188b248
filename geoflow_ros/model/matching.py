"""The match volume: how well the lifted frame agrees with the satellite map at every place and heading."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig

FFT_UNIT = 12  # sides that are multiples of it are transformed fastest


class PoseIndex(nn.Module):
    """Fractional (u, v, heading) indices (B, N, 3) into the match volume of hypotheses (B, N, 3)."""

    scale: Tensor
    origin: Tensor

    def __init__(self, config: DefaultConfig, reach: int, yaw_steps: int) -> None:
        super().__init__()
        cells, headings = config.search_radius / config.cell_m, 1 / math.radians(config.yaw_step_deg)
        self.register_buffer("scale", torch.tensor([cells, cells, headings]), persistent=False)
        self.register_buffer("origin", torch.tensor([reach, reach, yaw_steps], dtype=torch.float32), persistent=False)

    def forward(self, hypotheses: Tensor) -> Tensor:
        index: Tensor = torch.addcmul(self.origin, hypotheses, self.scale)
        return index


class MatchVolume(nn.Module):
    """Cross-correlates ground-plane features with the satellite map over a grid of headings and positions.

    Positions are whole cells around the patch centre, headings `yaw_step` apart around the patch's +u, or the angle
    `yaw_offset` off it: volume (B, K, D, D), heading ascending counter-clockwise, then down, then right.
    """

    template_grid: Tensor

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        self.config = config
        self.yaw_step = math.radians(config.yaw_step_deg)
        self.yaw_steps = round(config.yaw_range_deg / config.yaw_step_deg)
        self.reach = round((config.search_radius + config.volume_margin_m) / config.cell_m)
        self.temperature = nn.Parameter(torch.zeros(()))
        self.evidence_scale = nn.Parameter(torch.zeros(()))
        self.evidence_bias = nn.Parameter(torch.zeros(()))
        top, left, grid = _template_grid(config, self.yaw_steps)
        self.register_buffer("template_grid", grid, persistent=False)
        _, self.template_rows, self.template_columns, _ = grid.shape
        self.index = PoseIndex(config, self.reach, self.yaw_steps)
        # Of the cells, in hypothesis coordinates along x, y, yaw: their size, and their middles.
        self.cell_size = 1.0 / self.index.scale.double().numpy()
        self.axes = tuple(
            size * (np.arange(count) - origin)
            for size, count, origin in zip(self.cell_size, self.shape[::-1], self.index.origin.tolist(), strict=True)
        )
        side = config.satellite_px // 4
        # The first satellite cell under a template when the camera stands at the top left of the volume.
        self.first = (side // 2 + top - self.reach, side // 2 + left - self.reach)
        if min(self.first) < 0:
            patch_m, reach_m, side_m = (n * config.cell_m for n in (side, self.reach, -min(top, left)))
            raise InputError(
                f"satellite patch of {patch_m:g} m is too small: a camera {reach_m:g} m off its centre must still see "
                f"it {side_m:g} m to its side"
            )
        # Only lags of 0 to 2 reach are wanted, so this much of the map is enough and nothing they see wraps around.
        self.fft_shape = tuple(
            -(-(2 * self.reach + length) // FFT_UNIT) * FFT_UNIT
            for length in (self.template_rows, self.template_columns)
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Headings, positions down, positions right."""
        return 2 * self.yaw_steps + 1, 2 * self.reach + 1, 2 * self.reach + 1

    def forward(
        self, ground: Tensor, spectrum: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log probability (B, K, D, D), log odds (B,) and log evidence (B,).

        They are of ground features (B, C, A, F) and the map's `spectrum`.
        yaw_offset: (B,) middle heading, counter-clockwise from the patch's +u (rad, a few degrees); 0 by default.
        yaw_reach: headings further than this from the middle one are not looked at (rad); their probability is zero.
        The probability is of each pose, given that the camera stands somewhere in the volume; the odds are of that.
        They are over all headings however few are looked at, so that they mean what they meant in training: what the
        headings left out would have added, next to nothing if the camera is turned otherwise, counts as none.
        """
        skipped = self.skipped(yaw_reach)
        templates = self.templates(ground, yaw_offset, skipped)
        log_probability, match_logit, evidence = self.weighed(self.correlate(templates, spectrum))
        if skipped > 0:
            log_probability = F.pad(log_probability, (0, 0, 0, 0, skipped, skipped), value=-math.inf)
        return log_probability, match_logit, evidence

    def weighed(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `forward` returns, from scores (B, K, D, D) as `correlate` has them; -inf where nothing is looked at."""
        scores = scores * torch.exp(self.temperature)
        total = torch.logsumexp(scores.flatten(1), dim=1)
        evidence = total - math.log(math.prod(self.shape))
        match_logit = torch.exp(self.evidence_scale) * evidence + self.evidence_bias
        return scores - total[:, None, None, None], match_logit, evidence

    def skipped(self, yaw_reach: float) -> int:
        """Headings at either end that lie further than this from the middle one (rad)."""
        is_wide = yaw_reach > self.yaw_steps * self.yaw_step
        wanted = self.yaw_steps if is_wide else math.ceil(yaw_reach / self.yaw_step)
        return max(0, self.yaw_steps - wanted)

    def templates(self, ground: Tensor, yaw_offset: Tensor | None = None, skipped: int = 0) -> Tensor:
        """The ground features rotated to each heading of the volume: (B, K, C, rows, columns) in patch axes.

        skipped: headings left out at either end.
        """
        batch = len(ground)
        wanted = self.template_grid[skipped : len(self.template_grid) - skipped]
        headings, rows, columns, _ = wanted.shape
        grid = wanted.reshape(1, -1, 2).expand(batch, -1, -1)
        if yaw_offset is not None:
            grid = _rotated(grid, yaw_offset, self.config)
        return self.sampled(ground, grid.view(batch, headings, rows, columns, 2))

    def sampled(self, ground: Tensor, grid: Tensor) -> Tensor:
        """The templates (B, K, C, rows, columns) of the ground features at (B, K, rows, columns, 2)."""
        batch, headings = grid.shape[:2]
        # A heading each is what grid_sample shares out among the cores.
        seen = ground[:, None].expand(-1, headings, -1, -1, -1).flatten(0, 1)
        rotated = F.grid_sample(seen, grid.to(ground.dtype).flatten(0, 1), align_corners=False)
        return rotated.view(batch, headings, *rotated.shape[1:])

    def spectrum(self, satellite: Tensor) -> Tensor:
        """What `correlate` needs of the satellite features (B, C, S, S): their conjugate spectrum, complex.

        Column after column in memory: the last transform of two leaves its results so, and others are multiplied by it.
        """
        top, left = self.first
        height, width = self.fft_shape
        seen = satellite.float()[..., top : top + height, left : left + width]
        spectrum: Tensor = torch.fft.rfft2(seen, s=self.fft_shape).conj().mT.contiguous().mT
        return spectrum

    def correlate(self, templates: Tensor, spectrum: Tensor) -> Tensor:
        """Scores (B, K, D, D); what lies outside the satellite map counts nothing."""
        spectra = torch.fft.rfft2(templates.float(), s=self.fft_shape)
        product = spectra[:, :, 0] * spectrum[:, :1]
        for channel in range(1, spectra.shape[2]):  # channel by channel stays in the processor's cache
            product.addcmul_(spectra[:, :, channel], spectrum[:, channel : channel + 1])
        scores: Tensor = torch.fft.irfft2(product.conj(), s=self.fft_shape)  # correlation: conj(template) * map
        positions = 2 * self.reach + 1
        cells = self.template_rows * self.template_columns
        return scores[..., :positions, :positions] / math.sqrt(cells)


def _template_grid(config: DefaultConfig, yaw_steps: int) -> tuple[int, int, Tensor]:
    """First row and column (cells from the camera) of the templates, and where each of their cells reads.

    The grid (K, rows, columns, 2) is in grid_sample coordinates of the (A, F) ground-plane features.
    """
    yaw = torch.deg2rad(torch.arange(-yaw_steps, yaw_steps + 1) * config.yaw_step_deg)
    corners = torch.tensor(
        [[x, y] for x in (-config.bev_back_m, config.bev_front_m) for y in (-config.bev_side_m, config.bev_side_m)]
    )
    rotated = torch.stack(_rotate(corners[:, 0], corners[:, 1], -yaw[:, None]), dim=-1).reshape(-1, 2) / config.cell_m
    left, top = (math.floor(low - 1e-3) for low in rotated.min(0).values.tolist())
    right, bottom = (math.ceil(high + 1e-3) for high in rotated.max(0).values.tolist())
    v, u = torch.meshgrid(torch.arange(top, bottom) + 0.5, torch.arange(left, right) + 0.5, indexing="ij")
    forward, across = _rotate(u * config.cell_m, v * config.cell_m, yaw[:, None, None])
    gx = (forward + config.bev_back_m) / (config.bev_front_m + config.bev_back_m) * 2 - 1
    gy = across / config.bev_side_m
    return top, left, torch.stack([gx, gy], dim=-1)


def _rotated(grid: Tensor, yaw_offset: Tensor, config: DefaultConfig) -> Tensor:
    """Points (B, N, 2) of the grid of `_template_grid` for headings rotated further, by (B,) radians."""
    rotation, shift = (
        torch.stack(entries, dim=-1)
        for entries in template_rotation(torch.cos(yaw_offset), torch.sin(yaw_offset), config)
    )
    return torch.baddbmm(shift[:, None], grid, rotation.view(-1, 2, 2))


Scalar = TypeVar("Scalar", float, Tensor)


def template_rotation(
    cos: Scalar, sin: Scalar, config: DefaultConfig
) -> tuple[tuple[Scalar, Scalar, Scalar, Scalar], tuple[Scalar, Scalar]]:
    """Matrix (row by row, to the right of the point) and shift that rotate a point (gx, gy) about the camera.

    In grid_sample's coordinates the features end at +-1 on both axes, and their middle lies ahead of the camera.
    """
    depth = config.bev_front_m + config.bev_back_m
    stretch, ahead = 2 * config.bev_side_m / depth, 1 - 2 * config.bev_back_m / depth
    return (cos, sin / stretch, -stretch * sin, cos), (ahead * (cos - 1), ahead * sin / stretch)


def _rotate(x: Tensor, y: Tensor, yaw: Tensor) -> tuple[Tensor, Tensor]:
    """Patch axes (right, down) -> (forward, rightward) of a heading `yaw` counter-clockwise from +u."""
    return x * torch.cos(yaw) - y * torch.sin(yaw), x * torch.sin(yaw) + y * torch.cos(yaw)
