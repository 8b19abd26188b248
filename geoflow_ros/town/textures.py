"""Procedural textures: one square tile a layer, colour in RGB, how far a tint colours it (or opacity) in A."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

SIZE = 256
Tile = NDArray[np.float32]
Colour = tuple[float, float, float]


class Texture(IntEnum):
    """Layers of the texture array."""

    PLAIN = 0
    NOISE = auto()
    PAINT = auto()
    ASPHALT = auto()
    ASPHALT_WORN = auto()
    CONCRETE = auto()
    SLABS = auto()
    SETTS = auto()
    GRASS = auto()
    MEADOW = auto()
    SOIL = auto()
    GRAVEL = auto()
    BRICK = auto()
    TILES = auto()
    SEAMS = auto()
    HEDGE = auto()
    LEAVES = auto()
    NEEDLES = auto()
    BARK = auto()
    GLASS = auto()
    RUBBER = auto()
    METAL = auto()
    FENCE = auto()
    WINDOWS_TALL = auto()
    WINDOWS_WIDE = auto()
    WINDOWS_SMALL = auto()
    WINDOWS_BAND = auto()
    WINDOWS_BALCONY = auto()
    WINDOWS_BRICK = auto()
    GROUND_SHOP = auto()
    GROUND_DOOR = auto()
    GROUND_GARAGE = auto()
    SAND = auto()
    SCREED = auto()
    WINDOWS_SLIT = auto()
    WINDOWS_SCREEN = auto()
    CROPS = auto()


METRES: dict[Texture, float] = dict.fromkeys(Texture, 3.0) | {
    Texture.ASPHALT: 5.0, Texture.ASPHALT_WORN: 9.0, Texture.CONCRETE: 6.0, Texture.SLABS: 2.4,
    Texture.SETTS: 1.6, Texture.GRASS: 5.0, Texture.MEADOW: 8.0, Texture.SOIL: 4.0, Texture.TILES: 2.4,
    Texture.SEAMS: 4.0, Texture.BRICK: 1.6, Texture.HEDGE: 2.0, Texture.SAND: 7.0, Texture.SCREED: 5.0,
    Texture.CROPS: 6.0,
}  # fmt: skip
"""Metres covered by one repeat where a surface is textured in metres."""

UPPER_FLOORS = tuple(Texture(value) for value in range(Texture.WINDOWS_TALL, Texture.WINDOWS_BRICK + 1))
GROUND_FLOORS = (Texture.GROUND_SHOP, Texture.GROUND_DOOR, Texture.GROUND_GARAGE)
FACADES = UPPER_FLOORS + GROUND_FLOORS
REPEAT_HOLDS = dict.fromkeys(UPPER_FLOORS, (2, 2)) | dict.fromkeys(GROUND_FLOORS, (2, 1))
"""(bays, floors) in one repeat of a facade."""


def texture_array(rng: np.random.Generator | None = None) -> NDArray[np.uint8]:
    """All layers (len(Texture), SIZE, SIZE, 4), row 0 at the bottom; the same on every call without a generator."""
    rng = rng or np.random.default_rng(1)
    tiles = [_MAKERS[texture](rng) for texture in Texture]
    return (np.clip(np.stack(tiles), 0.0, 1.0) * 255.0).round().astype(np.uint8)


def noise(rng: np.random.Generator, roughness: float = 1.0, low: int = 1) -> Tile:
    """Tileable noise (SIZE, SIZE), zero mean, unit deviation; spectrum 1 / f ** roughness from `low` cycles up."""
    fy, fx = np.meshgrid(np.fft.fftfreq(SIZE) * SIZE, np.fft.rfftfreq(SIZE) * SIZE, indexing="ij")
    frequency = np.hypot(fx, fy)
    gain = np.where(frequency >= low, np.maximum(frequency, 1.0) ** -roughness, 0.0)
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((SIZE, SIZE))) * gain, s=(SIZE, SIZE))
    return np.asarray(field / field.std(), dtype=np.float32)


def _tile(grey: Tile | float, colour: Colour = (1.0, 1.0, 1.0), tinted: Tile | float = 1.0) -> Tile:
    tile = np.empty((SIZE, SIZE, 4), dtype=np.float32)
    tile[..., :3] = np.asarray(grey, dtype=np.float32)[..., None] * np.asarray(colour, dtype=np.float32)
    tile[..., 3] = tinted
    return tile


def _grain(base: float, fine: float, coarse: float) -> Callable[[np.random.Generator], Tile]:
    return lambda rng: _tile(base + fine * noise(rng, 0.2) + coarse * noise(rng, 1.4))


def _worn(rng: np.random.Generator) -> Tile:
    grey = 0.8 + 0.05 * noise(rng, 0.2) + 0.06 * noise(rng, 1.6)
    crack = np.abs(noise(rng, 1.8, 2)) < 0.035
    return _tile(np.where(crack & (noise(rng, 1.5) > 0.2), grey * 0.55, grey))


def _blocks(
    rng: np.random.Generator, rows: int, columns: int, joint: int, joint_grey: float, vary: float, stagger: bool = True
) -> Tile:
    """Grey of a bond of rows x columns blocks with darker joints."""
    row, column = np.mgrid[0:SIZE, 0:SIZE]
    height, width = SIZE // rows, SIZE // columns
    shifted = (column + np.where(stagger & ((row // height) % 2 == 1), width // 2, 0)) % SIZE
    grey = 0.85 + vary * rng.standard_normal((rows, columns))[row // height, shifted // width]
    grey = grey + 0.04 * noise(rng, 0.4)
    return np.asarray(np.where((row % height < joint) | (shifted % width < joint), joint_grey, grey), dtype=np.float32)


def _grass(rng: np.random.Generator, vary: float) -> Tile:
    tile = _tile(0.8 + 0.11 * noise(rng, 0.3) + vary * noise(rng, 1.2))
    tile[..., 0] += 0.03 * noise(rng, 1.2)
    return tile


def _leaves(rng: np.random.Generator, density: float, opaque: bool) -> Tile:
    clumps = noise(rng, 0.75, 6)
    grey = 0.72 + 0.13 * clumps + 0.09 * noise(rng, 0.1)
    tile = _tile(grey, tinted=1.0 if opaque else np.where(clumps > density, 1.0, 0.0).astype(np.float32))
    tile[..., 0] += 0.06 * noise(rng, 1.0)
    return tile


def _tiles(rng: np.random.Generator) -> Tile:
    course = np.arange(SIZE) % 32
    grey = _blocks(rng, 8, 16, 1, 0.5, 0.07)
    shade = (0.72 + 0.28 * (course / 31.0)).astype(np.float32)
    return _tile(grey * shade[:, None])


def _seams(rng: np.random.Generator) -> Tile:
    column = np.arange(SIZE) % 64
    grey = 0.85 + 0.03 * noise(rng, 1.5)
    return _tile(np.where(column < 3, 0.6, np.where(column < 6, 1.0, grey)))


def _fence(rng: np.random.Generator) -> Tile:
    return _tile(np.where(np.arange(SIZE) % 32 < 5, 0.35, 0.9 + 0.04 * noise(rng, 1.0)))


def _plaster(rng: np.random.Generator) -> Tile:
    return _tile(0.93 + 0.02 * noise(rng, 0.5) + 0.02 * noise(rng, 1.6))


def _bricks(rng: np.random.Generator) -> Tile:
    return _tile(_blocks(rng, 32, 8, 1, 0.95, 0.07))


def _window(tile: Tile, rng: np.random.Generator, box: tuple[int, int, int, int], panes: tuple[int, int]) -> None:
    """Paint a framed window into box = (left, bottom, right, top), not tinted by the facade's colour."""
    left, bottom, right, top = box
    bright = rng.uniform(0.12, 0.42)
    shade = np.linspace(bright * 0.7, bright * 1.25, top - bottom, dtype=np.float32)[:, None, None]
    glass = shade * np.array([0.85, 0.97, 1.12], dtype=np.float32)
    tile[bottom - 4 : top + 4, left - 4 : right + 4] = (0.93, 0.93, 0.9, 0.25)
    tile[bottom - 8 : bottom - 4, left - 8 : right + 8] = (0.55, 0.55, 0.53, 0.4)
    tile[bottom:top, left:right, :3] = glass
    tile[bottom:top, left:right, 3] = 0.0
    if rng.random() < 0.5:
        drop = int((top - bottom) * rng.uniform(0.15, 0.6))
        tile[top - drop : top, left:right, :3] = rng.uniform(0.5, 0.85)
    for pane in range(1, panes[0]):
        x = left + (right - left) * pane // panes[0]
        tile[bottom:top, x - 1 : x + 2] = (0.9, 0.9, 0.87, 0.2)
    for pane in range(1, panes[1]):
        y = bottom + (top - bottom) * pane // panes[1]
        tile[y - 1 : y + 2, left:right] = (0.9, 0.9, 0.87, 0.2)


