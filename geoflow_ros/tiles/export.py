"""Any tile store as MBTiles, PMTiles or a folder: the same tiles, byte by byte."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from geoflow_ros.encoded_images import format_of, unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.folder_store import DESCRIPTION
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_grid import Tile, tile_name
from geoflow_ros.satellite.tile_images import OFFSET_KEY, TileStore

Add = Callable[[Tile, bytes], None]


def export(store: TileStore, source: Path, target: Path) -> int:
    """Writes all tiles of a store; the target is what its name ends in, a folder without a suffix. How many there were.

    The target appears under its name only when all went well. A file is replaced, a folder is not.
    """
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is what is to be exported: choose another name")
    if not target.parent.is_dir():
        raise InputError(f"folder {target.parent} for {target.name} does not exist: make it first")
    writers = {".mbtiles": _mbtiles, ".pmtiles": _pmtiles, "": _folder}
    if target.suffix not in writers:
        raise InputError(f"{target} ends in {target.suffix}: expected .mbtiles, .pmtiles, or a folder without a suffix")
    total = sum(store.count(zoom) for zoom in store.zooms)
    with (
        writers[target.suffix](store, target) as add,
        tqdm(total=total, unit="tile", desc=target.name, disable=None) as bar,
    ):
        for zoom in store.zooms:
            for x, y in places_of(store, zoom, clustered=target.suffix == ".pmtiles"):
                add((zoom, x, y), data_of(store, (zoom, x, y)))
                bar.update()
    return total


def places_of(store: TileStore, zoom: int, *, clustered: bool = False) -> list[tuple[int, int]]:
    """Columns and rows of a zoom; clustered: in the order of PMTiles, neighbours near each other."""
    places = list(store.places(zoom))
    if strays := [place for place in places if not all(0 <= value < 2**zoom for value in place)]:
        raise InputError(f"tile {tile_name((zoom, *strays[0]))} of {store.name} is off the globe: see tiles verify")
    if not clustered:
        return places
    from pmtiles.tile import zxy_to_tileid

    return sorted(places, key=lambda place: zxy_to_tileid(zoom, *place))


def data_of(store: TileStore, tile: Tile) -> bytes:
    """The encoded tile; InputError where it has none."""
    data = store.tile(*tile)
    if data is None:
        raise InputError(f"tile {tile_name(tile)} of {store.name} is empty: see tiles verify")
    return data


@contextmanager
def _mbtiles(store: TileStore, target: Path) -> Iterator[Add]:
    with MBTilesWriter(
        target,
        store.name,
        store.format,
        bounds=store.bounds,
        attribution=store.attribution,
        offset=store.imagery_offset,
    ) as writer:
        yield lambda tile, data: writer.add(*tile, data)


@contextmanager
def _pmtiles(store: TileStore, target: Path) -> Iterator[Add]:
    try:
        from pmtiles.tile import Compression, TileType, zxy_to_tileid
        from pmtiles.writer import Writer
    except ImportError as error:
        raise InputError(f"writing {target} needs pmtiles ({error}): {install_hint('tiles')}") from None
    kinds = {"png": TileType.PNG, "jpg": TileType.JPEG, "webp": TileType.WEBP, "avif": TileType.AVIF}
    west, south, east, north = (round(value * 1e7) for value in store.bounds)
    header = {
        "tile_type": kinds[store.format],
        "tile_compression": Compression.NONE,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": store.zooms[-1],
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
    with _part(target) as part, part.open("wb") as file:
        writer: Any = Writer(file)  # type: ignore[no-untyped-call]
        yield lambda tile, data: writer.write_tile(zxy_to_tileid(*tile), data)
        writer.finalize(header, _description(store))


@contextmanager
def _folder(store: TileStore, target: Path) -> Iterator[Add]:
    if target.exists():
        raise InputError(f"{target} is there: choose another name, so that no tile of another store stays in it")

    def add(tile: Tile, data: bytes) -> None:
        zoom, x, y = map(str, tile)
        column = part / zoom / x
        column.mkdir(parents=True, exist_ok=True)
        (column / f"{y}.{format_of(unzipped(data)) or store.format}").write_bytes(data)

    with _part(target) as part:
        yield add
        (part / DESCRIPTION).write_text(json.dumps(_description(store)), encoding="utf-8")


def _description(store: TileStore) -> dict[str, str]:
    offset = {OFFSET_KEY: str(store.imagery_offset)} if store.imagery_offset else {}
    return {"name": store.name, "attribution": store.attribution, **offset}


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """A path beside the target that takes its name when all went well, and is removed otherwise."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, target)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror}): choose a folder with space that you may write to"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)
