"""What the streets of a town are made of: road, kerb, pavement or verge, repairs, covers and drains."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.road_network import Network, Street
from geoflow_ros.town.site import HEIGHT, Site
from geoflow_ros.town.style import Style, happens
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]

LOOSE = {
    Texture.GRASS: np.array([0.46, 0.49, 0.31]), Texture.MEADOW: np.array([0.45, 0.47, 0.31]),
    Texture.SOIL: np.array([0.42, 0.34, 0.26]), Texture.GRAVEL: np.array([0.62, 0.58, 0.52]),
}  # fmt: skip
"""What unpaved roads, shoulders and verges are made of, and its colour."""
TINTS = {False: (0.62, 0.72, 1.25, 1.4), True: (0.6, 0.75, 0.88, 1.12, 1.3)}
"""Of repairs over that of the road; True: in much repaired towns."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What one street is made of. verge, shoulder: beside the road where there is no kerb.

    lawn: of the pavement's width, what is grass behind the kerb. painted: share of the paint that is left.
    tracks: brightness of the wheels' tracks over that of the road, 0 for tracks of fresh asphalt.
    """

    road: Texture
    tint: Floats
    kerbed: bool = True
    paved: bool = True
    verge: Texture = Texture.GRASS
    shoulder: Texture = Texture.GRAVEL
    shoulder_width: float = 0.0
    lawn: float = 0.0
    painted: float = 1.0
    tracks: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator, street: Street, palette: Palette, style: Style) -> Surface:
        """A street's own surface in a town of this style."""
        tint = palette.road_tint * rng.uniform(0.82, 1.2)
        road = Texture.ASPHALT_WORN if rng.random() < 0.3 else Texture.ASPHALT
        if street.profile.lanes == 0 and rng.random() < 0.15:
            road, tint = Texture.SETTS, palette.kerb_tint * 0.75
        surface = cls(road, tint)
        if happens(rng, style.unpaved):
            earth = Texture(rng.choice([Texture.SOIL, Texture.GRAVEL]))
            tint = LOOSE[earth] * rng.uniform(0.8, 1.2)
            surface = cls(earth, tint, paved=False, painted=0.0, tracks=1.12)
        elif happens(rng, style.concrete):
            tint = rng.uniform(0.45, 0.7) * np.array([1.0, 0.98, 0.95])
            surface = cls(Texture.CONCRETE, tint, tracks=0.93)
        if not surface.paved or happens(rng, style.bare):
            surface = surface.with_verge(rng)
        elif happens(rng, style.lawns):
            surface = replace(surface, lawn=rng.uniform(0.3, 1.0))
        if surface.paved and style.worn:
            left = 0.0 if happens(rng, style.unmarked) else rng.uniform(1.0 - style.worn, 1.0)
            surface = replace(surface, painted=left)
        return replace(surface, tracks=rng.uniform(0.85, 1.15)) if style.worn else surface

    def with_verge(self, rng: np.random.Generator) -> Surface:
        """The same road between shoulders and verges."""
        verge = rng.choice([Texture.GRASS, Texture.MEADOW, Texture.SOIL, Texture.GRAVEL], p=[0.4, 0.3, 0.2, 0.1])
        shoulder, width = Texture(rng.choice([Texture.SOIL, Texture.GRAVEL, Texture.GRASS])), rng.uniform(0.2, 1.8)
        return replace(self, kerbed=False, verge=Texture(verge), shoulder=shoulder, shoulder_width=width)

    def beside(self, palette: Palette) -> tuple[Texture, Floats]:
        """Texture and tint of pavement or verge."""
        return (palette.pavement, palette.pavement_tint) if self.kerbed else (self.verge, LOOSE[self.verge])


def pave(
    rng: np.random.Generator, network: Network, street: Street, site: Site, palette: Palette, surface: Surface
) -> None:
    """Lay a street from one junction to the other, and mark it as taken."""
    path, road, half = street.path, street.profile.road / 2, street.profile.half
    site.taken.draw(path.strip(-half - 0.3, half + 0.3))
    beside, tint = surface.beside(palette)
    site.mesh.ground(path.strip(-half, half), HEIGHT.pavement, beside, tint)
    if surface.kerbed:
        site.mesh.ground(path.strip(-road - 0.18, road + 0.18), HEIGHT.kerb, Texture.PLAIN, palette.kerb_tint)
    site.mesh.ground(path.strip(-road, road), HEIGHT.road, surface.road, surface.tint)
    for side in (-1.0, 1.0):
        if not surface.kerbed:
            _shoulder(rng, street, side, network, site, surface)
            continue
        gutter = sorted((side * road, side * (road - 0.28)))
        site.mesh.ground(path.strip(*gutter), HEIGHT.wear, Texture.SETTS, palette.kerb_tint * 0.62)
        if surface.lawn:
            lawn = sorted((side * (road + 0.18), side * (road + 0.18 + surface.lawn * (half - road - 0.18))))
            site.mesh.ground(path.strip(*lawn), HEIGHT.tile, Texture.GRASS, LOOSE[Texture.GRASS])


