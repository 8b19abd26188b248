"""Streets as one sees them: road, kerb, pavement, markings, crossings, covers, repairs, lights and parked cars."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.town.mesh import MeshBuilder
from geoflow_ros.town.occupancy import Raster
from geoflow_ros.town.props import Placements, Shape
from geoflow_ros.town.road_network import HALF_SIZE, Network, Street
from geoflow_ros.town.style import TEMPERATE, Style
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]
Line = Callable[[Floats], None]
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
    road: float = 0.0
    wear: float = 0.004
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


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Materials that a whole town shares."""

    pavement: Texture
    pavement_tint: Floats
    road_tint: Floats
    kerb_tint: Floats
    cycle_tint: Floats
    yellow: bool
    broken: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> Palette:
        """A town's own materials."""
        pavement = rng.choice([Texture.SLABS, Texture.SLABS, Texture.CONCRETE, Texture.ASPHALT, Texture.SETTS])
        warm = np.array([1.0, rng.uniform(0.93, 1.0), rng.uniform(0.82, 1.0)])
        cycle = [(0.55, 0.22, 0.18), (0.25, 0.42, 0.3), (0.36, 0.36, 0.37)][rng.integers(3)]
        return cls(
            Texture(pavement), rng.uniform(0.5, 0.78) * warm, rng.uniform(0.3, 0.52) * np.array([1.0, 1.0, 1.02]),
            rng.uniform(0.6, 0.85) * warm, np.array(cycle), bool(rng.random() < 0.3), bool(rng.random() < 0.5),
        )  # fmt: skip


def build_streets(rng: np.random.Generator, network: Network, site: Site) -> None:
    """Pave, paint and furnish all streets, and mark them as taken."""
    palette = Palette.random(rng)
    for street in network.streets:
        _pave(rng, street, site, palette)
    for junction, center in enumerate(network.junctions):
        _pave_junction(network, junction, center, site, palette)
    for street in network.streets:
        trim = network.radii[street.start] + 1.0, street.path.length - network.radii[street.end] - 1.0
        if trim[1] - trim[0] > 12.0 and np.abs(street.path.points).min(axis=0).max() < HALF_SIZE + 60.0:
            _paint(rng, street, *trim, site, palette)
            _wear(rng, street, *trim, site, palette)
            _furnish(rng, street, *trim, site)


def _pave(rng: np.random.Generator, street: Street, site: Site, palette: Palette) -> None:
    path, road, half = street.path, street.profile.road / 2, street.profile.half
    tint = palette.road_tint * rng.uniform(0.82, 1.2)
    surface = Texture.ASPHALT_WORN if rng.random() < 0.3 else Texture.ASPHALT
    if street.profile.lanes == 0 and rng.random() < 0.15:
        surface, tint = Texture.SETTS, palette.kerb_tint * 0.75
    site.mesh.ground(path.strip(-half, half), HEIGHT.pavement, palette.pavement, palette.pavement_tint)
    site.mesh.ground(path.strip(-road - 0.18, road + 0.18), HEIGHT.kerb, Texture.PLAIN, palette.kerb_tint)
    site.mesh.ground(path.strip(-road, road), HEIGHT.road, surface, tint)
    for side in (-1.0, 1.0):
        gutter = sorted((side * road, side * (road - 0.28)))
        site.mesh.ground(path.strip(*gutter), HEIGHT.wear, Texture.SETTS, palette.kerb_tint * 0.62)
    site.taken.draw(path.strip(-half - 0.3, half + 0.3))


def _pave_junction(network: Network, junction: int, center: Floats, site: Site, palette: Palette) -> None:
    """A disc of road that rounds the corners off, with kerb and pavement around it."""
    radius = network.radii[junction]
    pavement = max(network.streets[index].profile.pavement for index in network.streets_at(junction))
    site.mesh.disc(center, radius + 0.9 * pavement, HEIGHT.pavement, palette.pavement, palette.pavement_tint)
    site.mesh.disc(center, radius + 0.18, HEIGHT.kerb, Texture.PLAIN, palette.kerb_tint)
    site.mesh.disc(center, radius, HEIGHT.patch, Texture.ASPHALT, palette.road_tint)


