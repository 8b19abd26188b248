"""A street or driving line in the plane: arc length along it, metres to the left of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """points: (n, 2) east, north (m), no two neighbours equal. stations: (n,) arc length (m). tangents: (n, 2)."""

    points: Floats
    stations: Floats
    tangents: Floats

    @classmethod
    def through(cls, points: ArrayLike) -> Path:
        """The path along a polyline (n, 2) of at least two points."""
        points = np.asarray(points, dtype=np.float64)
        stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        tangents = np.gradient(points, stations, axis=0)
        return cls(points, stations, tangents / np.hypot(*tangents.T)[:, None])

    @property
    def length(self) -> float:
        """Metres from the first point to the last."""
        return float(self.stations[-1])

    def tangent(self, s: ArrayLike) -> Floats:
        """Unit direction of travel (..., 2) at arc length s (...)."""
        direction = _interpolate(s, self.stations, self.tangents)
        return direction / np.hypot(direction[..., 0], direction[..., 1])[..., None]

    def yaw(self, s: ArrayLike) -> Floats:
        """Direction of travel (...), radians counter-clockwise from east."""
        tangent = self.tangent(s)
        return np.asarray(np.arctan2(tangent[..., 1], tangent[..., 0]))

    def at(self, s: ArrayLike, left: ArrayLike = 0.0) -> Floats:
        """East, north (..., 2) of the point `left` metres to the left of arc length s."""
        to_left = self.tangent(s)[..., ::-1] * (-1.0, 1.0)
        return _interpolate(s, self.stations, self.points) + np.asarray(left, dtype=np.float64)[..., None] * to_left

    def quads(self, start: ArrayLike, end: ArrayLike, right: ArrayLike, left: ArrayLike) -> Floats:
        """Counter-clockwise corners (n, 4, 2) of the pieces start..end (arc length) x right..left (metres left)."""
        start, end, right, left = np.broadcast_arrays(*map(np.atleast_1d, (start, end, right, left)))
        return self.at(np.stack([start, end, end, start], axis=1), np.stack([right, right, left, left], axis=1))

    def strip(self, right: float, left: float, start: float = 0.0, end: float | None = None) -> Floats:
        """Quads (n, 4, 2) that cover start..end without gaps, following the curve."""
        end = self.length if end is None else end
        if end - start < 0.1:
            return np.empty((0, 4, 2))
        cuts = np.linspace(start, end, max(2, int((end - start) / 4.0) + 2))
        return self.quads(cuts[:-1], cuts[1:], right, left)

    def resampled(self, step: float) -> Path:
        """The same path with points every `step` metres."""
        return Path.through(self.at(np.linspace(0.0, self.length, max(2, int(self.length / step) + 1))))


def _interpolate(s: ArrayLike, stations: Floats, values: Floats) -> Floats:
    """Rows (..., 2) of values (n, 2) at arc lengths s (...)."""
    s = np.asarray(s, dtype=np.float64)
    result = np.empty((*s.shape, 2))
    result[..., 0] = np.interp(s, stations, values[:, 0])
    result[..., 1] = np.interp(s, stations, values[:, 1])
    return result
