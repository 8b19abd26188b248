"""What the towns of a region have in common: materials, widths, plants, and the light they are pictured in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.look import Look, Season
from geoflow_ros.town.props import FOLIAGE, Shape
from geoflow_ros.town.textures import FACADES, GROUND_FLOORS, METRES, Colour, Texture

Mesh = NDArray[np.float32]
Props = dict[Shape, NDArray[np.float32]]
UV, TINT, LAYER = slice(6, 8), slice(8, 11), 11
TINT_OF_PROP = slice(7, 10)


def happens(rng: np.random.Generator, share: float) -> bool:
    """True in `share` of the draws; what never happens draws nothing, so that other towns stay as they are."""
    return share > 0.0 and bool(rng.random() < share)


@dataclass(frozen=True, slots=True)
class Skin:
    """What a texture is replaced by. tint: its mean colour, the surfaces' own brightness about it is kept."""

    texture: Texture
    tint: Colour


def any_weather(rng: np.random.Generator) -> tuple[Look, Look]:
    """Looks of a camera image and of the aerial image, drawn independently of each other."""
    return Look.random(rng), Look.random(rng)


def dust_below_low_sun_above(rng: np.random.Generator) -> tuple[Look, Look]:
    """A dusty, shadowless street, and an aerial image of another season under a hard low sun."""
    ground, above = any_weather(rng)
    later = list(Season)[(list(Season).index(ground.season) + int(rng.integers(1, 4))) % len(Season)]
    ground = replace(
        ground,
        sun=rng.uniform(0.0, 0.12),
        sky=rng.uniform(0.8, 1.0),
        cloud=1.0,
        haze=float(10 ** rng.uniform(-2.3, -1.9)),
        warmth=rng.uniform(0.6, 1.4),
    )
    above = replace(
        above,
        sun=rng.uniform(1.3, 1.6),
        sky=rng.uniform(0.3, 0.45),
        cloud=0.0,
        exposure=rng.uniform(1.2, 1.6),
        sun_elevation=math.radians(rng.uniform(12.0, 20.0)),
        season=later,
    )
    return ground, above


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """How the towns of a region differ from the temperate ones, in which nothing is replaced.

    road_width, pavement_width, block_size, storeys, repairs: factors. bend: least amplitude (m) of the waves that
    bend the streets. flat_roofs: nothing else is built. drifts: of sand, a metre of street. trees: a metre of
    roadside; gardens are the fuller. bare: share of the streets without kerb and pavement; lawns: of the others, with
    grass behind the kerb; unpaved, concrete, unmarked: of all; worn: of the paint that is gone. open_land: share of
    the blocks that are fields and woods; built: of the plots. aprons, hedges, open_fronts: of the houses. skins,
    plants: what textures and shapes are replaced by; plants_kept: share of them that grows; foliage: factor of their
    colour. looks: of a camera image and an aerial image of the same place.
    """

    name: str
    road_width: float = 1.0
    pavement_width: float = 1.0
    block_size: float = 1.0
    bend: float = 0.0
    bare: float = 0.0
    lawns: float = 0.0
    unpaved: float = 0.0
    concrete: float = 0.0
    unmarked: float = 0.0
    worn: float = 0.0
    repairs: float = 1.0
    trees: float = 0.0
    open_land: float = 0.0
    built: float = 1.0
    storeys: float = 1.0
    aprons: float = 0.0
    hedges: float = 0.0
    open_fronts: float = 0.0
    flat_roofs: bool = False
    drifts: float = 0.0
    skins: Mapping[Texture, Skin] = field(default_factory=dict)
    plants: Mapping[Shape, Shape] = field(default_factory=dict)
    plants_kept: float = 1.0
    foliage: Colour = (1.0, 1.0, 1.0)
    looks: Callable[[np.random.Generator], tuple[Look, Look]] = any_weather

    def flat_share(self, share: float) -> float:
        """Share of flat roofs where a temperate town has `share`."""
        return 1.0 if self.flat_roofs else share

    def floors(self, count: int) -> int:
        """Storeys of a building that has `count` in a temperate town."""
        return max(1, round(count * self.storeys))

    def reskin(self, mesh: Mesh) -> Mesh:
        """The quads (q, 4, VERTEX_FLOATS) in this style's materials."""
        skinned = mesh.copy()
        for texture, skin in self.skins.items():
            chosen = mesh[:, 0, LAYER] == texture
            brightness = mesh[chosen, :, TINT].mean(axis=-1, keepdims=True)
            if not brightness.size:
                continue
            skinned[chosen, :, TINT] = np.array(skin.tint, np.float32) * brightness / brightness.mean()
            skinned[chosen, :, UV] *= METRES[texture] / METRES[skin.texture] if texture not in FACADES else 1.0
            skinned[chosen, :, LAYER] = skin.texture
        return skinned

    def plant(self, props: Props, rng: np.random.Generator) -> Props:
        """The props with this style's plants."""
        planted = dict(props)
        for old, new in self.plants.items():
            rows = props[old][rng.random(len(props[old])) < self.plants_kept]
            planted[old] = planted[old][:0]
            planted[new] = np.concatenate([planted[new], rows])
        for shape in FOLIAGE:
            planted[shape] = planted[shape].copy()
            planted[shape][:, TINT_OF_PROP] *= np.array(self.foliage, np.float32)
        return planted