def _paint(rng: np.random.Generator, street: Street, start: float, end: float, site: Site, palette: Palette) -> None:
    path, profile = street.path, street.profile
    inner, edge = profile.driven / 2, profile.road / 2
    outer = inner + (1.5 if profile.cycle else 0.0)

    def line(quads: Floats, tint: ArrayLike = WHITE) -> None:
        site.mesh.ground(quads, HEIGHT.paint, Texture.PAINT, tint)

    def dashes(left: float, on: float, gap: float, width: float, tint: ArrayLike = WHITE) -> None:
        begin = np.arange(start + 2.0, end - on, on + gap)
        line(path.quads(begin, begin + on, left - width / 2, left + width / 2), tint)

    if profile.cycle:
        for side in (-1.0, 1.0):
            right, left = sorted((side * inner, side * outer))
            strip = path.strip(right, left, start, end)
            site.mesh.ground(strip, HEIGHT.colour, Texture.ASPHALT, palette.cycle_tint)
            line(path.strip(side * inner - 0.08, side * inner + 0.08, start, end))
    if profile.lanes > 0:
        middle = (0.95, 0.72, 0.2) if palette.yellow else WHITE
        if profile.lanes > 1 or rng.random() < 0.25:
            for left in (-0.13, 0.13) if rng.random() < 0.6 else (0.0,):
                line(path.strip(left - 0.06, left + 0.06, start, end), middle)
        else:
            dashes(0.0, *((3.0, 4.5) if rng.random() < 0.6 else (1.5, 2.5)), 0.14, middle)
        for lane in range(1, profile.lanes):
            for side in (-1.0, 1.0):
                dashes(side * inner * lane / profile.lanes, 3.0, 6.0, 0.12)
        if not profile.parking and not profile.cycle and rng.random() < 0.4:
            for side in (-1.0, 1.0):
                line(path.strip(side * (edge - 0.5) - 0.06, side * (edge - 0.5) + 0.06, start, end))
        _approaches(rng, street, start, end, line)
    if profile.parking:
        _parking(rng, street, start + 7.0, end - 7.0, outer, site, line)


def _approaches(rng: np.random.Generator, street: Street, start: float, end: float, line: Line) -> None:
    """Zebra crossing, stop line and lane arrows before each end of a street."""
    path, profile = street.path, street.profile
    edge = profile.road / 2 - 0.3
    for at, back in ((start, 1.0), (end, -1.0)):
        stop = at
        if rng.random() < 0.55:
            bars = np.arange(-edge + 0.2, edge - 0.5, 1.0)
            near, far = sorted((at, at + back * 3.2))
            line(path.quads(near, far, bars, bars + 0.5))
            stop = at + back * 4.4
        right, left = sorted((0.15 * back, edge * back))
        if rng.random() < 0.7:
            near, far = sorted((stop, stop + back * 0.4))
            line(path.quads(near, far, right, left))
        if rng.random() < 0.5 and end - start > 34.0:
            for lane in range(profile.lanes):
                middle = back * profile.driven / 2 * (lane + 0.5) / profile.lanes
                _arrow(street, stop + back * 10.0, middle, -back, int(rng.integers(3)), line)


def _arrow(street: Street, tip: float, left: float, direction: float, turn: int, line: Line) -> None:
    """A lane arrow whose tip points along `direction` (+1: along the path); turn 0 straight, 1 left, 2 right."""
    path = street.path

    def quad(points: list[tuple[float, float]]) -> Floats:
        local = np.asarray(points)
        return path.at(tip + direction * local[:, 0], left + direction * local[:, 1])[None]

    line(quad([(-4.2, -0.08), (-1.3, -0.08), (-1.3, 0.08), (-4.2, 0.08)]))
    if turn == 0:
        line(quad([(-1.4, -0.35), (0.0, 0.0), (0.0, 0.0), (-1.4, 0.35)]))
        return
    side = 1.0 if turn == 1 else -1.0
    line(quad([(-1.4, 0.0), (-1.1, 0.0), (-1.1, side * 0.5), (-1.4, side * 0.5)]))
    line(quad([(-1.75, side * 0.45), (-1.25, side * 1.1), (-1.25, side * 1.1), (-0.75, side * 0.45)]))


def _parking(
    rng: np.random.Generator, street: Street, start: float, end: float, inner: float, site: Site, line: Line
) -> None:
    """Marked bays at both kerbs and a slot for a car in each."""
    path, bay = street.path, 5.6
    for side in (-1.0, 1.0):
        bays = np.arange(start, end - bay, bay)
        if rng.random() < 0.2 or not len(bays):
            continue
        outer = inner + 2.0
        marks = np.append(bays, bays[-1] + bay)
        line(path.quads(marks - 0.05, marks + 0.05, *sorted((side * inner, side * outer))))
        line(path.strip(side * inner - 0.05, side * inner + 0.05, bays[0], bays[-1] + bay))
        middle = bays + bay / 2
        site.park(path.at(middle, side * (inner + 1.05)), path.yaw(middle) + (math.pi if side > 0 else 0.0))


