"""Things that repeat: trees, cars, poles. One small mesh of unit scale each, placed many times."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, auto

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.town.mesh import Frame, MeshBuilder
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]


class Shape(IntEnum):
    """Trees and shrubs are 1 m high, scaled when placed; cars and poles have their real size."""

    BROAD_TREE = 0
    ROUND_TREE = auto()
    CONIFER = auto()
    BUSH = auto()
    GROVE = auto()
    SEDAN = auto()
    HATCH = auto()
    VAN = auto()
    STREET_LIGHT = auto()
    SIGN = auto()
    BENCH = auto()
    PALM = auto()


FOLIAGE = (Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER, Shape.BUSH, Shape.GROVE, Shape.PALM)
CARS = (Shape.SEDAN, Shape.HATCH, Shape.VAN)
INSTANCE_FLOATS = 10
"""East, north, up, yaw, scale 3, tint 3."""


@dataclass(slots=True)
class Placements:
    """Where each shape stands: rows of INSTANCE_FLOATS a shape."""

    rows: dict[Shape, list[NDArray[np.float32]]] = field(default_factory=lambda: {shape: [] for shape in Shape})

    def add(
        self, shape: Shape, points: ArrayLike, yaw: ArrayLike = 0.0, scale: ArrayLike = 1.0,
        tint: ArrayLike = (1.0, 1.0, 1.0),
    ) -> None:  # fmt: skip
        """Place a shape at points (n, 2); yaw (n,), scale (n, 3) and tint (n, 3) broadcast."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        rows = np.zeros((len(points), INSTANCE_FLOATS), dtype=np.float32)
        rows[:, 0:2] = points
        rows[:, 3] = yaw
        rows[:, 4:7] = scale
        rows[:, 7:10] = tint
        self.rows[shape].append(rows)

    def build(self) -> dict[Shape, NDArray[np.float32]]:
        """Rows (n, INSTANCE_FLOATS) of each shape."""
        empty = np.empty((0, INSTANCE_FLOATS), dtype=np.float32)
        return {shape: np.concatenate([empty, *rows]) for shape, rows in self.rows.items()}


def shape_meshes() -> dict[Shape, NDArray[np.float32]]:
    """The quads (q, 4, VERTEX_FLOATS) of every shape; the same on every call."""
    rng = np.random.default_rng(2)
    return {
        Shape.BROAD_TREE: _tree(rng, clumps=6, spread=0.34, base=0.26, trunk=0.45),
        Shape.ROUND_TREE: _tree(rng, clumps=4, spread=0.2, base=0.34, trunk=0.5),
        Shape.CONIFER: _conifer(rng),
        Shape.BUSH: _tree(rng, clumps=3, spread=0.3, base=-0.25, trunk=0.0),
        Shape.GROVE: _tree(rng, clumps=1, spread=0.25, base=-0.25, trunk=0.0),
        Shape.SEDAN: _car(4.5, 1.8, 0.82, (0.95, 1.55, 3.1, 4.1), 1.43),
        Shape.HATCH: _car(4.0, 1.75, 0.9, (0.8, 1.5, 3.5, 3.9), 1.52),
        Shape.VAN: _car(5.3, 2.0, 1.15, (0.3, 1.3, 5.15, 5.25), 2.2),
        Shape.STREET_LIGHT: _street_light(),
        Shape.SIGN: _sign(),
        Shape.BENCH: _bench(),
        Shape.PALM: _palm(rng),
    }


def _blob(mesh: MeshBuilder, rng: np.random.Generator, center: Floats, radii: Floats, texture: Texture) -> None:
    """A dented ball of leaves, darker below, with smooth normals."""
    lat = np.linspace(-np.pi / 2, np.pi / 2, 5)
    lon = np.linspace(0.0, 2.0 * np.pi, 8)
    lat, lon = np.meshgrid(lat, lon, indexing="ij")
    normals = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    dents = rng.uniform(0.78, 1.12, lat.shape)
    dents[:, -1], dents[0], dents[-1] = dents[:, 0], 1.0, 1.0
    points = center + radii * normals * dents[..., None]
    uv = np.stack([lon * 0.6, lat * 0.6], axis=-1) + rng.uniform(0, 1, 2)

    def quads(grid: Floats) -> Floats:
        cells = [grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]]
        return np.stack(cells, axis=2).reshape(-1, 4, grid.shape[-1])

    shade = np.interp(quads(normals)[..., 2].mean(axis=1), [-1.0, 0.6], [0.5, 1.0])
    mesh.add(quads(points), texture, shade[:, None] * np.ones(3), quads(uv), quads(normals))


