"""What lies behind the street front: ground, back buildings, parking lots, yards, parks and squares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.buildings import Manner, add_building
from geoflow_ros.town.mesh import Frame
from geoflow_ros.town.paving import LOOSE
from geoflow_ros.town.props import Shape
from geoflow_ros.town.road_network import FLAT_ROOFS, Zone
from geoflow_ros.town.site import HEIGHT, WHITE, Site, foliage_tint
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]

TREE_AREA_M2 = {
    Zone.HOUSES: 95.0, Zone.ROWS: 260.0, Zone.HALLS: 420.0, Zone.PARK: 75.0, Zone.SQUARE: 200.0, Zone.FIELD: 2500.0,
    Zone.WOOD: 28.0,
}  # fmt: skip
"""Ground for one tree or shrub."""


def block_ground(rng: np.random.Generator, outline: Floats, zone: Zone, site: Site, index: int) -> None:
    """Lay the ground of a block."""
    bright = rng.uniform(0.85, 1.15)
    texture, tint = {
        Zone.HOUSES: (Texture.GRASS, np.array([0.46, 0.48, 0.31])),
        Zone.ROWS: (Texture.CONCRETE, np.array([0.5, 0.49, 0.46])),
        Zone.HALLS: (Texture.ASPHALT_WORN, np.array([0.42, 0.42, 0.43])),
        Zone.PARK: (Texture.MEADOW, np.array([0.45, 0.49, 0.31])),
        Zone.SQUARE: (Texture.SETTS, np.array([0.62, 0.58, 0.53])),
        Zone.FIELD: (Texture.CROPS, np.array([0.44, 0.46, 0.3])),
        Zone.WOOD: (Texture.MEADOW, np.array([0.36, 0.35, 0.25])),
    }[zone]
    if zone is Zone.FIELD:
        texture, tint = [(texture, tint), *LOOSE.items()][rng.integers(1 + len(LOOSE))]
        bright = rng.uniform(0.7, 1.3)
    site.mesh.fan(outline, HEIGHT.block - 0.00002 * (index % 50), texture, tint * bright)


def fill_block(rng: np.random.Generator, outline: Floats, zone: Zone, site: Site) -> None:
    """Whatever the street side left free: parking lots, lawns, sheds, trees."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    area = float(np.prod(high - low))
    if zone in FLAT_ROOFS:
        manner = Manner.random(rng, site.style.flat_share(FLAT_ROOFS[zone]))
        for _ in range(int(area / 350.0 * site.style.built)):
            _back_building(rng, outline, manner, site)
    if zone in (Zone.HALLS, Zone.ROWS):
        for _ in range(12 if zone is Zone.HALLS else 4):
            _parking_lot(rng, outline, site)
    if zone is Zone.PARK:
        _park(rng, outline, site)
    if zone not in (Zone.SQUARE, Zone.FIELD, Zone.WOOD):
        for _ in range(int(area / 250.0)):
            _yard(rng, rng.uniform(low, high), zone, site)
    count = int(area / TREE_AREA_M2[zone] * (1.0 + 8.0 * site.style.trees))
    spots = rng.uniform(low, high, (count, 2))
    spots = spots[_inside(outline, spots) & (site.taken.at(spots) == 0)]
    shape = Shape(rng.choice([Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER], p=[0.45, 0.3, 0.25]))
    heights = rng.uniform(4.0, 13.0, (len(spots), 1)) * (0.7 if zone in (Zone.HOUSES, Zone.SQUARE) else 1.0)
    shrubs = rng.random(len(spots)) < 0.4
    tints, turns = foliage_tint(rng, len(spots)), rng.uniform(0, 6.3, len(spots))
    site.props.add(shape, spots[~shrubs], turns[~shrubs], heights[~shrubs] * [0.9, 0.9, 1.0], tints[~shrubs])
    site.props.add(Shape.BUSH, spots[shrubs], turns[shrubs], heights[shrubs] * [0.22, 0.22, 0.18], tints[shrubs])
    if zone is Zone.SQUARE:
        _square(rng, outline, site)


def _back_building(rng: np.random.Generator, outline: Floats, manner: Manner, site: Site) -> None:
    """A building away from the streets, square to the block's first side, with a paved or green surrounding."""
    along, center = outline[6] - outline[1], rng.uniform(outline.min(axis=0), outline.max(axis=0))
    frame = Frame.at(center, math.atan2(along[1], along[0]))
    width, depth = rng.uniform(8.0, 20.0), rng.uniform(7.0, 12.0)
    plot = frame.rectangle(-width / 2 - 4.0, width / 2 + 4.0, -4.0, depth + 4.0)
    if not site.taken.is_free(plot) or not _inside(outline, plot).all():
        return
    site.taken.draw(plot[None])
    surround = Texture(rng.choice([Texture.GRASS, Texture.GRASS, Texture.GRAVEL, Texture.SLABS]))
    tint = rng.uniform(0.9, 1.1) * np.array((0.46, 0.49, 0.31) if surround is Texture.GRASS else (0.6, 0.57, 0.52))
    site.mesh.ground(plot[None], HEIGHT.plot, surround, tint)
    floors = site.style.floors(int(rng.integers(1, 4)))
    add_building(site.mesh, rng, frame, (width, depth), floors, manner, Texture.GROUND_DOOR)


