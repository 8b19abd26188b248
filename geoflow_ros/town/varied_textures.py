"""Textures of a varied town: noise of its own in each, and in place of some the grain of real photographs.

A network that saw one set of tiles in all its towns could tell places by their cracks. What stains the ground over
metres (layer NOISE, see `shaders`) is a photograph at about its own scale: worn grass, patches, tracks.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.textures import SIZE, Texture, Tile, texture_array

Photographs = Sequence[NDArray[np.uint8]]
ROADS = (Texture.ASPHALT, Texture.ASPHALT_WORN, Texture.CONCRETE, Texture.SLABS)
GROUNDS = (
    Texture.GRASS, Texture.MEADOW, Texture.SOIL, Texture.GRAVEL, Texture.SAND, Texture.CROPS, Texture.TILES,
    Texture.SEAMS, Texture.SCREED, Texture.HEDGE, Texture.PLAIN,
)  # fmt: skip
SHARE = 0.6
"""Of these layers, that show the grain of a photograph."""
SPREAD = {**dict.fromkeys(ROADS, (0.03, 0.12)), **dict.fromkeys(GROUNDS, (0.05, 0.22))}
"""Standard deviation of a layer's brightness about its mean, least and most."""
STAIN_SPREAD = (0.15, 0.45)
CROPS_PX, STAINS_PX = (96, SIZE), (SIZE, 2 * SIZE)
EVENED, STAINS_EVENED = 0.2, 0.6
"""Of the side of a layer: what is coarser would show each repeat."""


def varied_layers(seed: int, photographs: Photographs) -> NDArray[np.uint8]:
    """All layers of the town of a seed, as `texture_array` gives them; photographs (H, W, 3) from above, or none."""
    rng = np.random.default_rng([seed, 3])
    layers = texture_array(rng)
    if not photographs:
        return layers
    for texture, spread in SPREAD.items():
        if rng.random() < SHARE:
            grain = grain_of(photographs[int(rng.integers(len(photographs)))], rng, CROPS_PX, EVENED)
            mean = layers[texture, ..., :3].mean(axis=(0, 1))
            # What is bright has little room above it: clipped, it would lose its colour.
            strength = min(rng.uniform(*spread), (255.0 / mean.max() - 1.0) / 2.0)
            layers[texture, ..., :3] = np.clip(mean * (1.0 + strength * grain), 0.0, 255.0)
    stains = grain_of(photographs[int(rng.integers(len(photographs)))], rng, STAINS_PX, STAINS_EVENED)
    layers[Texture.NOISE, ..., :3] = np.clip(255.0 * (0.5 + rng.uniform(*STAIN_SPREAD) * stains), 0.0, 255.0)
    return layers


def grain_of(photograph: NDArray[np.uint8], rng: np.random.Generator, sides_px: tuple[int, int], evened: float) -> Tile:
    """What is fine in a square cut from a photograph, (SIZE, SIZE, 3), tileable: zero mean, unit spread of brightness.

    sides_px: of the square, least and most. evened: what is coarser than this share of it is taken out.
    """
    side = min(int(rng.integers(sides_px[0], sides_px[1] + 1)), *photograph.shape[:2])
    v, u = (int(rng.integers(length - side + 1)) for length in photograph.shape[:2])
    smoothly = cv2.INTER_AREA if side > SIZE else cv2.INTER_LINEAR
    cut = cv2.resize(photograph[v : v + side, u : u + side], (SIZE, SIZE), interpolation=smoothly)
    levels = cut.astype(np.float32) + 1.0
    fine = levels / cv2.GaussianBlur(levels, (0, 0), evened * SIZE) - 1.0
    tile = _tileable(fine)
    tile -= tile.mean(axis=(0, 1))
    return np.asarray(tile / max(float(tile.mean(axis=-1).std()), 1e-3), np.float32)


def _tileable(tile: Tile) -> Tile:
    """The middle of a tile (SIZE, SIZE, 3) of zero mean, at its edges what was its middle; as strong everywhere."""
    ramp = np.sin(np.pi * (np.arange(SIZE) + 0.5) / SIZE).astype(np.float32) ** 2
    inner = np.minimum.outer(ramp, ramp)[..., None]
    shifted = np.roll(tile, (SIZE // 2, SIZE // 2), axis=(0, 1))
    return np.asarray((inner * tile + (1.0 - inner) * shifted) / np.hypot(inner, 1.0 - inner), np.float32)
