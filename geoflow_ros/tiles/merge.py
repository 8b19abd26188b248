"""Tile stores joined into one MBTiles file, their tiles as they are but where one is seen through another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.encoded_images import format_of, unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_grid import Tile, joint
from geoflow_ros.satellite.tile_images import TileStore, decode_tile
from geoflow_ros.satellite.tile_pyramid import is_opaque, over, png_of
from geoflow_ros.tiles.export import data_of, places_of


def merge(stores: Sequence[TileStore], target: Path, attribution: str = "") -> int:
    """Writes the tiles of stores, of each place that of the last one which has it. How many there were.

    A tile that is partly transparent, as where an image ends, is laid on those of the stores below.
    attribution: in the place of what the stores state.
    """
    if len({store.tile_px for store in stores}) > 1:
        sides = ", ".join(f"{store.name} {store.tile_px} px" for store in stores)
        raise InputError(
            f"tiles of one store are of one size, but there are {sides}: import them into files of their own"
        )
    if len({(store.imagery_offset.east, store.imagery_offset.north) for store in stores}) > 1:
        offsets = ", ".join(f"{store.name} {store.imagery_offset}" for store in stores)
        raise InputError(f"a store has one imagery offset, but there are {offsets}: import into files of their own")
    stated = dict.fromkeys(store.attribution for store in stores if store.attribution)
    total = sum(store.count(zoom) for store in stores for zoom in store.zooms)
    done: set[Tile] = set()
    with (
        MBTilesWriter(
            target,
            target.stem,
            stores[-1].format,
            bounds=joint([store.bounds for store in stores]),
            attribution=attribution or "; ".join(stated),
            offset=stores[-1].imagery_offset,
        ) as writer,
        tqdm(total=total, unit="tile", desc=target.name, disable=None) as bar,
    ):
        for number, store in reversed(list(enumerate(stores))):
            for zoom in store.zooms:
                for x, y in places_of(store, zoom):
                    bar.update()
                    if (zoom, x, y) not in done:
                        done.add((zoom, x, y))
                        data = data_of(store, (zoom, x, y))
                        writer.add(zoom, x, y, _laid_on(data, reversed(stores[:number]), (zoom, x, y)))
    return len(done)


def _laid_on(data: bytes, below: Iterable[TileStore], tile: Tile) -> bytes:
    """A tile, and what the tiles of stores below, the topmost first, show through it; as it is where they show none."""
    if format_of(unzipped(data)) == "jpg":  # always opaque
        return data
    shown: NDArray[np.uint8] | None = None
    for other in (found for store in below if (found := store.tile(*tile)) is not None):
        try:
            above, under = decode_tile(data) if shown is None else shown, decode_tile(other)
            if is_opaque(above):
                break
            shown = over(above, under) if above.shape == under.shape else shown
        except InputError:  # what is damaged stays as it is, and is found by `tiles verify`
            continue
    return data if shown is None else png_of(shown)
