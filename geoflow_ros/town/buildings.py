"""Buildings: walls with windows and doors, flat, gabled and hipped roofs with what stands on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.mesh import Frame, MeshBuilder
from geoflow_ros.town.textures import METRES, UPPER_FLOORS, Texture

Floats = NDArray[np.float64]

Lift = Callable[[list[tuple[float, float, float]]], Floats]

PLASTER = (
    (0.93, 0.9, 0.83), (0.86, 0.78, 0.62), (0.82, 0.66, 0.5), (0.9, 0.9, 0.9), (0.72, 0.74, 0.76), (0.76, 0.55, 0.45),
    (0.62, 0.68, 0.6), (0.66, 0.7, 0.78), (0.87, 0.83, 0.7), (0.56, 0.52, 0.48), (0.85, 0.72, 0.7), (0.45, 0.44, 0.45),
)  # fmt: skip
CLAY = ((0.62, 0.32, 0.22), (0.55, 0.27, 0.2), (0.68, 0.4, 0.28), (0.4, 0.26, 0.22))
SLATE = ((0.33, 0.34, 0.37), (0.27, 0.27, 0.28), (0.42, 0.41, 0.42), (0.3, 0.36, 0.34))
FLAT = ((0.62, 0.61, 0.58), (0.45, 0.45, 0.46), (0.75, 0.74, 0.72), (0.36, 0.37, 0.38), (0.55, 0.5, 0.46))


@dataclass(frozen=True, slots=True)
class Manner:
    """How the buildings of one street or quarter resemble each other."""

    roof: str  # "flat", "gable" or "hip"
    roof_texture: Texture
    roof_tints: tuple[tuple[float, float, float], ...]
    brick: float
    floor: float

    @classmethod
    def random(cls, rng: np.random.Generator, flat: float) -> Manner:
        """flat: share of flat roofs."""
        if rng.random() < flat:
            texture = Texture.GRAVEL if rng.random() < 0.7 else Texture.SEAMS
            return cls("flat", texture, FLAT, rng.uniform(0, 0.5), rng.uniform(2.8, 3.4))
        slate = rng.random() < 0.4
        roof = "gable" if rng.random() < 0.65 else "hip"
        tints = SLATE if slate else CLAY
        return cls(roof, Texture.TILES, tints, rng.uniform(0, 0.6), rng.uniform(2.7, 3.3))


def add_building(
    mesh: MeshBuilder, rng: np.random.Generator, frame: Frame, size: tuple[float, float], floors: int, manner: Manner,
    ground_floor: Texture,
) -> None:  # fmt: skip
    """A building of (width, depth) m whose front stands on the local x axis, centred."""
    width, depth = size
    outline = frame.rectangle(-width / 2, width / 2, 0.0, depth)
    tint = np.array(PLASTER[rng.integers(len(PLASTER))]) * rng.uniform(0.85, 1.05)
    upper = Texture(rng.choice(UPPER_FLOORS[:-1]))
    if rng.random() < manner.brick:
        upper, tint = Texture.WINDOWS_BRICK, np.array([0.62, 0.36, 0.28]) * rng.uniform(0.7, 1.3)
    base, eaves = 3.2, 3.2 + (floors - 1) * manner.floor
    mesh.walls(outline, 0.0, base, ground_floor, tint * rng.uniform(0.8, 1.0), rng.uniform(2.5, 3.4), base)
    if floors > 1:
        mesh.walls(outline, base, eaves, upper, tint, rng.uniform(2.4, 3.6), manner.floor)
    tints = manner.roof_tints if manner.roof == "flat" or rng.random() < 0.7 else SLATE + CLAY
    roof_tint = np.array(tints[rng.integers(len(tints))]) * rng.uniform(0.8, 1.2)
    if manner.roof == "flat":
        _flat_roof(mesh, rng, frame, size, eaves, manner.roof_texture, roof_tint, tint)
    else:
        _pitched_roof(mesh, rng, frame, size, eaves, manner, roof_tint, tint)


def _flat_roof(
    mesh: MeshBuilder, rng: np.random.Generator, frame: Frame, size: tuple[float, float], top: float,
    texture: Texture, tint: Floats, wall: Floats,
) -> None:  # fmt: skip
    width, depth = size
    outer = frame.rectangle(-width / 2, width / 2, 0.0, depth)
    inner = frame.rectangle(-width / 2 + 0.35, width / 2 - 0.35, 0.35, depth - 0.35)
    mesh.walls(outer, top, top + 0.6, Texture.PLAIN, wall * 0.9, 3.0, 3.0)
    mesh.walls(inner[::-1], top, top + 0.6, Texture.PLAIN, wall * 0.8, 3.0, 3.0)
    following = np.roll(outer, -1, axis=0), np.roll(inner, -1, axis=0)
    mesh.ground(np.stack([outer, following[0], following[1], inner], axis=1), top + 0.6, Texture.PLAIN, wall * 0.85)
    mesh.ground(inner[None], top, texture, tint)
    for _ in range(rng.poisson(width * depth / 90.0) if min(size) > 5.0 else 0):
        x, y = rng.uniform(-width / 2 + 1.2, width / 2 - 3.0), rng.uniform(1.2, max(1.3, depth - 3.5))
        w, d = rng.uniform(0.8, 2.6, 2)
        spot = frame.rectangle(x, x + w, y, y + d)
        kind = rng.random()
        if kind < 0.55:
            mesh.box(spot, top, top + rng.uniform(0.4, 1.6), Texture.METAL, (rng.uniform(0.8, 1.5),) * 3)
        elif kind < 0.8:
            mesh.box(spot, top, top + 0.2, Texture.GLASS, (1, 1, 1))
        else:
            panels = [frame.rectangle(x + 1.1 * k, x + 1.1 * k + 1.0, y, y + d) for k in range(3)]
            mesh.ground(np.stack(panels), top + 0.35, Texture.PLAIN, (0.12, 0.15, 0.28))
    if width * depth > 160.0:
        x, y = rng.uniform(-width / 4, width / 4), rng.uniform(0.3, 0.6) * depth
        mesh.box(frame.rectangle(x, x + 3.5, y, y + 3.0), top, top + 2.6, Texture.PLAIN, wall * 0.9)


def _pitched_roof(
    mesh: MeshBuilder, rng: np.random.Generator, frame: Frame, size: tuple[float, float], eaves: float,
    manner: Manner, tint: Floats, wall: Floats,
) -> None:  # fmt: skip
    """A gabled or hipped roof, ridge along the longer side."""
    width, depth = size
    center, turn = frame.points([0.0, depth / 2]), math.pi / 2 if depth > width else 0.0
    frame, long, short = Frame.at(center, frame.yaw + turn), max(size), min(size)
    over = 0.4
    rise = short / 2 * rng.uniform(0.5, 0.95)
    low = eaves - over * rise / (short / 2)
    hip = short * rng.uniform(0.3, 0.5) if manner.roof == "hip" else 0.0
    x, y, ridge = long / 2 + over, short / 2 + over, long / 2 + over - hip

    def lifted(points: list[tuple[float, float, float]]) -> Floats:
        local = np.asarray(points)
        return np.column_stack([frame.points(local[:, :2]), local[:, 2]])

    top, slope = eaves + rise, float(np.hypot(y, eaves + rise - low))
    scale = METRES[manner.roof_texture]
    for side in (1.0, -1.0):
        face = lifted([
            (side * -x, side * -y, low), (side * x, side * -y, low), (side * ridge, 0, top), (side * -ridge, 0, top)
        ])  # fmt: skip
        uv = np.array([(-x, 0), (x, 0), (ridge, slope), (-ridge, slope)]) / scale
        mesh.add(face[None], manner.roof_texture, tint, uv[None])
        if hip:
            peak = (side * ridge, 0.0, top)
            end = lifted([(side * x, side * -y, low), (side * x, side * y, low), peak, peak])
            uv = np.array([(-y, 0), (y, 0), (0, slope), (0, slope)]) / scale
            mesh.add(end[None], manner.roof_texture, tint * 0.96, uv[None])
        else:
            gable = lifted([(side * long / 2, side * -short / 2, eaves), (side * long / 2, side * short / 2, eaves),
                            (side * long / 2, 0, top - 0.05), (side * long / 2, 0, top - 0.05)])  # fmt: skip
            mesh.add(gable[None], Texture.PLAIN, wall * 0.95)
        _roof_windows(mesh, rng, lifted, (ridge, y, low, top), side)
    soffit = lifted([(-x, -y, low), (-x, y, low), (x, y, low), (x, -y, low)])
    mesh.add(soffit[None], Texture.PLAIN, wall * 0.5)
    for _ in range(rng.integers(0, 3)):
        cx = rng.uniform(-0.7, 0.7) * max(ridge, 0.5)
        spot = frame.rectangle(cx - 0.35, cx + 0.35, -0.9, -0.3)
        mesh.box(spot, eaves, top + rng.uniform(0.5, 1.1), Texture.BRICK, (0.6, 0.38, 0.3))


def _roof_windows(
    mesh: MeshBuilder, rng: np.random.Generator, lifted: Lift, roof: tuple[float, float, float, float], side: float
) -> None:
    """Skylights and solar panels a hand above the roof."""
    ridge, y, low, top = roof
    for _ in range(rng.poisson(max(ridge, 0.0) * 0.13)):
        solar = rng.random() < 0.4
        w, start, end = (rng.uniform(1.5, 4.0), 0.35, 0.8) if solar else (0.45, 0.4, 0.62)
        x = rng.uniform(-ridge + w, ridge - w) if ridge > w else 0.0

        def corner(px: float, share: float) -> tuple[float, float, float]:
            return side * px, side * -y * (1 - share), low + (top - low) * share + 0.06

        texture, tint = (Texture.PLAIN, (0.12, 0.14, 0.22)) if solar else (Texture.GLASS, (1.0, 1.0, 1.0))
        quad = lifted([corner(x - w, start), corner(x + w, start), corner(x + w, end), corner(x - w, end)])
        mesh.add(quad[None], texture, tint)
