"""Images resized to what a network reads by a device that multiplies matrices faster than a processor interpolates."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LARGEST_LINEAR_SHRINKAGE = 1.5  # beyond it, linear interpolation skips pixels

Size = tuple[int, int]
"""Height and width (px)."""


def averages(size: Size, wanted: Size) -> bool:
    """Whether an image is averaged over areas when it is resized, not interpolated between pixels.

    That takes five times as long, and the images of cameras a little larger look no better for it.
    """
    return min(size[0] / wanted[0], size[1] / wanted[1]) > LARGEST_LINEAR_SHRINKAGE


class Resizer:
    """Images (B, h, w, 3) uint8 of one size resized to (B, 3, H, W), to a grey level as OpenCV does it."""

    def __init__(self, size: Size, wanted: Size, device: torch.device) -> None:
        weights = averaging if averages(size, wanted) else interpolating
        rows, columns = (torch.from_numpy(weights(*lengths)).to(device) for lengths in zip(size, wanted, strict=True))
        self._rows, self._columns, self._is_needed = rows, columns.T.contiguous(), size != wanted

    def __call__(self, images: Tensor) -> Tensor:
        """The images, channels last in memory."""
        planes = images.permute(0, 3, 1, 2)
        if not self._is_needed:
            return planes
        resized = self._rows @ planes.float() @ self._columns
        return resized.round().to(torch.uint8, memory_format=torch.channels_last)


def interpolating(length: int, wanted: int) -> NDArray[np.float32]:
    """(wanted, length) weights of the pixels to either side of where each new pixel's middle lies."""
    middle = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
    return np.asarray(np.maximum(1 - np.abs(middle[:, None] - np.arange(length)), 0), np.float32)


def averaging(length: int, wanted: int) -> NDArray[np.float32]:
    """(wanted, length) weights of the pixels by how much of them lies under each new pixel."""
    edges, pixels = np.arange(wanted + 1)[:, None] * length / wanted, np.arange(length)
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return np.asarray(np.maximum(covered, 0) * wanted / length, np.float32)
