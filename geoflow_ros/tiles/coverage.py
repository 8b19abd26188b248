"""Which tiles of a store there are, in numbers and as a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.tile_grid import tile_box
from geoflow_ros.satellite.tile_images import Bounds, TileStore, credit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CELLS = 512
"""Along a side of a panel; where a zoom has more tiles than that, a cell stands for several."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A zoom of a store.

    filled: (rows, columns) share of the tiles of each cell that there are, cells of `cell_zoom`. share: the same of the
    rectangle around all tiles.
    """

    zoom: int
    tiles: int
    bounds: Bounds
    share: float
    cell_zoom: int
    filled: NDArray[np.float64]


def level_of(store: TileStore, zoom: int) -> Level:
    """What a store has of a zoom."""
    places = np.array(list(store.places(zoom)), dtype=np.int64)
    low, high = places.min(axis=0), places.max(axis=0)
    shift = 0
    while ((high >> shift) - (low >> shift)).max() >= MAX_CELLS:
        shift += 1
    left, top = (low >> shift).tolist()
    columns, rows = ((high >> shift) - (low >> shift) + 1).tolist()
    filled = np.zeros((rows, columns))
    np.add.at(filled, ((places[:, 1] >> shift) - top, (places[:, 0] >> shift) - left), 0.25**shift)
    share = len(places) / float(np.prod(high - low + 1))
    bounds = tile_box(zoom, *low.tolist(), *high.tolist())
    return Level(zoom, len(places), bounds, share, zoom - shift, filled)


def draw_coverage(store: TileStore, levels: list[Level], path: Path) -> None:
    """Writes a picture with a panel for every zoom, north up, and what its colours mean."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"a picture needs matplotlib ({error}): {install_hint('tiles')}") from None

    columns = math.ceil(math.sqrt(len(levels)))
    rows = math.ceil(len(levels) / columns)
    figure = Figure(figsize=(4.5 * columns, 4.5 * rows + 0.8), dpi=100, layout="constrained")
    for axes, level in zip(figure.subplots(rows, columns, squeeze=False).flat, levels, strict=False):
        _draw_level(axes, level)
    for axes in figure.axes[len(levels) :]:
        axes.remove()
    figure.suptitle(f"{store.name}\n{legend(levels)}", parse_math=False, fontsize=10)
    figure.supxlabel(credit_of(store), fontsize=7, wrap=True, parse_math=False)
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose a folder you may write to") from error


def legend(levels: list[Level]) -> str:
    """What the colours of a picture of levels mean: shades there are only where a cell stands for several tiles."""
    if any(level.cell_zoom < level.zoom for level in levels):
        return "the darker the green, the more of a cell's tiles there are; white: none"
    return "green: there is a tile; white: there is none"


def _draw_level(axes: Axes, level: Level) -> None:
    shown = np.ceil(level.filled * 4) / 4  # a single tile of many is seen, too
    axes.imshow(shown, cmap="Greens", vmin=0.0, vmax=1.3, interpolation="none")
    west, south, east, north = level.bounds
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(f"{west:.5f} to {east:.5f} E\n{south:.5f} to {north:.5f} N", fontsize=8)
    axes.set_title(f"zoom {level.zoom}: {level.tiles} tiles, {100 * level.share:.1f} % of the rectangle", fontsize=9)