def _trunk(mesh: MeshBuilder, radius: float, height: float) -> None:
    angles = np.linspace(0.0, 2.0 * np.pi, 5, endpoint=False)
    outline = radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    mesh.walls(outline, 0.0, height, Texture.BARK, (1.9, 1.5, 2.0), 0.1, 0.5)


def _tree(rng: np.random.Generator, clumps: int, spread: float, base: float, trunk: float) -> NDArray[np.float32]:
    mesh = MeshBuilder()
    crown = 1.0 - base
    _blob(mesh, rng, np.array([0, 0, base + 0.55 * crown]), np.array([0.3, 0.3, 0.45 * crown]), Texture.LEAVES)
    for clump in range(clumps):
        angle = 2.0 * np.pi * (clump + rng.uniform(0, 0.6)) / clumps
        center = np.array([spread * np.cos(angle), spread * np.sin(angle), base + crown * rng.uniform(0.3, 0.66)])
        _blob(mesh, rng, center, crown * rng.uniform(0.24, 0.34) * np.array([1.0, 1.0, 0.85]), Texture.LEAVES)
    if trunk:
        _trunk(mesh, 0.022, trunk)
    return mesh.build()


def _conifer(rng: np.random.Generator) -> NDArray[np.float32]:
    mesh = MeshBuilder()
    angles = np.linspace(0.0, 2.0 * np.pi, 10)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    for bottom, top, radius in ((0.1, 0.5, 0.2), (0.3, 0.72, 0.16), (0.52, 1.0, 0.11)):
        ring = np.column_stack([circle * radius * rng.uniform(0.8, 1.1, (10, 1)), np.full(10, bottom)])
        ring[-1] = ring[0]
        apex = np.broadcast_to([0.0, 0.0, top], (9, 3))
        u = np.linspace(0, 2, 10)
        uv = np.stack([
            np.stack([u[:-1], 0 * u[:-1]], -1), np.stack([u[1:], 0 * u[1:]], -1),
            np.stack([u[1:], 0 * u[1:] + 1], -1), np.stack([u[:-1], 0 * u[:-1] + 1], -1),
        ], axis=1)  # fmt: skip
        mesh.add(np.stack([ring[:-1], ring[1:], apex, apex], axis=1), Texture.NEEDLES, (1, 1, 1), uv)
    _trunk(mesh, 0.02, 0.2)
    return mesh.build()


def _palm(rng: np.random.Generator) -> NDArray[np.float32]:
    """A bare trunk under a star of drooping fronds."""
    mesh = MeshBuilder()
    reach, height = np.array([0.0, 0.2, 0.36]), np.array([0.92, 1.0, 0.8])
    for angle in 2.0 * np.pi * (np.arange(11) + rng.uniform(-0.3, 0.3, 11)) / 11:
        ahead, across = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0])
        spine = reach[:, None] * ahead * rng.uniform(0.8, 1.1) + height[:, None] * [0.0, 0.0, 1.0]
        left, right = (spine + sign * np.array([[0.02], [0.07], [0.01]]) * across for sign in (1.0, -1.0))
        face = np.stack([right[:-1], right[1:], left[1:], left[:-1]], axis=1)
        mesh.add(np.concatenate([face, face[:, ::-1]]), Texture.HEDGE, (1, 1, 1))
    _trunk(mesh, 0.02, 0.93)
    return mesh.build()


