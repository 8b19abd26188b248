"""A town from a seed: everything that does not change with light and season, and where cars may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.planar import wrap_angle
from geoflow_ros.town.drifts import add_drifts
from geoflow_ros.town.parcels import build_plots
from geoflow_ros.town.props import Shape
from geoflow_ros.town.regions import style_of
from geoflow_ros.town.road_network import HALF_SIZE, Network, generate_network
from geoflow_ros.town.site import HEIGHT, Site, foliage_tint
from geoflow_ros.town.streets import build_streets
from geoflow_ros.town.style import TEMPERATE, Style
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]

SITES = (
    (48.137, 11.575), (52.520, 13.405), (59.329, 18.069), (45.764, 4.836), (40.417, -3.704), (41.009, 28.978),
    (35.682, 139.759), (-33.869, 151.209), (-23.551, -46.633), (19.433, -99.133), (43.653, -79.383), (47.606, -122.332),
    (-36.848, 174.763), (1.352, 103.820), (60.170, 24.941), (38.722, -9.139), (-33.925, 18.424), (30.044, 31.236),
)  # fmt: skip
"""Latitude, longitude (degrees) of real cities; a town is placed within about 15 km of one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """east, north metres around `datum`; the ground is flat, at up = 0.

    mesh: quads (q, 4, VERTEX_FLOATS). props: rows of INSTANCE_FLOATS a shape.
    parked, driving: (n, 3) east, north, yaw of the places where cars may stand or drive.
    style: of the region it stands in, which its seed says.
    """

    seed: int
    datum: Datum
    network: Network
    mesh: NDArray[np.float32]
    props: dict[Shape, NDArray[np.float32]]
    parked: Floats
    driving: Floats
    style: Style = TEMPERATE

    @classmethod
    def generate(cls, seed: int, datum: Datum | None = None) -> Town:
        """The town of a seed, always the same; at a place of its own unless a datum is given."""
        if seed < 0:
            raise InputError(f"town seed {seed} is negative: give 0 or more")
        rng = np.random.default_rng(seed)
        latitude, longitude = SITES[rng.integers(len(SITES))] + rng.uniform(-0.12, 0.12, 2)
        style = style_of(seed)
        network, site = generate_network(rng, style), Site(style=style)
        build_streets(rng, network, site)
        build_plots(rng, network, site)
        _terrain(rng, site)
        add_drifts(rng, network, site)
        mesh, props = style.reskin(site.mesh.build()), style.plant(site.props.build(), rng)
        return cls(
            seed, datum or Datum(float(latitude), float(longitude)), network, mesh, props,
            np.concatenate(site.parked), np.concatenate(site.driving), style,
        )  # fmt: skip

    def sample_pose(self, rng: np.random.Generator, margin: float = 70.0) -> tuple[float, float, float]:
        """East, north (m) and yaw (rad) of a car on a lane, at least `margin` m inside the modelled square."""
        reach = HALF_SIZE - margin
        lengths = np.array([street.path.length for street in self.network.streets])
        while True:
            street = self.network.streets[rng.choice(len(lengths), p=lengths / lengths.sum())]
            s, forward = rng.uniform(0.0, street.path.length), bool(rng.random() < 0.5)
            keep_right = -1.0 if forward else 1.0
            lane = street.profile.lane_offset + rng.normal(0.0, 0.35)
            east, north = street.path.at(s, keep_right * lane)
            if max(abs(east), abs(north)) <= reach:
                yaw = float(street.path.yaw(s)) + (0.0 if forward else math.pi)
                turning = rng.normal(0.0, 0.3) if rng.random() < 0.15 else rng.normal(0.0, 0.04)
                return float(east), float(north), wrap_angle(yaw + turning)


def _terrain(rng: np.random.Generator, site: Site) -> None:
    """Meadow under everything, out to the horizon, with a belt of trees around the town."""
    edges = np.concatenate([[-1500.0, -800.0], np.arange(-420.0, 421.0, 60.0), [800.0, 1500.0]])
    east, north = np.meshgrid(edges, edges, indexing="ij")
    grid = np.stack([east, north], axis=-1)
    quads = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=2).reshape(-1, 4, 2)
    site.mesh.ground(quads, HEIGHT.terrain, Texture.MEADOW, (0.45, 0.47, 0.31))
    count = 260
    angle, distance = rng.uniform(0, 2 * math.pi, count), rng.uniform(420.0, 520.0, count)
    spots = distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    heights = rng.uniform(8.0, 16.0, (count, 1)) * [2.5, 2.5, 1.0]
    site.props.add(Shape.GROVE, spots, rng.uniform(0, 6.3, count), heights, foliage_tint(rng, count))