def _facade(
    size: tuple[int, int], panes: tuple[int, int], base: Callable[[np.random.Generator], Tile] = _plaster,
    ledge: float = 0.0, rail: bool = False,
) -> Callable[[np.random.Generator], Tile]:  # fmt: skip
    """Two bays by two floors with a window of size (width, height) px of 128 in each."""

    def make(rng: np.random.Generator) -> Tile:
        tile = base(rng)
        for left, bottom in ((0, 0), (128, 0), (0, 128), (128, 128)):
            x, y = left + 64 - size[0] // 2, bottom + 40 - min(20, size[1] // 8)
            _window(tile, rng, (x, y, x + size[0], min(y + size[1], bottom + 118)), panes)
            if ledge:
                tile[bottom : bottom + 7, left : left + 128, :3] *= ledge
            if rail:
                tile[bottom + 6 : bottom + 44, left + 14 : left + 114] = (0.75, 0.76, 0.78, 0.3)
                tile[bottom + 10 : bottom + 40, left + 18 : left + 110 : 6, :3] = 0.35
        return tile

    return make


def _shop(rng: np.random.Generator) -> Tile:
    tile = _plaster(rng)
    tile[:28, :, :3] *= 0.6
    for left in (8, 136):
        _window(tile, rng, (left + 6, 34, left + 106, 176), (2, 1))
        tile[190:232, left : left + 112] = (0.3, 0.31, 0.34, 0.3)
        for x in range(left + 12, left + 96, 14):
            tile[202:220, x : x + int(rng.integers(5, 11)), :3] = 0.85
    return tile


