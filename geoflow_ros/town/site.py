"""The ground that the parts of a town are built on: its layers, what is taken, and what has been put there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.town.mesh import MeshBuilder
from geoflow_ros.town.occupancy import Raster
from geoflow_ros.town.props import Placements
from geoflow_ros.town.style import TEMPERATE, Style

Floats = NDArray[np.float64]
WHITE = (0.97, 0.97, 0.95)


class Height(NamedTuple):
    """Heights (m) of the layers of the ground, a few millimetres apart so that each hides the one below."""

    terrain: float = -0.028
    block: float = -0.024
    plot: float = -0.020
    detail: float = -0.016
    pavement: float = -0.012
    tile: float = -0.008
    kerb: float = -0.004
    apron: float = -0.002
    road: float = 0.0
    wear: float = 0.004
    verge: float = 0.006
    patch: float = 0.008
    colour: float = 0.012
    paint: float = 0.016
    cover: float = 0.020


HEIGHT = Height()


@dataclass(slots=True)
class Site:
    """What the parts of a town are built into. car_slots: rows of east, north, yaw; the first array parked."""

    mesh: MeshBuilder = field(default_factory=MeshBuilder)
    props: Placements = field(default_factory=Placements)
    taken: Raster = field(default_factory=Raster)
    parked: list[Floats] = field(default_factory=list)
    driving: list[Floats] = field(default_factory=list)
    style: Style = TEMPERATE

    def park(self, points: ArrayLike, yaw: ArrayLike) -> None:
        """Offer slots for parked cars at points (n, 2)."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        self.parked.append(np.column_stack([points, np.broadcast_to(yaw, len(points))]))


def foliage_tint(rng: np.random.Generator, count: int) -> Floats:
    """Greens (count, 3) of summer leaves; the season is the look's."""
    bright = rng.uniform(0.75, 1.2, (count, 1))
    return np.asarray(bright * np.array([0.45, 0.52, 0.31]) * rng.uniform(0.85, 1.15, (count, 3)))
