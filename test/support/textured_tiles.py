"""Tiles cut from one picture, so that neighbours continue each other."""

from __future__ import annotations

import cv2
import numpy as np

ZOOM, LEFT, TOP, COLUMNS, ROWS = 17, 68_620, 45_880, 3, 4
Key = tuple[int, int, int]


def picture(columns: int = COLUMNS, rows: int = ROWS, seed: int = 4) -> np.ndarray:
    """Blotches of some 20 px (256 rows, 256 columns, 3)."""
    noise = np.random.default_rng(seed).uniform(0, 255, (256 * rows, 256 * columns, 3)).astype(np.float32)
    blotches = cv2.GaussianBlur(noise, (0, 0), 8)
    return cv2.normalize(blotches, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def tiles(suffix: str = ".png") -> dict[Key, bytes]:
    """Encoded tiles of `picture` by zoom, column and row from the north."""
    image = picture()
    return {
        (ZOOM, LEFT + x, TOP + y): cv2.imencode(suffix, image[256 * y :, 256 * x :][:256, :256])[1].tobytes()
        for x in range(COLUMNS)
        for y in range(ROWS)
    }
