"""Streets as one sees them: paved, painted with markings and crossings, with lights, signs, trees and parked cars."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.town.paving import Palette, Surface, pave, pave_junction, wear
from geoflow_ros.town.props import Shape
from geoflow_ros.town.road_network import HALF_SIZE, Network, Street
from geoflow_ros.town.site import HEIGHT, WHITE, Site, foliage_tint
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]
Line = Callable[[Floats], None]


def build_streets(rng: np.random.Generator, network: Network, site: Site) -> None:
    """Pave, paint and furnish all streets, and mark them as taken."""
    palette, surfaces = Palette.random(rng), []
    for street in network.streets:
        surfaces.append(Surface.random(rng, street, palette, site.style))
        pave(rng, network, street, site, palette, surfaces[-1])
    for junction, center in enumerate(network.junctions):
        pave_junction(network, junction, center, site, palette, surfaces)
    for street, surface in zip(network.streets, surfaces, strict=True):
        trim = network.radii[street.start] + 1.0, street.path.length - network.radii[street.end] - 1.0
        if trim[1] - trim[0] > 12.0 and np.abs(street.path.points).min(axis=0).max() < HALF_SIZE + 60.0:
            _paint(rng, street, *trim, site, palette, surface)
            wear(rng, street, *trim, site, palette, surface)
            _furnish(rng, street, *trim, site, surface)


def _paint(
    rng: np.random.Generator, street: Street, start: float, end: float, site: Site, palette: Palette, surface: Surface
) -> None:
    path, profile = street.path, street.profile
    inner, edge = profile.driven / 2, profile.road / 2
    outer = inner + (1.5 if profile.cycle else 0.0)

    def line(quads: Floats, tint: ArrayLike = WHITE) -> None:
        _line(rng, quads, np.asarray(tint), site, surface)

    def dashes(left: float, on: float, gap: float, width: float, tint: ArrayLike = WHITE) -> None:
        begin = np.arange(start + 2.0, end - on, on + gap)
        line(path.quads(begin, begin + on, left - width / 2, left + width / 2), tint)

    if profile.cycle:
        for side in (-1.0, 1.0):
            right, left = sorted((side * inner, side * outer))
            strip = path.strip(right, left, start, end)
            if surface.painted:
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


def _line(rng: np.random.Generator, quads: Floats, tint: Floats, site: Site, surface: Surface) -> None:
    """Paint as much of the quads (n, 4, 2) as the surface has left, paler the less it is."""
    left = surface.painted
    if left < 1.0:
        quads = quads[rng.random(len(quads)) < 0.4 + 0.6 * left] if left else quads[:0]
        tint = left * tint + (1.0 - left) * surface.tint * 1.3
    site.mesh.ground(quads, HEIGHT.paint, Texture.PAINT, tint)


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


def _furnish(rng: np.random.Generator, street: Street, start: float, end: float, site: Site, surface: Surface) -> None:
    path, profile = street.path, street.profile
    edge = profile.road / 2
    lamps = np.arange(start + 4.0, end, rng.uniform(22.0, 36.0))
    if surface.kerbed:
        side = np.where(np.arange(len(lamps)) % 2 == 0, 1.0, -1.0)
        site.props.add(Shape.STREET_LIGHT, path.at(lamps, side * (edge + 0.5)), path.yaw(lamps) - side * math.pi / 2)
        if profile.pavement > 1.9 and rng.random() < 0.5:
            _street_trees(rng, street, start, end, site)
    if site.style.trees:
        _roadside_trees(rng, street, start, end, site)
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


def _roadside_trees(rng: np.random.Generator, street: Street, start: float, end: float, site: Site) -> None:
    """Trees of all sizes on the verges or pavements; the crowns of the large ones reach over the road."""
    edge, beyond = street.profile.road / 2 + 0.6, 0.4 + street.profile.pavement
    for side in (-1.0, 1.0):
        density = site.style.trees * rng.uniform(0.0, 2.0)
        for shape in rng.choice([Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER, Shape.BUSH], 2):
            count = rng.poisson(0.5 * density * (end - start))
            spots = street.path.at(rng.uniform(start, end, count), side * (edge + beyond * rng.random(count)))
            low, high = (0.8, 3.0) if shape == Shape.BUSH else (5.0, 17.0)
            heights, widths = rng.uniform(low, high, (count, 1)), rng.uniform(0.7, 1.2, (count, 1))
            scales, tint = heights * np.hstack([widths, widths, np.ones_like(widths)]), foliage_tint(rng, count)
            site.props.add(Shape(shape), spots, rng.uniform(0, 6.3, count), scales, tint)
