"""The orthophoto along a route as a GeoTIFF, in metres around the town's datum."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window
from tqdm import tqdm

from geoflow_ros.geodesy import Datum
from geoflow_ros.town.look import Look
from geoflow_ros.town.render import Renderer

BLOCK_PX = 256
RESOLUTION = 0.2
"""Metres per pixel: zoom 19 at 48 degrees of latitude."""


def local_crs(datum: Datum) -> str:
    """The azimuthal equidistant projection around a datum: within a town its metres are those of the `map` frame."""
    return f"+proj=aeqd +lat_0={datum.latitude!r} +lon_0={datum.longitude!r} +datum=WGS84 +units=m"


def write_orthomosaic(
    path: Path, renderer: Renderer, datum: Datum, route: NDArray[np.float64], reach_m: float, look: Look
) -> None:
    """Write everything within `reach_m` of a route (n, 2), block by block, transparent elsewhere."""
    look = replace(look, vignette=0.0)  # a block's corners are not the photograph's
    block_m = BLOCK_PX * RESOLUTION
    west, south = np.floor((route.min(axis=0) - reach_m) / block_m) * block_m
    columns, rows = (math.ceil(extent / block_m) for extent in route.max(axis=0) + reach_m - (west, south))
    north = south + rows * block_m
    profile = {
        "driver": "GTiff", "width": columns * BLOCK_PX, "height": rows * BLOCK_PX, "count": 4, "dtype": "uint8",
        "crs": local_crs(datum), "transform": from_origin(west, north, RESOLUTION, RESOLUTION), "tiled": True,
        "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "compress": "deflate", "photometric": "RGB", "alpha": "YES",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as raster:
        for row, column in tqdm(list(np.ndindex(rows, columns)), unit="block", desc="orthophoto", disable=None):
            center = np.array([west + (column + 0.5) * block_m, north - (row + 0.5) * block_m])
            if np.hypot(*(route - center).T).min() > reach_m + block_m / 2:
                continue
            image = renderer.orthophoto(float(center[0]), float(center[1]), block_m, BLOCK_PX, look)
            window = Window(column * BLOCK_PX, row * BLOCK_PX, BLOCK_PX, BLOCK_PX)
            opaque = np.full((1, BLOCK_PX, BLOCK_PX), 255, dtype=np.uint8)
            raster.write(np.concatenate([image.transpose(2, 0, 1), opaque]), window=window)
