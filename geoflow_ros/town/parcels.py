"""What stands along the streets: buildings on their plots, with gardens, drives, hedges and parking."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.blocks import block_ground, fill_block
from geoflow_ros.town.buildings import Manner, add_building
from geoflow_ros.town.mesh import Frame
from geoflow_ros.town.occupancy import Raster
from geoflow_ros.town.props import Shape
from geoflow_ros.town.road_network import FLAT_ROOFS, Network, Street, Zone
from geoflow_ros.town.site import HEIGHT, WHITE, Site, foliage_tint
from geoflow_ros.town.style import happens
from geoflow_ros.town.textures import GROUND_FLOORS, Texture

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of the street side, metres: `front` from the pavement, which is `pavement` wide; frame as `Frame.at`."""

    frame: Frame
    width: float
    depth: float
    front: float
    pavement: float


def build_plots(rng: np.random.Generator, network: Network, site: Site) -> None:
    """Fill the blocks of a network whose streets are already marked as taken."""
    zones = Raster()
    for index, (outline, zone) in enumerate(network.blocks):
        zones.draw(outline[None], 1 + list(Zone).index(zone))
        block_ground(rng, outline, zone, site, index)
    manners = {zone: Manner.random(rng, site.style.flat_share(share)) for zone, share in FLAT_ROOFS.items()}
    for index in rng.permutation(len(network.streets)):
        street = network.streets[index]
        for side in (-1.0, 1.0):
            _line_street(rng, street, side, zones, manners, site)
    for outline, zone in network.blocks:
        fill_block(rng, outline, zone, site)


def _line_street(
    rng: np.random.Generator, street: Street, side: float, zones: Raster, manners: dict[Zone, Manner], site: Site
) -> None:
    """Walk along one side of a street and build wherever a plot fits."""
    path, half = street.path, street.profile.half
    s, setback = 4.0, rng.uniform(0.0, 1.0)
    while s < path.length - 4.0:
        zone_value = int(zones.at(path.at(s, side * (half + 6.0))))
        zone = list(Zone)[zone_value - 1] if 0 < zone_value <= len(Zone) else None
        if zone not in manners or rng.random() < max(0.06, 1.0 - site.style.built):
            s += 6.0
            continue
        size, front = _plot(rng, zone, setback)
        if s + size[0] > path.length - 2.0:
            s += 3.0
            continue
        start, end = path.at([s, s + size[0]], side * (half + front))
        along = side * (end - start)  # so that local y leads away from the street
        frame = Frame.at((start + end) / 2, math.atan2(along[1], along[0]))
        behind = 1.0 if zone is Zone.ROWS else 2.5
        ground = frame.rectangle(-size[0] / 2 + 0.3, size[0] / 2 - 0.3, 0.6, size[1] + behind)
        if not site.taken.is_free(ground):
            s += 2.5
            continue
        builder = {Zone.HOUSES: _house, Zone.ROWS: _row, Zone.HALLS: _hall}[zone]
        site.taken.draw(ground[None])
        plot = Plot(frame, *size, front, street.profile.pavement)
        builder(rng, plot, manners[zone], site)
        s += size[0] + (0.0 if zone is Zone.ROWS else rng.uniform(0.5, 5.0))


def _plot(rng: np.random.Generator, zone: Zone, setback: float) -> tuple[tuple[float, float], float]:
    """(width, depth) of a plot and its distance from the pavement, metres."""
    if zone is Zone.HOUSES:
        return (rng.uniform(13.0, 21.0), rng.uniform(9.0, 13.0)), 2.5 + 5.0 * setback + rng.uniform(-0.8, 0.8)
    if zone is Zone.ROWS:
        return (rng.uniform(9.0, 22.0), rng.uniform(10.0, 14.0)), 0.3 + 2.0 * max(0.0, setback - 0.6)
    return (rng.uniform(24.0, 48.0), rng.uniform(18.0, 34.0)), 5.0 + 8.0 * setback