def _wear(rng: np.random.Generator, street: Street, start: float, end: float, site: Site, palette: Palette) -> None:
    """Repaired patches, trenches, covers and drains: what a place is recognised by."""
    path, edge = street.path, street.profile.road / 2 - 0.4
    for _ in range(rng.poisson((end - start) / 22.0)):
        s, left = rng.uniform(start, end - 6.0), rng.uniform(-edge, edge - 1.5)
        length, width = (rng.uniform(4, 25), rng.uniform(0.5, 0.9)) if rng.random() < 0.4 else rng.uniform(1.2, 4.5, 2)
        quads = path.strip(left, min(left + width, edge), s, min(s + length, end))
        tint = palette.road_tint * rng.choice([0.62, 0.72, 1.25, 1.4])
        site.mesh.ground(quads, HEIGHT.patch, Texture.ASPHALT, tint)
    lane = street.profile.lane_offset
    for wheel in (-lane - 0.8, -lane + 0.8, lane - 0.8, lane + 0.8):
        site.mesh.ground(
            path.strip(wheel - 0.25, wheel + 0.25, start, end), HEIGHT.wear, Texture.ASPHALT, palette.road_tint * 0.95
        )
    for s in np.arange(start + rng.uniform(2, 10), end, rng.uniform(17.0, 30.0)):
        left = rng.uniform(-0.6, 0.6) * edge
        site.mesh.disc(path.at(s, left), 0.42, HEIGHT.colour + 0.001, Texture.ASPHALT, palette.road_tint * 0.7)
        site.mesh.disc(path.at(s, left), 0.33, HEIGHT.cover, Texture.METAL, (0.42, 0.4, 0.38))
    drains = np.arange(start + rng.uniform(1, 8), end, rng.uniform(14.0, 24.0))
    for side in (-1.0, 1.0):
        lefts = sorted((side * (edge - 0.05), side * (edge + 0.33)))
        site.mesh.ground(path.quads(drains, drains + 0.5, *lefts), HEIGHT.cover, Texture.METAL, (0.3, 0.3, 0.3))


def _furnish(rng: np.random.Generator, street: Street, start: float, end: float, site: Site) -> None:
    path, profile = street.path, street.profile
    edge = profile.road / 2
    lamps = np.arange(start + 4.0, end, rng.uniform(22.0, 36.0))
    side = np.where(np.arange(len(lamps)) % 2 == 0, 1.0, -1.0)
    site.props.add(Shape.STREET_LIGHT, path.at(lamps, side * (edge + 0.5)), path.yaw(lamps) - side * math.pi / 2)
    if profile.pavement > 1.9 and rng.random() < 0.5:
        _street_trees(rng, street, start, end, site)
    for s, back in ((start + 2.0, 1.0), (end - 2.0, -1.0)):
        if rng.random() < 0.6:
            tint = [(0.8, 0.1, 0.1), (0.1, 0.25, 0.7), (0.9, 0.75, 0.1)][rng.integers(3)]
            yaw = path.yaw(s) + (0.0 if back > 0 else math.pi)
            site.props.add(Shape.SIGN, path.at(s, back * (edge + 0.6)), yaw, tint=tint)
    lane = profile.lane_offset
    spots = np.arange(start, end, 16.0)
    for lefts, turn in ((-lane, 0.0), (lane, math.pi)):
        site.driving.append(np.column_stack([path.at(spots, lefts), path.yaw(spots) + turn]))
    if not profile.parking and profile.road > 5.8 and rng.random() < 0.5:
        spots = np.arange(start + 8.0, end - 8.0, 7.0)
        keep = spots[rng.random(len(spots)) < 0.5]
        side = rng.choice([-1.0, 1.0])
        site.park(path.at(keep, side * (edge - 1.0)), path.yaw(keep) + (math.pi if side > 0 else 0.0))


def _street_trees(rng: np.random.Generator, street: Street, start: float, end: float, site: Site) -> None:
    path, edge = street.path, street.profile.road / 2
    shape = Shape(rng.choice([Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.ROUND_TREE]))
    spacing, height = rng.uniform(7.0, 16.0), rng.uniform(5.0, 10.0)
    for side in (-1.0, 1.0) if rng.random() < 0.7 else (1.0,):
        s = np.arange(start + 6.0, end - 4.0, spacing)
        s = s[rng.random(len(s)) < 0.85]
        left = side * (edge + 1.0)
        pits = path.quads(s - 0.6, s + 0.6, left - 0.6, left + 0.6)
        site.mesh.ground(pits, HEIGHT.tile, Texture.SOIL, (0.4, 0.33, 0.26))
        heights = height * rng.uniform(0.75, 1.2, (len(s), 1))
        tint = foliage_tint(rng, len(s))
        site.props.add(shape, path.at(s, left), rng.uniform(0, 6.3, len(s)), heights * [0.85, 0.85, 1.0], tint)


def foliage_tint(rng: np.random.Generator, count: int) -> Floats:
    """Greens (count, 3) of summer leaves; the season is the look's."""
    bright = rng.uniform(0.75, 1.2, (count, 1))
    return np.asarray(bright * np.array([0.45, 0.52, 0.31]) * rng.uniform(0.85, 1.15, (count, 3)))