_ADOBE, _SAND, _DUSTY_ROAD = (0.8, 0.62, 0.45), (0.8, 0.64, 0.44), (0.56, 0.5, 0.43)

TEMPERATE = Style("temperate")
DESERT = Style(
    "desert",
    road_width=1.35,
    flat_roofs=True,
    drifts=0.12,
    skins={
        Texture.GRASS: Skin(Texture.SAND, _SAND),
        Texture.MEADOW: Skin(Texture.SAND, (0.74, 0.56, 0.38)),
        Texture.SOIL: Skin(Texture.SAND, (0.6, 0.45, 0.32)),
        Texture.HEDGE: Skin(Texture.PLAIN, _ADOBE),
        Texture.FENCE: Skin(Texture.PLAIN, _ADOBE),
        Texture.PLAIN: Skin(Texture.PLAIN, (0.82, 0.72, 0.58)),
        Texture.ASPHALT: Skin(Texture.ASPHALT, _DUSTY_ROAD),
        Texture.ASPHALT_WORN: Skin(Texture.ASPHALT_WORN, _DUSTY_ROAD),
        Texture.CONCRETE: Skin(Texture.CONCRETE, (0.66, 0.57, 0.46)),
        Texture.SLABS: Skin(Texture.SLABS, (0.7, 0.6, 0.48)),
        Texture.PAINT: Skin(Texture.PAINT, (0.95, 0.74, 0.26)),
        Texture.GRAVEL: Skin(Texture.SCREED, (0.86, 0.8, 0.7)),
        Texture.SEAMS: Skin(Texture.SCREED, (0.8, 0.68, 0.54)),
        **{texture: Skin(Texture.WINDOWS_SLIT, _ADOBE) for texture in FACADES if texture < Texture.WINDOWS_BAND},
        **{texture: Skin(Texture.WINDOWS_SCREEN, (0.88, 0.78, 0.62)) for texture in FACADES
           if Texture.WINDOWS_BAND <= texture <= Texture.WINDOWS_BRICK},
        **{texture: Skin(texture, _ADOBE) for texture in GROUND_FLOORS},
    },
    plants={shape: Shape.PALM for shape in (Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER)}
    | {Shape.BUSH: Shape.BUSH, Shape.GROVE: Shape.GROVE},
    plants_kept=0.35,
    looks=dust_below_low_sun_above,
)  # fmt: skip

DESERT_SEEDS = range(20_000, 30_000)
"""Of the desert towns: never trained on, nor is any of their materials, plants and light."""
