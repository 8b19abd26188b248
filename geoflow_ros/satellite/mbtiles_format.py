"""What MBTiles files consist of (https://github.com/mapbox/mbtiles-spec, version 1.3)."""

from __future__ import annotations

from collections.abc import Collection

from geoflow_ros.satellite.tile_images import Bounds

APPLICATION_ID = 0x4D504258  # "MPBX"
RASTER_FORMATS = ("png", "jpg", "webp")
COLUMNS = "zoom_level, tile_column, tile_row"
"""Of a tile, its row counted from the south."""
IS_TILE = "zoom_level = ? AND tile_column = ? AND tile_row = ?"
ENDS = "SELECT min(tile_column), min(tile_row), max(tile_column), max(tile_row) FROM tiles WHERE zoom_level = ?"


def named(name: str) -> dict[str, str]:
    """The metadata of imagery with a name."""
    return {"name": name, "type": "baselayer", "version": "1", "description": name}


def extent(bounds: Bounds, zooms: Collection[int]) -> dict[str, str]:
    """The metadata of the zooms there are, and of the box that the finest tiles cover."""
    west, south, east, north = bounds
    return {
        "minzoom": str(min(zooms)),
        "maxzoom": str(max(zooms)),
        "bounds": f"{west:.9f},{south:.9f},{east:.9f},{north:.9f}",
        "center": f"{(west + east) / 2:.9f},{(south + north) / 2:.9f},{max(zooms)}",
    }