def _inside(outline: Floats, points: Floats) -> NDArray[np.bool_]:
    """Whether points (n, 2) lie in a polygon (k, 2): the even-odd rule."""
    a, b = outline, np.roll(outline, -1, axis=0)
    y = points[:, None, 1]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    slope = (b[:, 0] - a[:, 0]) / np.where(b[:, 1] == a[:, 1], 1e-9, b[:, 1] - a[:, 1])
    return np.asarray((crosses & (points[:, None, 0] < a[:, 0] + slope * (y - a[:, 1]))).sum(axis=1) % 2 == 1)


def _parking_lot(rng: np.random.Generator, outline: Floats, site: Site) -> None:
    """Rows of marked bays on asphalt, along the block's first side."""
    along = outline[6] - outline[1]
    center = rng.uniform(outline.min(axis=0), outline.max(axis=0))
    frame = Frame.at(center, math.atan2(along[1], along[0]))
    columns = int(rng.integers(5, 13))
    half = columns * 2.5 / 2
    lot = frame.rectangle(-half - 1.5, half + 1.5, -8.5, 8.5)
    if not site.taken.is_free(lot) or not _inside(outline, lot).all():
        return
    site.taken.draw(lot[None])
    site.mesh.ground(lot[None], HEIGHT.detail, Texture.ASPHALT, np.full(3, rng.uniform(0.3, 0.5)))
    columns_x = -half + 2.5 * np.arange(columns + 1)
    for side in (-1.0, 1.0):
        for x in columns_x:
            mark = frame.rectangle(x - 0.05, x + 0.05, *sorted((side * 3.2, side * 8.2)))
            site.mesh.ground(mark[None], HEIGHT.tile, Texture.PAINT, WHITE)
        bays = np.column_stack([columns_x[:-1] + 1.25, np.full(columns, side * 5.7)])
        site.park(frame.points(bays), frame.yaw + side * math.pi / 2)


def _yard(rng: np.random.Generator, center: Floats, zone: Zone, site: Site) -> None:
    """A shed, terrace, vegetable bed or lawn."""
    frame = Frame.at(center, rng.uniform(0, math.pi))
    w, d = rng.uniform(2.0, 7.0, 2)
    spot = frame.rectangle(-w / 2, w / 2, 0.0, d)
    if not site.taken.is_free(spot):
        return
    kind = rng.random()
    if kind < 0.3 and zone is not Zone.PARK:
        site.taken.draw(spot[None])
        manner = Manner.random(rng, site.style.flat_share(0.5))
        add_building(site.mesh, rng, frame, (w, d), 1, manner, Texture.GROUND_GARAGE)
        return
    texture, tint = [
        (Texture.SOIL, (0.38, 0.31, 0.24)), (Texture.SLABS, (0.62, 0.58, 0.52)), (Texture.GRASS, (0.46, 0.52, 0.3)),
        (Texture.GRAVEL, (0.66, 0.62, 0.55)),
    ][rng.integers(4)]  # fmt: skip
    site.mesh.ground(spot[None], HEIGHT.plot, texture, np.array(tint) * rng.uniform(0.85, 1.15))


def _park(rng: np.random.Generator, outline: Floats, site: Site) -> None:
    """Two gravel walks across and a pond."""
    center = outline.mean(axis=0)
    for first in rng.choice(16, 2, replace=False):
        ends = outline[first], center + rng.uniform(-6, 6, 2), outline[(first + 16) % 32]
        share = np.linspace(0.0, 1.0, 14)[:, None]
        curve = (1 - share) ** 2 * ends[0] + 2 * share * (1 - share) * ends[1] + share**2 * ends[2]
        across = np.gradient(curve, axis=0)
        normal = np.column_stack([-across[:, 1], across[:, 0]]) / np.hypot(*across.T)[:, None]
        left, right = curve + normal * 1.3, curve - normal * 1.3
        quads = np.stack([right[:-1], right[1:], left[1:], left[:-1]], axis=1)
        site.mesh.ground(quads, HEIGHT.detail, Texture.GRAVEL, (0.68, 0.62, 0.52))
        site.taken.draw(quads)
    if rng.random() < 0.5:
        angles = np.linspace(0, 2 * math.pi, 20, endpoint=False)
        radius = rng.uniform(4.0, 10.0) * rng.uniform(0.8, 1.2, (20, 1))
        pond = center + rng.uniform(-10, 10, 2) + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        site.mesh.fan(pond, HEIGHT.plot, Texture.GLASS, (1.0, 1.0, 1.0))
        site.taken.draw(pond[None])


def _square(rng: np.random.Generator, outline: Floats, site: Site) -> None:
    """A paved pattern with a fountain and benches."""
    center, reach = outline.mean(axis=0), float(np.linalg.norm(outline - outline.mean(axis=0), axis=1).min())
    bands = [share for share in (0.85, 0.7, 0.5) if rng.random() < 0.7]
    for level, share in enumerate(bands):
        tint = rng.uniform(0.4, 0.8) * np.array([1.0, 0.95, 0.88])
        texture = Texture(rng.choice([Texture.SLABS, Texture.SETTS]))
        site.mesh.fan(center + (outline - center) * share * 0.8, HEIGHT.plot + 0.002 * level, texture, tint)
    radius = min(4.5, reach / 5)
    angles = np.linspace(0, 2 * math.pi, 4, endpoint=False) + rng.uniform(0, 1)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    site.mesh.box(center + ring * radius, 0.0, 0.5, Texture.CONCRETE, (0.75, 0.72, 0.68))
    site.mesh.box(center + ring * radius * 0.2, 0.5, 2.2, Texture.CONCRETE, (0.75, 0.72, 0.68))
    site.props.add(Shape.BENCH, center + ring * (radius + 3.0), angles + math.pi / 2)