def _house(rng: np.random.Generator, plot: Plot, manner: Manner, site: Site) -> None:
    """A detached house with a front garden, a drive with a car, a hedge or fence, a shed."""
    frame, width, depth, front = plot.frame, plot.width, plot.depth, plot.front
    house = min(width - 4.5, rng.uniform(8.0, 13.0))
    shift = (width - house) / 2 * rng.choice([-1.0, 1.0]) * 0.7
    home = Frame.at(frame.points([shift, 0.0]), frame.yaw)
    add_building(site.mesh, rng, home, (house, depth), site.style.floors(int(rng.choice([1, 2, 2, 2, 3]))), manner,
                 Texture.GROUND_DOOR)  # fmt: skip
    if rng.random() < 0.4:
        annex = Frame.at(home.points([rng.uniform(-2, 2), depth - 2.0]), frame.yaw)
        add_building(site.mesh, rng, annex, (house * 0.5, 5.0), 1, manner, Texture.GROUND_DOOR)
    free = -math.copysign(width / 2 - 1.7, shift)
    drive = frame.rectangle(free - 1.5, free + 1.5, -front, rng.uniform(1.0, depth))
    paving = Texture(rng.choice([Texture.SLABS, Texture.CONCRETE, Texture.ASPHALT, Texture.GRAVEL]))
    tint = rng.uniform(0.45, 0.8) * np.array([1.0, 0.97, 0.92])
    site.mesh.ground(drive[None], HEIGHT.detail, paving, tint)
    if happens(rng, site.style.aprons):
        apron = frame.rectangle(free - 1.6, free + 1.6, -front - plot.pavement, -front + 0.1)
        site.mesh.ground(apron[None], HEIGHT.apron, paving, tint)
    site.park(frame.points([free, -front + 2.8]), frame.yaw + math.pi / 2)
    walk = frame.rectangle(shift - 0.7, shift + 0.7, -front, 0.0)
    site.mesh.ground(walk[None], HEIGHT.detail, Texture.SLABS, (0.6, 0.58, 0.54))
    if rng.random() < 0.5:
        lawn = frame.rectangle(-width / 2, width / 2, -front, depth + 2.5)
        site.mesh.ground(lawn[None], HEIGHT.plot, Texture.GRASS, rng.uniform(0.8, 1.2, 3) * [0.46, 0.49, 0.31])
    _boundary(rng, frame, width, front, (shift, free), site)
    _garden(rng, frame, width, depth, front, site)


def _boundary(
    rng: np.random.Generator, frame: Frame, width: float, front: float, gaps: tuple[float, float], site: Site
) -> None:
    """A hedge, fence or wall along the pavement, open at the walk and the drive."""
    kind = rng.random()
    if kind < 0.25 or happens(rng, site.style.open_fronts):
        return
    if hedged := happens(rng, site.style.hedges):
        kind = 0.3
    texture, tint, thick, high = (
        (Texture.HEDGE, foliage_tint(rng, 1)[0], 0.7, rng.uniform(0.8, 1.8)) if kind < 0.6
        else (Texture.FENCE, np.array([0.55, 0.45, 0.35]) * rng.uniform(0.7, 1.7), 0.1, rng.uniform(0.8, 1.3))
        if kind < 0.85 else (Texture.PLAIN, np.array([0.7, 0.67, 0.62]), 0.3, rng.uniform(0.5, 1.0))
    )  # fmt: skip
    cuts = [-width / 2, *sorted([gaps[0] - 0.9, gaps[0] + 0.9, gaps[1] - 1.7, gaps[1] + 1.7]), width / 2]
    for start, end in zip(cuts[::2], cuts[1::2], strict=True):
        if end - start > 0.5:
            site.mesh.box(frame.rectangle(start, end, -front + 0.2, -front + 0.2 + thick), 0.0, high, texture, tint)
    depth_line = frame.rectangle(-width / 2, -width / 2 + thick, -front + 0.2, rng.uniform(4.0, 10.0))
    site.mesh.box(depth_line, 0.0, high, texture, tint)
    if hedged:
        other_side = frame.rectangle(width / 2 - thick, width / 2, -front + 0.2, rng.uniform(4.0, 10.0))
        site.mesh.box(other_side, 0.0, rng.uniform(0.9, 2.6), texture, tint)


