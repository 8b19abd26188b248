"""Tile stores joined into one MBTiles file, their tiles as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_grid import Tile
from geoflow_ros.satellite.tile_images import TileStore
from geoflow_ros.tiles.export import data_of, places_of


def merge(stores: Sequence[TileStore], target: Path, attribution: str = "") -> int:
    """Writes the tiles of stores, of each place that of the last one which has it. How many there were.

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
            attribution=attribution or "; ".join(stated),
            offset=stores[-1].imagery_offset,
        ) as writer,
        tqdm(total=total, unit="tile", desc=target.name, disable=None) as bar,
    ):
        for store in reversed(stores):
            for zoom in store.zooms:
                for x, y in places_of(store, zoom):
                    bar.update()
                    if (zoom, x, y) not in done:
                        done.add((zoom, x, y))
                        writer.add(zoom, x, y, data_of(store, (zoom, x, y)))
    return len(done)
