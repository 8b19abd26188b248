"""Satellite tiles along a drive: mosaicked from one map a frame, or taken out of a larger tile store."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import mercantile
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from tqdm import tqdm

from geoflow_ros.datasets.kitti import MAP_PX, RESOLUTION, read_map
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION, Datum, LocalFrame
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_images import TileStore

Floats = NDArray[np.float64]
SPACING_M = 20.0
"""Between the places of a drive that are looked at: each brings imagery of 125 m around it."""
CELL_PX = 16
"""Of which all pixels come from the same map."""
REACH_M = MAP_PX * RESOLUTION / 2


def places_along(positions: Floats) -> list[int]:
    """Indices of latitudes and longitudes (N, 2) about SPACING_M apart, the first and the last among them."""
    route = _frame_of(positions).to_enu(*positions.T)[:, :2]
    kept = [0]
    for index, place in enumerate(route):
        if math.dist(place, route[kept[-1]]) >= SPACING_M or index == len(route) - 1 > 0:
            kept.append(index)
    return kept


def mosaic_maps(maps: Sequence[Path], centers: Floats, target: Path, quality: int = 90) -> None:
    """Write the MBTiles of square maps of MAP_PX pixels of RESOLUTION m at latitudes and longitudes (N, 2).

    The maps' pixels are those of Web Mercator, as the image services that they come from cut them: each is moved
    by a fraction of a pixel onto the pixel grid of the tiles. A place is taken from the map whose centre is nearest,
    since errors of scale grow with the distance from it.
    """
    try:
        import rasterio
        from rasterio.transform import from_origin
    except ImportError as error:
        raise InputError(f"satellite maps need rasterio ({error}): {install_hint('tiles')}") from error
    own = RESOLUTION / math.cos(math.radians(centers[0, 0]))
    zoom = round(math.log2(EQUATOR_RESOLUTION / own))
    pixel = EQUATOR_RESOLUTION / 2.0**zoom
    places = np.array([mercantile.xy(longitude, latitude) for latitude, longitude in centers]) * (1, -1) / pixel
    reach = MAP_PX / 2 * own / pixel
    low = np.floor(places.min(axis=0) - reach).astype(int)
    width, height = (np.ceil(places.max(axis=0) + reach).astype(int) - low).tolist()
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": 4, "dtype": "uint8", "crs": "EPSG:3857",
        "transform": from_origin(low[0] * pixel, -low[1] * pixel, pixel, pixel), "tiled": True, "blockxsize": 256,
        "blockysize": 256, "photometric": "RGB", "alpha": "YES", "sparse_ok": True, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        file = Path(folder) / f"{target.stem}.tif"
        with rasterio.open(file, "w+", **profile) as raster:
            tree = cKDTree(places - low)
            for index, path in enumerate(tqdm(maps, unit="map", desc="imagery", disable=None)):
                _paste(raster, read_map(path), tree, index, own / pixel)
        import_geotiff(file, target, zoom, quality)


def copy_tiles(store: TileStore, positions: Floats, target: Path) -> None:
    """Write an MBTiles file with the tiles of a store that lie within REACH_M of latitudes and longitudes (N, 2)."""
    wanted: dict[tuple[int, int, int], None] = {}
    frame = _frame_of(positions)
    for place in frame.to_enu(*positions[places_along(positions)].T)[:, :2]:
        (south, north), (west, east), _ = frame.to_geodetic(np.stack([place - REACH_M, place + REACH_M]))
        tiles = mercantile.tiles(float(west), float(south), float(east), float(north), zooms=store.zooms)
        wanted.update(((tile.z, tile.x, tile.y), None) for tile in tiles)
    found = 0
    about = store.attribution, store.imagery_offset
    with MBTilesWriter(target, store.name, store.format, attribution=about[0], offset=about[1]) as writer:
        for z, x, y in tqdm(wanted, unit="tile", desc="imagery", disable=None):
            if (data := store.tile(z, x, y)) is not None:
                writer.add(z, x, y, data)
                found += z == store.zooms[-1]
        if not found:
            west, south, east, north = store.bounds
            latitude, longitude = positions[0].tolist()
            raise InputError(
                f"tile store {store.name} has no imagery along the drive, which starts at {latitude:.6f} N, "
                f"{longitude:.6f} E: it covers {south:.6f} to {north:.6f} N, {west:.6f} to {east:.6f} E"
            )


def _frame_of(positions: Floats) -> LocalFrame:
    latitude, longitude = positions[0].tolist()
    return LocalFrame(Datum(latitude, longitude))


def _paste(raster: Any, image: NDArray[np.uint8], centers: cKDTree, index: int, scale: float) -> None:
    """Put a map into the raster where its centre, one of many (pixels), is the nearest. scale: pixels a pixel."""
    from rasterio.windows import Window

    center, reach = centers.data[index], image.shape[0] / 2 * scale
    first = np.floor(center - reach).astype(int)
    size = (np.ceil(center + reach).astype(int) - first).tolist()
    # continuous pixel coordinates have their origin at a corner, OpenCV's at the centre of a pixel
    shift = center - first - reach + scale / 2 - 0.5
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    opaque = np.full((*image.shape[:2], 1), 255, dtype=np.uint8)
    moved = cv2.warpAffine(np.concatenate([image, opaque], axis=-1), matrix, size, flags=cv2.INTER_LINEAR)
    own = (moved[..., 3] == 255) & _is_nearest(centers, index, first, size)
    window = Window(*first.tolist(), *size)
    before = np.moveaxis(raster.read(window=window), 0, -1)
    raster.write(np.moveaxis(np.where(own[..., None], moved, before), -1, 0), window=window)


def _is_nearest(centers: cKDTree, index: int, first: NDArray[np.int_], size: list[int]) -> NDArray[np.bool_]:
    """Where in a window (H, W) of the raster a centre is the nearest, cell by cell of the whole raster's grid.

    Distances are the larger of both axes: maps are square, so a place within any map is within that of the nearest.
    """
    low, high = first // CELL_PX, (first + size) // CELL_PX + 1
    columns, rows = (np.arange(low[axis], high[axis]) for axis in (0, 1))
    cells = (np.stack(np.meshgrid(columns, rows), axis=-1) + 0.5) * CELL_PX
    nearest = centers.query(cells, p=np.inf)[1] == index
    left, top = first - low * CELL_PX
    pixels = nearest.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    return np.asarray(pixels[top : top + size[1], left : left + size[0]], dtype=np.bool_)
