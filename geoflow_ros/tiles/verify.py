"""Whether every tile of a store can be used."""

from __future__ import annotations

from dataclasses import dataclass

from tqdm import tqdm

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_grid import Tile
from geoflow_ros.satellite.tile_images import TileStore, decode_tile


@dataclass(frozen=True, slots=True)
class Verification:
    """tiles: how many each zoom has. bad: tiles that cannot be used, and why."""

    tiles: dict[int, int]
    bytes: int
    bad: tuple[tuple[Tile, str], ...]


def verify(store: TileStore) -> Verification:
    """Decodes every tile of a store, with a progress bar."""
    counts = {zoom: store.count(zoom) for zoom in store.zooms}
    bad: list[tuple[Tile, str]] = []
    size = 0
    with tqdm(total=sum(counts.values()), unit="tile", desc=store.name, disable=None) as bar:
        for zoom in store.zooms:
            for x, y in store.places(zoom):
                data = store.tile(zoom, x, y)
                size += len(data or b"")
                if fault := _fault(data, store.tile_px):
                    bad.append(((zoom, x, y), fault))
                elif not (0 <= x < 2**zoom and 0 <= y < 2**zoom):
                    bad.append(((zoom, x, y), f"is off the globe, whose columns and rows are 0 to {2**zoom - 1}"))
                bar.update()
    return Verification(counts, size, tuple(bad))


def _fault(data: bytes | None, side: int) -> str:
    """What is wrong with a tile, empty if nothing is."""
    if not data:
        return "is empty"
    try:
        height, width = decode_tile(data).shape[:2]
    except InputError as error:
        return str(error)
    return "" if (height, width) == (side, side) else f"is {width} x {height} px instead of {side}"