def _garden(rng: np.random.Generator, frame: Frame, width: float, depth: float, front: float, site: Site) -> None:
    count = rng.poisson(2.0)
    x, y = rng.uniform(-width / 2 + 1, width / 2 - 1, count), rng.uniform(-front + 0.9, -0.6, count)
    spots = frame.points(np.column_stack([x, y]))
    heights = rng.uniform(0.7, 2.2, (count, 1))
    site.props.add(Shape.BUSH, spots, rng.uniform(0, 6.3, count), heights * [1.0, 1.0, 0.9], foliage_tint(rng, count))
    if rng.random() < 0.35:
        spot = frame.points([rng.uniform(-width / 2 + 1, width / 2 - 1), depth + 1.5])
        shape = Shape(rng.choice([Shape.CONIFER, Shape.BROAD_TREE, Shape.ROUND_TREE]))
        site.props.add(shape, spot, rng.uniform(0, 6.3), rng.uniform(5.0, 11.0), foliage_tint(rng, 1))


def _row(rng: np.random.Generator, plot: Plot, manner: Manner, site: Site) -> None:
    """A town house of a closed row."""
    ground_floor = Texture(rng.choice(GROUND_FLOORS, p=[0.5, 0.4, 0.1]))
    frame, size = plot.frame, (plot.width, plot.depth)
    add_building(site.mesh, rng, frame, size, site.style.floors(int(rng.integers(2, 7))), manner, ground_floor)
    if ground_floor is Texture.GROUND_SHOP and rng.random() < 0.5:
        width = size[0] / 2 - 1.0
        left, right, depth = -width, width, rng.uniform(0.8, 1.6)
        corners = np.column_stack([frame.rectangle(left, right, -depth, 0.0), [2.5, 2.5, 3.0, 3.0]])
        site.mesh.add([corners, corners[::-1]], Texture.PLAIN, rng.uniform(0.2, 0.9, 3))


def _hall(rng: np.random.Generator, plot: Plot, manner: Manner, site: Site) -> None:
    """An office block, school or shop with a green strip and parking in front."""
    frame, front, half = plot.frame, plot.front, plot.width / 2
    floors = site.style.floors(int(rng.choice([1, 2, 3, 4, 8], p=[0.3, 0.25, 0.2, 0.15, 0.1])))
    add_building(site.mesh, rng, frame, (plot.width, plot.depth), floors, manner, Texture.GROUND_SHOP)
    if front > 7.5:
        bays = np.arange(-half, half - 2.5, 2.5)
        for bay in (*bays, bays[-1] + 2.5):
            mark = frame.rectangle(bay - 0.05, bay + 0.05, -front + 1.0, -front + 6.0)
            site.mesh.ground(mark[None], HEIGHT.tile, Texture.PAINT, WHITE)
        middles = np.column_stack([bays + 1.25, np.full(len(bays), -front + 3.5)])
        site.park(frame.points(middles), frame.yaw + math.pi / 2)
    strip = frame.rectangle(-half, half, -front, -front + 0.9)
    site.mesh.ground(strip[None], HEIGHT.detail, Texture.GRASS, (0.46, 0.49, 0.31))
    count = int(rng.integers(0, 6))
    spots = frame.points(np.column_stack([rng.uniform(-half, half, count), np.full(count, -front + 0.4)]))
    site.props.add(Shape.BUSH, spots, rng.uniform(0, 6.3, count), rng.uniform(0.7, 1.3), foliage_tint(rng, count))