def _car(
    length: float, width: float, waist: float, cabin: tuple[float, float, float, float], roof: float
) -> NDArray[np.float32]:
    """cabin: metres from the rear end where the rear screen, roof start, roof end and windscreen foot are."""
    mesh = MeshBuilder()
    body, half, ends = (1.0, 1.0, 1.0), width / 2, (-length / 2, length / 2)
    lower = [(ends[0], 0.25), (ends[1], 0.25), (ends[1] + 0.0, 0.68), (ends[0] + length * 0.93, waist - 0.06),
             (ends[0] + cabin[3], waist), (ends[0] + cabin[0], waist), (ends[0] + 0.06, waist - 0.1)]  # fmt: skip
    _extrude(mesh, lower, (half, half), Texture.PLAIN, body)
    rear, start, end, front = (ends[0] + x for x in cabin)
    inset = half * 0.8
    upper = [(rear, waist), (front, waist), (end, roof), (start, roof)]
    _extrude(mesh, upper, (half * 0.96, inset), Texture.GLASS, body)
    mesh.ground(Frame((0, 0), 0).rectangle(start, end, -inset, inset)[None], roof + 0.01, Texture.PLAIN, body)
    for x in (-length * 0.31, length * 0.31):
        for y in (-half, half):
            wheel = Frame((x, y), 0).rectangle(-0.31, 0.31, -0.06, 0.06)
            mesh.box(wheel, 0.0, 0.6, Texture.RUBBER, body)
    for x, colour in ((ends[1] + 0.01, (1.6, 1.6, 1.5)), (ends[0] - 0.01, (1.5, 0.15, 0.12))):
        for y in (-half * 0.72, half * 0.72):
            mesh.box(Frame((x, y), 0).rectangle(-0.02, 0.02, -0.2, 0.2), 0.55, 0.7, Texture.METAL, colour)
    return mesh.build()


def _extrude(
    mesh: MeshBuilder, profile: list[tuple[float, float]], halves: tuple[float, float], texture: Texture,
    tint: ArrayLike,
) -> None:  # fmt: skip
    """A convex side profile (x, z), counter-clockwise seen from the right, across y; narrower above its mean height."""
    points = np.asarray(profile)
    half = np.where(points[:, 1] > points[:, 1].mean(), halves[1], halves[0])
    right, left = (np.column_stack([points[:, 0], sign * half, points[:, 1]]) for sign in (-1.0, 1.0))
    following = np.roll(right, -1, axis=0), np.roll(left, -1, axis=0)
    mesh.add(np.stack([right, left, following[1], following[0]], axis=1), texture, tint)
    for side, next_side in ((right, following[0]), (left[::-1], np.roll(left[::-1], -1, axis=0))):
        center = np.broadcast_to(side.mean(axis=0), side.shape)
        mesh.add(np.stack([center, side, next_side, next_side], axis=1), texture, tint)


def _pole(mesh: MeshBuilder, radius: float, height: float) -> None:
    mesh.box(Frame((0, 0), 0).rectangle(-radius, radius, -radius, radius), 0.0, height, Texture.METAL, (1, 1, 1))


def _street_light() -> NDArray[np.float32]:
    mesh, frame = MeshBuilder(), Frame((0, 0), 0)
    _pole(mesh, 0.07, 7.0)
    mesh.box(frame.rectangle(0.0, 1.7, -0.05, 0.05), 6.95, 7.05, Texture.METAL, (1, 1, 1))
    mesh.box(frame.rectangle(1.3, 2.0, -0.16, 0.16), 6.98, 7.12, Texture.METAL, (1.5, 1.5, 1.4))
    return mesh.build()


def _sign() -> NDArray[np.float32]:
    mesh = MeshBuilder()
    _pole(mesh, 0.035, 2.7)
    angles = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    rim = np.stack([0.05 + 0 * angles, 0.36 * np.cos(angles), 2.45 + 0.36 * np.sin(angles)], axis=-1)
    center = np.broadcast_to([0.05, 0.0, 2.45], rim.shape)
    following = np.roll(rim, -1, axis=0)
    for a, b in ((rim, following), (following, rim)):
        mesh.add(np.stack([center, a, b, b], axis=1), Texture.PLAIN, (1, 1, 1))
    return mesh.build()


def _bench() -> NDArray[np.float32]:
    mesh, frame = MeshBuilder(), Frame((0, 0), 0)
    mesh.box(frame.rectangle(-0.9, 0.9, -0.25, 0.25), 0.38, 0.46, Texture.PLAIN, (0.5, 0.34, 0.2))
    mesh.box(frame.rectangle(-0.9, 0.9, 0.22, 0.28), 0.46, 0.9, Texture.PLAIN, (0.5, 0.34, 0.2))
    mesh.box(frame.rectangle(-0.7, -0.6, -0.2, 0.2), 0.0, 0.38, Texture.METAL, (0.6, 0.6, 0.6))
    mesh.box(frame.rectangle(0.6, 0.7, -0.2, 0.2), 0.0, 0.38, Texture.METAL, (0.6, 0.6, 0.6))
    return mesh.build()
