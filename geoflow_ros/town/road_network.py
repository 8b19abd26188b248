"""The street network: a warped, thinned, irregular lattice of streets and the blocks between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import rotate
from geoflow_ros.town.path import Path
from geoflow_ros.town.style import TEMPERATE, Style, happens

Floats = NDArray[np.float64]

HALF_SIZE = 280.0
"""Half the side (m) of the square that is modelled in full, around the datum."""


BENT_WAVES = 1.6
"""Factor of the wave numbers where streets are bent on purpose; amplitude times wave number stays below 1."""


class Zone(Enum):
    """What a block is used for."""

    HOUSES = auto()
    ROWS = auto()
    HALLS = auto()
    PARK = auto()
    SQUARE = auto()
    FIELD = auto()
    WOOD = auto()


FLAT_ROOFS = {Zone.HOUSES: 0.12, Zone.ROWS: 0.5, Zone.HALLS: 0.95}
"""The zones that are built on, and their share of flat roofs."""
TOWN_ZONES = (Zone.HOUSES, Zone.ROWS, Zone.HALLS, Zone.PARK, Zone.SQUARE)
OPEN_ZONES = (Zone.FIELD, Zone.WOOD)


@dataclass(frozen=True, slots=True)
class Profile:
    """Cross-section of a street, metres. lanes: painted lanes a direction, 0 for an unmarked street."""

    road: float
    pavement: float
    lanes: int
    parking: bool
    cycle: bool

    @property
    def half(self) -> float:
        """Metres from the centre line to the back of the pavement."""
        return self.road / 2 + self.pavement

    @property
    def lane_offset(self) -> float:
        """Metres from the centre line to the middle of the lane nearest to it (traffic keeps right)."""
        return self.driven / 2 / max(self.lanes, 1) / 2

    def widened(self, road: float, pavement: float = 1.0) -> Profile:
        """The same street with carriageway and pavements wider by factors."""
        return replace(self, road=self.road * road, pavement=self.pavement * pavement)

    @property
    def driven(self) -> float:
        """Width of the part that moving traffic uses, without parking and cycle strips."""
        return self.road - (4.2 if self.parking else 0.0) - (3.0 if self.cycle else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Street:
    """A street between two junctions (indices); the path runs from start to end."""

    start: int
    end: int
    path: Path
    profile: Profile


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """junctions: (n, 2) east, north. radii: (n,) of the paved area of each. blocks: outline (k, 2) and zone of each."""

    junctions: Floats
    radii: Floats
    streets: tuple[Street, ...]
    blocks: tuple[tuple[Floats, Zone], ...]

    def streets_at(self, junction: int) -> list[int]:
        """Indices of the streets that meet at a junction."""
        return [index for index, street in enumerate(self.streets) if junction in (street.start, street.end)]


class Warp:
    """A smooth bending of the plane: rotation, shear, a polar bend and waves of an amplitude (m) of at least `bend`."""

    def __init__(self, rng: np.random.Generator, bend: float = 0.0) -> None:
        self._angle = rng.uniform(0.0, 2.0 * math.pi)
        self._shear = rng.uniform(-0.3, 0.3)
        self._bend = rng.uniform(560.0, 1300.0) if rng.random() < 0.45 else math.inf
        amplitude = max(rng.choice([1.0, 7.0, 15.0]), bend)
        tighter = BENT_WAVES if bend else 1.0
        self._waves = [
            (amplitude * rng.uniform(0.3, 1.0), tighter * rng.uniform(0.006, 0.022), *rng.uniform(0, 6.3, 2))
            for _ in range(4)
        ]

    def __call__(self, points: Floats) -> Floats:
        """Bent points (..., 2)."""
        x, y = points[..., 0] + self._shear * points[..., 1], points[..., 1]
        if math.isfinite(self._bend):
            x, y = (self._bend + y) * np.sin(x / self._bend), (self._bend + y) * np.cos(x / self._bend) - self._bend
        for index, (amplitude, wave, direction, phase) in enumerate(self._waves):
            shift = amplitude * np.sin(wave * (x * math.cos(direction) + y * math.sin(direction)) + phase)
            x, y = (x + shift, y) if index % 2 else (x, y + shift)
        return rotate(self._angle, np.stack([x, y], axis=-1))


def generate_network(rng: np.random.Generator, style: Style = TEMPERATE) -> Network:
    """A connected random network that covers the modelled square and a rim around it."""
    warp = Warp(rng, style.bend)
    base = rng.uniform(62.0, 92.0) * style.block_size
    columns, rows = _lines(rng, base * rng.uniform(0.8, 1.3)), _lines(rng, base)
    lattice = np.stack(np.meshgrid(columns, rows, indexing="ij"), axis=-1)
    lattice = lattice + rng.uniform(-1.0, 1.0, lattice.shape) * rng.choice([0.0, 3.0, 9.0])
    urban = rng.random()
    widths = style.road_width, style.pavement_width
    column_profiles = [_profile(rng, urban).widened(*widths) for _ in columns]
    row_profiles = [_profile(rng, urban).widened(*widths) for _ in rows]

    nodes = warp(lattice)
    inside = np.abs(nodes).max(axis=-1) < HALF_SIZE + 70.0
    links = _links(inside, column_profiles, row_profiles, rng)
    links, merged = _thin(links, nodes.shape[:2], rng.uniform(0.0, 0.2), rng)
    streets = []
    for start, end, profile in links:
        steps = np.linspace(0.0, 1.0, 24)[:, None]
        flat = lattice[start] * (1 - steps) + lattice[end] * steps
        index = [int(np.ravel_multi_index(node, nodes.shape[:2])) for node in (start, end)]
        streets.append(Street(index[0], index[1], Path.through(warp(flat)), profile))
    blocks = _blocks(lattice, warp, merged, inside, urban, rng)
    blocks = [(outline, _open(rng, zone, style.open_land)) for outline, zone in blocks]
    return _compact(nodes.reshape(-1, 2), streets, blocks)


def _lines(rng: np.random.Generator, base: float) -> Floats:
    gaps = base * rng.uniform(0.6, 1.5, size=int(1150 / base))
    positions = np.cumsum(gaps)
    return np.asarray(positions - positions[len(positions) // 2] + rng.uniform(-30.0, 30.0))


def _profile(rng: np.random.Generator, urban: float) -> Profile:
    kind = rng.random()
    if kind < 0.22 + 0.15 * urban:
        lanes = 2 if rng.random() < 0.35 * urban else 1
        parking, cycle = bool(rng.random() < 0.4), bool(rng.random() < 0.45)
        road = lanes * 2 * rng.uniform(3.0, 3.5) + (4.2 if parking else 0.0) + (3.0 if cycle else 0.0)
        return Profile(road, rng.uniform(2.2, 4.2), lanes, parking, cycle)
    if kind < 0.65:
        parking = bool(rng.random() < 0.5)
        return Profile(rng.uniform(6.0, 7.4) + (4.2 if parking else 0.0), rng.uniform(1.6, 3.2), 1, parking, False)
    return Profile(rng.uniform(4.8, 6.2), rng.uniform(1.2, 2.2), 0, False, False)


Node = tuple[int, int]
Link = tuple[Node, Node, Profile]


def _links(
    inside: NDArray[np.bool_], columns: list[Profile], rows: list[Profile], rng: np.random.Generator
) -> list[Link]:
    """Lattice edges with an end inside the rim, and a few diagonals."""
    links: list[Link] = []
    diagonal = rng.choice([0.0, 0.0, 0.06, 0.12])
    for i, j in np.ndindex(*inside.shape):
        candidates: list[tuple[Node, Profile]] = [((i + 1, j), rows[j]), ((i, j + 1), columns[i])]
        if rng.random() < diagonal:
            candidates.append(((i + 1, j + 1), rows[j]))
        for (k, m), profile in candidates:
            if k < inside.shape[0] and m < inside.shape[1] and (inside[i, j] and inside[k, m]):
                links.append(((i, j), (k, m), profile))
    return links


def _thin(
    links: list[Link], shape: tuple[int, ...], share: float, rng: np.random.Generator
) -> tuple[list[Link], dict[Node, Node]]:
    """Links without a random share of them, still connected; and which block was merged into which."""
    kept, merged = list(links), {}
    for index in rng.permutation(len(links))[: int(share * len(links))]:
        link = links[index]
        remaining = [other for other in kept if other is not link]
        degrees = [sum(node in other[:2] for other in remaining) for node in link[:2]]
        if min(degrees) < 2 or not _connected(remaining):
            continue
        kept = remaining
        (i, j), (k, m), _ = link
        if k == i + 1 and m == j and j > 0:
            merged[(i, j)] = (i, j - 1)
        elif k == i and i > 0:
            merged[(i, j)] = (i - 1, j)
    return kept, merged


def _connected(links: list[Link]) -> bool:
    neighbours: dict[Node, list[Node]] = {}
    for start, end, _ in links:
        neighbours.setdefault(start, []).append(end)
        neighbours.setdefault(end, []).append(start)
    seen, frontier = set(), [links[0][0]]
    while frontier:
        node = frontier.pop()
        if node not in seen:
            seen.add(node)
            frontier.extend(neighbours[node])
    return len(seen) == len(neighbours)


def _blocks(
    lattice: Floats, warp: Warp, merged: dict[Node, Node], inside: NDArray[np.bool_], urban: float,
    rng: np.random.Generator,
) -> list[tuple[Floats, Zone]]:  # fmt: skip
    zones, shares = TOWN_ZONES, [1.3 - urban, 0.2 + urban, rng.uniform(0.05, 0.35), 0.14, 0.10]
    chosen = rng.choice(len(zones), size=lattice.shape[:2], p=np.array(shares) / sum(shares))
    blocks = []
    for i, j in np.ndindex(lattice.shape[0] - 1, lattice.shape[1] - 1):
        corners = lattice[[i, i + 1, i + 1, i], [j, j, j + 1, j + 1]]
        if not inside[i : i + 2, j : j + 2].any():
            continue
        owner = (i, j)
        while owner in merged:
            owner = merged[owner]
        steps = np.linspace(0.0, 1.0, 8, endpoint=False)[:, None]
        sides = [corners[side] * (1 - steps) + corners[(side + 1) % 4] * steps for side in range(4)]
        blocks.append((warp(np.concatenate(sides)), zones[chosen[owner]]))
    return blocks


def _open(rng: np.random.Generator, zone: Zone, share: float) -> Zone:
    """The zone, or in `share` of the draws a field or wood."""
    return OPEN_ZONES[rng.integers(len(OPEN_ZONES))] if happens(rng, share) else zone


def _compact(nodes: Floats, streets: list[Street], blocks: list[tuple[Floats, Zone]]) -> Network:
    """The network with junctions that no street uses left out."""
    used = sorted({node for street in streets for node in (street.start, street.end)})
    renamed = {node: index for index, node in enumerate(used)}
    radii = np.zeros(len(used))
    for street in streets:
        for node in (street.start, street.end):
            radii[renamed[node]] = max(radii[renamed[node]], street.profile.road / 2 + 1.2)
    streets = [Street(renamed[street.start], renamed[street.end], street.path, street.profile) for street in streets]
    return Network(nodes[used], radii, tuple(streets), tuple(blocks))
