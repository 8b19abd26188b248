"""Textured quads, collected piece by piece and handed to the renderer as one array."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.planar import rotate
from geoflow_ros.town.textures import METRES, REPEAT_HOLDS, Texture

Floats = NDArray[np.float64]

VERTEX_FLOATS = 12
"""position 3, normal 3, texture coordinates 2, tint 3, texture layer 1."""


@dataclass(slots=True)
class MeshBuilder:
    """Collects quads; a triangle is a quad whose last two corners coincide."""

    parts: list[NDArray[np.float32]] = field(default_factory=list)

    def add(
        self, corners: ArrayLike, texture: Texture, tint: ArrayLike, uv: ArrayLike | None = None,
        normals: ArrayLike | None = None,
    ) -> None:  # fmt: skip
        """Add quads (n, 4, 3) in metres, counter-clockwise seen from outside.

        tint: (3,) or (n, 3). uv: (n, 4, 2) in texture repeats, by default the ground position in metres
        over the texture's size. normals: (n, 4, 3), by default flat.
        """
        corners = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 3)
        if not len(corners):
            return
        vertices = np.empty((len(corners), 4, VERTEX_FLOATS), dtype=np.float32)
        vertices[..., 0:3] = corners
        vertices[..., 3:6] = np.nan if normals is None else normals  # flat ones are computed at once in build()
        vertices[..., 6:8] = corners[..., :2] / METRES[texture] if uv is None else uv
        vertices[..., 8:11] = np.asarray(tint, dtype=np.float64).reshape(-1, 1, 3)
        vertices[..., 11] = texture
        self.parts.append(vertices)

    def ground(self, quads: ArrayLike, height: float, texture: Texture, tint: ArrayLike) -> None:
        """Add horizontal quads (n, 4, 2), turned to face up, at a height (m)."""
        quads = np.asarray(quads, dtype=np.float64).reshape(-1, 4, 2)
        a, b = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
        faces_down = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0.0
        if faces_down.any():
            quads = np.where(faces_down[:, None, None], quads[:, [0, 3, 2, 1]], quads)
        self.add(np.concatenate([quads, np.full((*quads.shape[:2], 1), height)], axis=-1), texture, tint)

    def fan(self, outline: ArrayLike, height: float, texture: Texture, tint: ArrayLike) -> None:
        """Add a horizontal polygon (n, 2), star-shaped about its mean."""
        outline = np.asarray(outline, dtype=np.float64)
        center = np.broadcast_to(outline.mean(axis=0), outline.shape)
        following = np.roll(outline, -1, axis=0)
        self.ground(np.stack([center, outline, following, following], axis=1), height, texture, tint)

    def disc(self, center: ArrayLike, radius: float, height: float, texture: Texture, tint: ArrayLike) -> None:
        """Add a horizontal disc around a point (2,)."""
        angles = np.linspace(0.0, 2.0 * np.pi, max(8, int(radius * 4)), endpoint=False)
        outline = np.asarray(center) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        self.fan(outline, height, texture, tint)

    def walls(
        self, outline: Floats, bottom: float, top: float, texture: Texture, tint: ArrayLike, bay: float, floor: float
    ) -> None:
        """Add vertical walls over a counter-clockwise outline (n, 2); whole bays x floors (m) fit each wall."""
        start, end = outline, np.roll(outline, -1, axis=0)
        bays, floors = REPEAT_HOLDS.get(texture, (1, 1))
        count = np.maximum(1.0, np.round(np.linalg.norm(end - start, axis=1) / bay)) / bays
        repeats = max(1.0, round((top - bottom) / floor)) / floors
        corners = np.stack([start, end, end, start], axis=1)
        heights = np.broadcast_to(np.array([bottom, bottom, top, top])[:, None], (len(start), 4, 1))
        zero = np.zeros_like(count)
        u = np.stack([zero, count, count, zero], axis=1)
        v = np.broadcast_to([0.0, 0.0, repeats, repeats], u.shape)
        self.add(np.concatenate([corners, heights], axis=-1), texture, tint, np.stack([u, v], axis=-1))

    def box(self, outline: Floats, bottom: float, top: float, texture: Texture, tint: ArrayLike) -> None:
        """Add a closed box over a counter-clockwise outline (4, 2), textured in metres."""
        self.walls(outline, bottom, top, texture, tint, METRES[texture], METRES[texture])
        self.ground(outline[None], top, texture, tint)

    def build(self) -> NDArray[np.float32]:
        """All quads (q, 4, VERTEX_FLOATS)."""
        mesh = np.concatenate(self.parts)
        flat = np.isnan(mesh[:, 0, 3])
        mesh[flat, :, 3:6] = _flat_normals(mesh[flat, :, :3])
        return mesh


def _flat_normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit normals (q, 1, 3) of quads (q, 4, 3): across the diagonals, which a triangle's third edge stands in for."""
    a, b = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    normals = np.cross(a, b)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None])[:, None]


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in the plane: local x along `yaw`, local y to its left, from `origin` (east, north)."""

    origin: tuple[float, float]
    yaw: float

    @classmethod
    def at(cls, origin: ArrayLike, yaw: float) -> Frame:
        """The frame at a point (2,)."""
        east, north = np.asarray(origin, dtype=np.float64)
        return cls((float(east), float(north)), yaw)

    def points(self, local: ArrayLike) -> Floats:
        """East, north (..., 2) of local points (..., 2)."""
        return rotate(self.yaw, local) + self.origin

    def rectangle(self, x0: float, x1: float, y0: float, y1: float) -> Floats:
        """Counter-clockwise corners (4, 2) of a local rectangle."""
        return self.points([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
