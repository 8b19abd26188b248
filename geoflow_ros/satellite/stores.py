"""Encoded tiles on disk, whatever holds them."""

from __future__ import annotations

from pathlib import Path

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.folder_store import FolderStore
from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.satellite.pmtiles_store import MAGIC, PMTilesStore
from geoflow_ros.satellite.tile_images import TileStore

STORES = "MBTiles file, PMTiles archive, or folder of z/x/y tiles"
"""What `open_store` opens, for the help of command lines."""
IMAGE_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".png", ".jpg", ".jpeg")


def open_store(path: Path | str) -> TileStore:
    """The tile store at a path: an MBTiles file, a PMTiles archive, or a folder of z/x/y tiles."""
    path = Path(path)
    if path.is_dir():
        return FolderStore(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(
            f"{path} is an image, not a tile store: make one with python -m geoflow_ros.tiles import {path} "
            f"{path.stem}.mbtiles"
        )
    return PMTilesStore(path) if _begins_with(path, MAGIC) else MBTilesStore(path)


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:  # what opens the store says what is wrong with it
        return False
