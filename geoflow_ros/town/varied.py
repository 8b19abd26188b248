"""Towns to train on that are alike in nothing: each draws roads, verges, plants, buildings and colours of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geoflow_ros.town.look import Look
from geoflow_ros.town.props import Shape
from geoflow_ros.town.style import Skin, Style, any_weather
from geoflow_ros.town.textures import FACADES, Colour, Texture

VARIED_SEEDS = range(30_000, 40_000)
"""Of the varied towns: the first 9,000 to train on, the others for validation and tests."""

LAWNS = ((0.36, 0.42, 0.26), (0.47, 0.5, 0.34), (0.3, 0.35, 0.23), (0.6, 0.57, 0.44), (0.52, 0.47, 0.37))
EARTHS = ((0.42, 0.34, 0.26), (0.6, 0.4, 0.29), (0.66, 0.59, 0.48), (0.5, 0.47, 0.43), (0.34, 0.29, 0.25))
ROADS = ((0.27, 0.27, 0.29), (0.37, 0.37, 0.38), (0.5, 0.5, 0.5), (0.63, 0.62, 0.6), (0.52, 0.46, 0.42))
PAVED = ((0.5, 0.5, 0.5), (0.6, 0.58, 0.54), (0.73, 0.71, 0.68), (0.64, 0.54, 0.47))
ROOFS = (
    (0.62, 0.32, 0.22), (0.25, 0.25, 0.27), (0.5, 0.5, 0.5), (0.42, 0.33, 0.27), (0.82, 0.82, 0.8), (0.64, 0.2, 0.16),
    (0.36, 0.45, 0.57), (0.32, 0.42, 0.36), (0.66, 0.57, 0.46),
)  # fmt: skip
WALLS = (
    (0.92, 0.92, 0.9), (0.87, 0.8, 0.66), (0.6, 0.36, 0.28), (0.5, 0.48, 0.46), (0.42, 0.33, 0.27), (0.62, 0.68, 0.74),
    (0.7, 0.55, 0.4), (0.78, 0.74, 0.7),
)  # fmt: skip
COLOURS = {
    **dict.fromkeys((Texture.GRASS, Texture.MEADOW), LAWNS), **dict.fromkeys((Texture.SOIL, Texture.GRAVEL), EARTHS),
    Texture.ASPHALT: ROADS, Texture.CROPS: LAWNS + EARTHS,
    **dict.fromkeys((Texture.CONCRETE, Texture.SLABS, Texture.SETTS), PAVED), Texture.SEAMS: ROOFS,
    **dict.fromkeys((*FACADES, Texture.FENCE), WALLS),
}  # fmt: skip
TREES = (Shape.BROAD_TREE, Shape.ROUND_TREE, Shape.CONIFER)


def varied_style(seed: int) -> Style:
    """The style of the varied town of a seed, from a few houses between fields to closed rows of towers."""
    rng = np.random.default_rng([seed, 2])
    density = rng.uniform()
    return Style(
        "varied",
        road_width=rng.uniform(0.7, 1.4),
        pavement_width=rng.uniform(0.6, 2.2),
        block_size=rng.uniform(0.9, 1.2) + (1.0 - density) * rng.uniform(0.0, 0.8),
        bend=rng.uniform(0.0, 22.0),
        bare=float(np.clip(rng.uniform(-0.2, 1.6) - 0.7 * density, 0.0, 1.0)),
        lawns=rng.uniform(),
        unpaved=max(0.0, rng.uniform(-0.5, 0.8) - 0.6 * density),
        concrete=max(0.0, rng.uniform(-1.5, 0.7)),
        unmarked=rng.uniform(),
        worn=rng.uniform(0.0, 0.95),
        repairs=float(np.exp(rng.uniform(-1.0, 1.3))),
        trees=rng.uniform(0.0, 0.15),
        open_land=max(0.0, rng.uniform(0.0, 1.1) - 1.3 * density),
        built=min(1.0, 0.08 + 1.4 * density),
        storeys=float(np.exp(rng.uniform(-0.5, 0.1 + 0.8 * density))),
        aprons=rng.uniform(0.3, 1.0),
        hedges=rng.uniform() ** 2,
        open_fronts=rng.uniform(),
        flat_roofs=bool(rng.random() < 0.15),
        skins=_skins(rng),
        plants=_plants(rng),
        plants_kept=rng.uniform(0.4, 1.0),
        foliage=_mixed(rng, ((0.7, 0.85, 0.7), (1.1, 1.0, 0.9), (0.6, 0.6, 0.6), (1.2, 1.2, 1.0))),
        looks=wide_weather,
    )


def wide_weather(rng: np.random.Generator) -> tuple[Look, Look]:
    """Any weather, in either image sometimes as hard or as dark as a photograph's; cars close to the camera."""
    ground, above = any_weather(rng)
    return replace(_exposed(rng, ground), clear=rng.uniform(3.0, 9.0)), _exposed(rng, above)


def _exposed(rng: np.random.Generator, look: Look) -> Look:
    if rng.random() < 0.5:
        return look
    sky = look.sky * rng.uniform(0.5, 1.0)
    return replace(look, sky=sky, exposure=rng.uniform(0.5, 1.5), saturation=rng.uniform(0.4, 1.2))


def _mixed(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """A colour between two of these, brighter or darker."""
    first, second = np.array(colours)[rng.integers(len(colours), size=2)]
    share = rng.uniform()
    red, green, blue = (share * first + (1.0 - share) * second) * rng.uniform(0.8, 1.15) * rng.uniform(0.94, 1.06, 3)
    return float(red), float(green), float(blue)


def _skins(rng: np.random.Generator) -> dict[Texture, Skin]:
    """A town's own colours; sheet metal on the roofs of one town in three."""
    skins = {texture: Skin(texture, _mixed(rng, colours)) for texture, colours in COLOURS.items() if rng.random() < 0.7}
    if Texture.ASPHALT in skins:
        skins[Texture.ASPHALT_WORN] = Skin(Texture.ASPHALT_WORN, skins[Texture.ASPHALT].tint)
    if rng.random() < 0.7:
        roof = Texture.SEAMS if rng.random() < 0.5 else Texture.TILES
        skins[Texture.TILES] = Skin(roof, _mixed(rng, ROOFS))
    return skins


def _plants(rng: np.random.Generator) -> dict[Shape, Shape]:
    """What grows for what: in one town in three all trees are of one kind."""
    if rng.random() < 0.67:
        return {shape: shape for shape in (*TREES, Shape.BUSH)}
    kind = TREES[rng.integers(len(TREES))]
    return {kind: kind, Shape.BUSH: Shape.BUSH} | {shape: kind for shape in TREES if shape is not kind}