def _door(rng: np.random.Generator) -> Tile:
    tile = _plaster(rng)
    tile[:22, :, :3] *= 0.7
    tile[0:180, 44:124] = (0.85, 0.84, 0.8, 0.3)
    tile[0:172, 52:116] = (0.34, 0.25, 0.19, 0.0)
    tile[110:160, 62:106, :3] *= 1.5
    _window(tile, rng, (156, 76, 224, 176), (2, 1))
    return tile


def _garage(rng: np.random.Generator) -> Tile:
    tile = _plaster(rng)
    tile[0:176, 28:228] = (0.72, 0.73, 0.74, 0.2)
    tile[0:176:22, 28:228, :3] = 0.5
    return tile


def _sand(rng: np.random.Generator) -> Tile:
    row = np.arange(SIZE)[:, None]
    ripples = np.sin(2 * np.pi * row / 16 + 1.5 * noise(rng, 1.5, 2))
    return _tile(0.82 + 0.035 * ripples + 0.05 * noise(rng, 0.2) + 0.04 * noise(rng, 1.5))


def _crops(rng: np.random.Generator) -> Tile:
    """Rows of plants with darker soil between."""
    row = np.arange(SIZE)[:, None]
    stems = np.sin(2 * np.pi * row / 32 + 0.5 * noise(rng, 1.2, 2))
    return _tile(0.78 + 0.1 * stems + 0.08 * noise(rng, 0.3) + 0.06 * noise(rng, 1.4))