def _shoulder(
    rng: np.random.Generator, street: Street, side: float, network: Network, site: Site, surface: Surface
) -> None:
    """A strip of loose ground between the junctions that eats into road and verge."""
    start, end = network.radii[street.start], street.path.length - network.radii[street.end]
    if end - start < 5.0:
        return
    path, road, wide = street.path, street.profile.road / 2, min(surface.shoulder_width, street.profile.pavement)
    cuts = np.linspace(start, end, int((end - start) / 2.5) + 1)
    inner, outer = (limit + rng.uniform(-0.3, 0.1, len(cuts)) for limit in (road, road + wide))
    along = np.stack([cuts[:-1], cuts[1:], cuts[1:], cuts[:-1]], axis=1)
    across = side * np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], axis=1)
    tint = LOOSE[surface.shoulder] * rng.uniform(0.85, 1.1)
    site.mesh.ground(path.at(along, across), HEIGHT.verge, surface.shoulder, tint)


def pave_junction(
    network: Network, junction: int, center: Floats, site: Site, palette: Palette, surfaces: list[Surface]
) -> None:
    """A disc of road that rounds the corners off, with kerb and pavement around it where any street has them."""
    radius, streets = network.radii[junction], network.streets_at(junction)
    pavement = max(network.streets[index].profile.pavement for index in streets)
    best = max((surfaces[index] for index in streets), key=lambda surface: (surface.kerbed, surface.paved))
    site.mesh.disc(center, radius + 0.9 * pavement, HEIGHT.pavement, *best.beside(palette))
    if best.kerbed:
        site.mesh.disc(center, radius + 0.18, HEIGHT.kerb, Texture.PLAIN, palette.kerb_tint)
    road = (best.road, best.tint) if best.tracks else (Texture.ASPHALT, palette.road_tint)
    site.mesh.disc(center, radius, HEIGHT.patch, *road)


def wear(
    rng: np.random.Generator, street: Street, start: float, end: float, site: Site, palette: Palette, surface: Surface
) -> None:
    """Repaired patches, trenches, covers and drains: what a place is recognised by."""
    path, edge, lane = street.path, street.profile.road / 2 - 0.4, street.profile.lane_offset
    if surface.paved:
        _repairs(rng, street, start, end, site, palette, surface)
    track, tint = Texture.ASPHALT, palette.road_tint * 0.95
    if surface.tracks:
        track, tint = surface.road, surface.tint * surface.tracks
    for wheel in (-lane - 0.8, -lane + 0.8, lane - 0.8, lane + 0.8):
        site.mesh.ground(path.strip(wheel - 0.25, wheel + 0.25, start, end), HEIGHT.wear, track, tint)
    if not surface.kerbed:
        return
    for s in np.arange(start + rng.uniform(2, 10), end, rng.uniform(17.0, 30.0)):
        left = rng.uniform(-0.6, 0.6) * edge
        site.mesh.disc(path.at(s, left), 0.42, HEIGHT.colour + 0.001, Texture.ASPHALT, palette.road_tint * 0.7)
        site.mesh.disc(path.at(s, left), 0.33, HEIGHT.cover, Texture.METAL, (0.42, 0.4, 0.38))
    drains = np.arange(start + rng.uniform(1, 8), end, rng.uniform(14.0, 24.0))
    for side in (-1.0, 1.0):
        lefts = sorted((side * (edge - 0.05), side * (edge + 0.33)))
        site.mesh.ground(path.quads(drains, drains + 0.5, *lefts), HEIGHT.cover, Texture.METAL, (0.3, 0.3, 0.3))


def _repairs(
    rng: np.random.Generator, street: Street, start: float, end: float, site: Site, palette: Palette, surface: Surface
) -> None:
    path, edge, factor = street.path, street.profile.road / 2 - 0.4, site.style.repairs
    tints = TINTS[factor > 1.0]
    for _ in range(rng.poisson((end - start) / 22.0 * factor)):
        s, left = rng.uniform(start, end - 6.0), rng.uniform(-edge, edge - 1.5)
        length, width = (rng.uniform(4, 25), rng.uniform(0.5, 0.9)) if rng.random() < 0.4 else rng.uniform(1.2, 4.5, 2)
        quads = path.strip(left, min(left + width, edge), s, min(s + length, end))
        site.mesh.ground(quads, HEIGHT.patch, Texture.ASPHALT, palette.road_tint * rng.choice(tints))
    if factor > 1.0:
        for _ in range(rng.poisson((end - start) / 80.0)):
            s, (right, left) = (
                rng.uniform(start, end - 6.0),
                ((-edge, edge), (-edge, 0.0), (0.0, edge))[rng.integers(3)],
            )
            quads = path.strip(right, left, s, min(s + rng.uniform(8.0, 60.0), end))
            site.mesh.ground(quads, HEIGHT.wear + 0.001, surface.road, surface.tint * rng.choice(tints))
