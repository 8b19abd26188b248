"""The match volume: how well the lifted frame agrees with the satellite map at every place and heading."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from scipy.fft import next_fast_len
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig

PROBABILITY_FLOOR = 1e-8


class MatchVolume(nn.Module):
    """Cross-correlates ground-plane features with the satellite map over a grid of headings and positions.

    Positions are whole cells around the patch centre, headings `yaw_step` apart around the patch's +u:
    volume (B, K, D, D), heading ascending counter-clockwise, then down, then right.
    """

    template_grid: Tensor

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        self.config = config
        self.yaw_steps = round(config.yaw_range_deg / config.yaw_step_deg)
        self.reach = round((config.search_radius + config.volume_margin_m) / config.cell_m)
        self.temperature = nn.Parameter(torch.zeros(()))
        self.evidence_scale = nn.Parameter(torch.zeros(()))
        self.evidence_bias = nn.Parameter(torch.zeros(()))
        top, left, grid = _template_grid(config, self.yaw_steps)
        self.register_buffer("template_grid", grid, persistent=False)
        _, self.template_rows, self.template_columns, _ = grid.shape
        side = config.satellite_px // 4
        # Index of the correlation at which the camera stands at the patch centre (cells, both axes).
        self.centre = (side // 2 + top, side // 2 + left)
        if min(self.centre) < self.reach:
            patch_m, reach_m, side_m = (n * config.cell_m for n in (side, self.reach, -min(top, left)))
            raise InputError(
                f"satellite patch of {patch_m:g} m is too small: a camera {reach_m:g} m off its centre must still see "
                f"it {side_m:g} m to its side"
            )
        self.fft_shape = tuple(
            next_fast_len(max(side, centre + self.reach + length), real=True)
            for centre, length in zip(self.centre, (self.template_rows, self.template_columns), strict=True)
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Headings, positions down, positions right."""
        return 2 * self.yaw_steps + 1, 2 * self.reach + 1, 2 * self.reach + 1

    def forward(self, ground: Tensor, satellite: Tensor) -> tuple[Tensor, Tensor]:
        """From ground (B, C, A, F) and satellite (B, C, S, S) features: log probability (B, K, D, D) and log odds (B,).

        The probability is of each pose, given that the camera stands somewhere in the volume; the odds are of that.
        """
        scores = self.correlate(self.templates(ground), satellite) * torch.exp(self.temperature)
        total = torch.logsumexp(scores.flatten(1), dim=1)
        evidence = total - math.log(scores[0].numel())
        match_logit = torch.exp(self.evidence_scale) * evidence + self.evidence_bias
        return scores - total[:, None, None, None], match_logit

    def templates(self, ground: Tensor) -> Tensor:
        """The ground features turned to each heading of the volume: (B, C, K, rows, columns) in patch axes."""
        batch, channels = ground.shape[:2]
        headings, rows, columns, _ = self.template_grid.shape
        grid = self.template_grid.flatten(0, 1).expand(batch, -1, -1, -1)
        turned = F.grid_sample(ground, grid.to(ground.dtype), align_corners=False)
        return turned.reshape(batch, channels, headings, rows, columns)

    def correlate(self, templates: Tensor, satellite: Tensor) -> Tensor:
        """Scores (B, K, D, D); what lies outside the satellite map counts nothing."""
        spectrum: Tensor = torch.fft.rfft2(satellite.float(), s=self.fft_shape).unsqueeze(2)
        product = (torch.fft.rfft2(templates.float(), s=self.fft_shape).conj() * spectrum).sum(1)
        scores: Tensor = torch.fft.irfft2(product, s=self.fft_shape)
        rows, columns = (slice(centre - self.reach, centre + self.reach + 1) for centre in self.centre)
        cells = self.template_rows * self.template_columns
        return scores[:, :, rows, columns] / math.sqrt(cells)

    def to_index(self, hypotheses: Tensor) -> Tensor:
        """Fractional (u, v, heading) indices (B, N, 3) into the volume of hypotheses (B, N, 3)."""
        config = self.config
        cells = hypotheses[..., :2] * (config.search_radius / config.cell_m) + self.reach
        heading = hypotheses[..., 2:] / math.radians(config.yaw_step_deg) + self.yaw_steps
        return torch.cat([cells, heading], dim=-1)


def _template_grid(config: DefaultConfig, yaw_steps: int) -> tuple[int, int, Tensor]:
    """First row and column (cells from the camera) of the templates, and where each of their cells reads.

    The grid (K, rows, columns, 2) is in grid_sample coordinates of the (A, F) ground-plane features.
    """
    yaw = torch.deg2rad(torch.arange(-yaw_steps, yaw_steps + 1) * config.yaw_step_deg)
    corners = torch.tensor(
        [[x, y] for x in (-config.bev_back_m, config.bev_front_m) for y in (-config.bev_side_m, config.bev_side_m)]
    )
    turned = torch.stack(_turn(corners[:, 0], corners[:, 1], -yaw[:, None]), dim=-1).reshape(-1, 2) / config.cell_m
    left, top = (math.floor(low - 1e-3) for low in turned.min(0).values.tolist())
    right, bottom = (math.ceil(high + 1e-3) for high in turned.max(0).values.tolist())
    v, u = torch.meshgrid(torch.arange(top, bottom) + 0.5, torch.arange(left, right) + 0.5, indexing="ij")
    forward, across = _turn(u * config.cell_m, v * config.cell_m, yaw[:, None, None])
    gx = (forward + config.bev_back_m) / (config.bev_front_m + config.bev_back_m) * 2 - 1
    gy = across / config.bev_side_m
    return top, left, torch.stack([gx, gy], dim=-1)


def _turn(x: Tensor, y: Tensor, yaw: Tensor) -> tuple[Tensor, Tensor]:
    """Patch axes (right, down) -> (forward, rightward) of a heading `yaw` counter-clockwise from +u."""
    return x * torch.cos(yaw) - y * torch.sin(yaw), x * torch.sin(yaw) + y * torch.cos(yaw)


def mass_pyramid(log_probability: Tensor, levels: int) -> tuple[Tensor, ...]:
    """Log of the probability in blocks of 1, 2, 4, ... cells along v and u: a list of (B, K, D_l, D_l).

    Shifted so that `PROBABILITY_FLOOR` is zero, hence reading outside the volume gives the floor.
    """
    mass = log_probability.exp()
    side = -(-mass.shape[-1] // 2 ** (levels - 1)) * 2 ** (levels - 1)
    mass = F.pad(mass, (0, side - mass.shape[-1], 0, side - mass.shape[-2]))
    pyramid = []
    for level in range(levels):
        if level > 0:
            mass = 4 * F.avg_pool2d(mass, 2)
        pyramid.append(torch.log(mass + PROBABILITY_FLOOR) - math.log(PROBABILITY_FLOOR))
    return tuple(pyramid)


def read_volume(volume: Tensor, index: Tensor) -> Tensor:
    """Trilinear values (B, N) of a (B, K, D, D) volume at (B, N, 3) indices (u, v, heading); zero outside."""
    size = torch.tensor([volume.shape[3], volume.shape[2], volume.shape[1]], device=index.device, dtype=index.dtype)
    grid = (2 * index + 1) / size - 1
    return F.grid_sample(volume[:, None], grid[:, None, None], align_corners=False)[:, 0, 0, 0]