def _screed(rng: np.random.Generator) -> Tile:
    """A roof's mortar coat: bays of different age, stained."""
    return _tile(_blocks(rng, 4, 4, 2, 0.7, 0.06, stagger=False) + 0.06 * noise(rng, 1.2))


def _screen(rng: np.random.Generator) -> Tile:
    """Openings behind a lattice of pierced stone, without glass."""
    tile = _plaster(rng)
    row, column = np.mgrid[0:SIZE, 0:SIZE]
    opening = (abs(row % 128 - 66) < 38) & (abs(column % 128 - 64) < 34)
    hole = (row % 12 < 7) & ((column + 6 * (row // 12 % 2)) % 12 < 7)
    tile[opening, :3] = 0.8
    tile[opening & hole] = (0.16, 0.13, 0.1, 0.0)
    return tile


_MAKERS: dict[Texture, Callable[[np.random.Generator], Tile]] = {
    Texture.PLAIN: _grain(0.95, 0.015, 0.01),
    Texture.NOISE: lambda rng: _tile(0.5 + 0.17 * noise(rng, 1.3)),
    Texture.PAINT: _grain(0.88, 0.05, 0.07),
    Texture.ASPHALT: _grain(0.8, 0.07, 0.035),
    Texture.ASPHALT_WORN: _worn,
    Texture.CONCRETE: lambda rng: _tile(np.minimum(_blocks(rng, 2, 2, 2, 0.55, 0.02, False), 0.9)),
    Texture.SLABS: lambda rng: _tile(_blocks(rng, 8, 4, 2, 0.58, 0.05)),
    Texture.SETTS: lambda rng: _tile(_blocks(rng, 16, 16, 2, 0.5, 0.1)),
    Texture.GRASS: lambda rng: _grass(rng, 0.05),
    Texture.MEADOW: lambda rng: _grass(rng, 0.12),
    Texture.SOIL: _grain(0.7, 0.09, 0.08),
    Texture.GRAVEL: _grain(0.78, 0.12, 0.03),
    Texture.BRICK: lambda rng: _tile(_blocks(rng, 16, 8, 2, 0.95, 0.07)),
    Texture.TILES: _tiles,
    Texture.SEAMS: _seams,
    Texture.HEDGE: lambda rng: _leaves(rng, 0.0, True),
    Texture.LEAVES: lambda rng: _leaves(rng, -0.2, False),
    Texture.NEEDLES: lambda rng: _leaves(rng, -0.6, False),
    Texture.BARK: lambda rng: _tile(0.32 + 0.08 * noise(rng, 0.6), (1.0, 0.86, 0.7)),
    Texture.GLASS: lambda rng: _tile(0.16 + 0.03 * noise(rng, 1.8), (0.85, 0.95, 1.1), 0.0),
    Texture.RUBBER: lambda rng: _tile(0.12 + 0.02 * noise(rng, 1.0), tinted=0.0),
    Texture.METAL: lambda rng: _tile(0.6 + 0.04 * noise(rng, 1.5), tinted=0.5),
    Texture.FENCE: _fence,
    Texture.WINDOWS_TALL: _facade((46, 82), (2, 2), ledge=0.86),
    Texture.WINDOWS_WIDE: _facade((86, 64), (3, 1)),
    Texture.WINDOWS_SMALL: _facade((42, 52), (2, 1)),
    Texture.WINDOWS_BAND: _facade((112, 66), (4, 1), ledge=0.8),
    Texture.WINDOWS_BALCONY: _facade((66, 84), (2, 1), rail=True),
    Texture.WINDOWS_BRICK: _facade((48, 70), (2, 2), base=_bricks),
    Texture.GROUND_SHOP: _shop,
    Texture.GROUND_DOOR: _door,
    Texture.GROUND_GARAGE: _garage,
    Texture.SAND: _sand,
    Texture.SCREED: _screed,
    Texture.WINDOWS_SLIT: _facade((26, 46), (1, 1)),
    Texture.WINDOWS_SCREEN: _screen,
    Texture.CROPS: _crops,
}
