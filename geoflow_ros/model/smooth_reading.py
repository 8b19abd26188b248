"""Reading a volume between its cells without a preference for the cells."""

from __future__ import annotations

import torch
from torch import Tensor


def read_smoothly(volume: Tensor, index: Tensor) -> Tensor:
    """Cubic values (B, N) of a (B, K, D, D) volume at (B, N, 3) indices (u, v, heading); zero outside.

    Between cells, a linear reading is highest on a cell, wherever the truth lies: errors that are correlated while the
    grid stays. Catmull-Rom's cubic is exact for what is quadratic, such as the logarithm of a Gaussian.
    """
    size = torch.tensor([volume.shape[3], volume.shape[2], volume.shape[1]], device=index.device)
    base = index.floor()
    along = torch.arange(-1, 3, device=index.device)[:, None]
    cells = (base.long()[..., None, :] + along).clamp(torch.zeros_like(size), size - 1)  # (B, N, 4, 3)
    u, v, heading = cells.unbind(-1)
    member = torch.arange(len(volume), device=index.device)[:, None, None, None, None]
    values = volume[member, heading[..., :, None, None], v[..., None, :, None], u[..., None, None, :]]
    of_u, of_v, of_heading = _catmull_rom(index - base).unbind(-1)
    read = torch.einsum("bnkvu,bnk,bnv,bnu->bn", values, of_heading, of_v, of_u)
    is_inside = ((index >= -0.5) & (index <= size - 0.5)).all(-1)
    return torch.where(is_inside, read, torch.zeros_like(read))


def _catmull_rom(t: Tensor) -> Tensor:
    """Weights (..., 4, 3) of the cells -1, 0, 1, 2 around fractions t (..., 3)."""
    return 0.5 * torch.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], dim=-2
    )
