"""Import of georeferenced images in any coordinate system into an MBTiles store."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import mercantile
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION, ground_resolution
from geoflow_ros.satellite.geotiff_source import ImageSource, check_packages, described, opened, reading
from geoflow_ros.satellite.image_warp import TILE_PX, WarpedImage, origin_of
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_grid import MAX_ZOOM, Tile, joint, overlap
from geoflow_ros.satellite.tile_images import Bounds
from geoflow_ros.satellite.tile_pyramid import halved, is_opaque, over, pyramid

OVERVIEWS = 4
"""Zoom levels below the finest one that are averaged from it."""
MAX_OVERSAMPLING = 3
"""How many zoom levels finer than the image's own an explicit zoom may be: every level costs four times the tiles."""
CHUNK_LEVELS = 2
"""An image is read in squares of so many levels of tiles, four by four."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import wrote. resolution: metres per pixel of the finest zoom at the centre. warnings: of the sources."""

    target: Path
    zooms: tuple[int, ...]
    tiles: int
    bounds: Bounds
    resolution: float
    warnings: tuple[str, ...]


_Images = Sequence[tuple[Path, WarpedImage]]


@dataclass(frozen=True, slots=True)
class _Work:
    """What the threads share: the images, the topmost first, and how they become tiles."""

    sources: tuple[ImageSource, ...]
    zoom: int
    quality: int


def import_geotiff(source: Path, target: Path, zoom: int | None = None, quality: int = 90) -> ImportSummary:
    """Writes one image into a new MBTiles file, as `import_images` does."""
    return import_images([source], target, zoom, quality)


def import_images(
    paths: Sequence[Path],
    target: Path,
    zoom: int | None = None,
    quality: int = 90,
    *,
    attribution: str = "",
    jobs: int | None = None,
    progress: bool = False,
) -> ImportSummary:
    """Writes 8-bit grey, RGB or RGBA images into a new MBTiles file and says what was written.

    Where images lie on each other, the last one given is on top. zoom: finest level; by default the one nearest to the
    finest image's own resolution. A few coarser levels are averaged from it. Tiles are JPEG of `quality`; those partly
    without data (nodata, mask, alpha, edge of the image) are PNG with alpha, those wholly without are left out. A
    fourth band that is not alpha (near infrared), or holds too many values to be alpha, is not imported. jobs: threads,
    by default one for each processor that the process may use.
    """
    sources = tuple(described(path) for path in reversed(paths))
    check_packages(target)
    native = max(source.native_zoom for source in sources)
    zoom = min(native, MAX_ZOOM) if zoom is None else _checked(zoom, native)
    bounds = _snapped(joint([source.bounds for source in sources]), zoom)
    zooms: set[int] = set()
    tiles = 0
    with MBTilesWriter(target, paths[-1].stem, "jpg", bounds=bounds, attribution=attribution) as writer:
        for tile, data in _tiles(_Work(sources, zoom, quality), bounds, jobs or _processors(), progress):
            writer.add(*tile, data)
            zooms.add(tile[0])
            tiles += 1
        if not tiles:
            named = ", ".join(map(str, paths))
            raise InputError(f"{named} holds no data at all: every pixel is nodata or transparent")
    resolution = ground_resolution((bounds[1] + bounds[3]) / 2, zoom, TILE_PX)
    return ImportSummary(target, tuple(sorted(zooms)), tiles, bounds, resolution, _warnings(sources, len(paths)))


def _tiles(work: _Work, bounds: Bounds, jobs: int, progress: bool) -> Iterator[tuple[Tile, bytes]]:
    """All tiles of the images, made by threads: GDAL and OpenCV work beside each other in one process."""
    from tqdm import tqdm

    coarsest = [max(work.zoom - OVERVIEWS, 0)]
    # Not those of the box around all images, which may be of two continents.
    roots = sorted({root for source in work.sources for root in mercantile.tiles(*source.bounds, zooms=coarsest)})
    left = iter(roots)
    pool = ThreadPoolExecutor(jobs)
    try:
        pending: list[Future[list[tuple[Tile, bytes]]]] = []
        pending += [pool.submit(_block, work, root) for root in islice(left, 2 * jobs)]
        counts = [_count(bounds, root, work.zoom) for root in roots]
        with tqdm(total=sum(counts), unit="tile", disable=not progress) as bar:
            for count in counts:
                block = pending.pop(0).result()
                pending += [pool.submit(_block, work, root) for root in islice(left, 1)]
                yield from block
                bar.update(count)
    finally:
        pool.shutdown(cancel_futures=True)


def _block(work: _Work, root: mercantile.Tile) -> list[tuple[Tile, bytes]]:
    """A root tile and all tiles below it."""
    with ExitStack() as stack:
        images = [
            (
                source.path,
                WarpedImage(stack.enter_context(opened(source.path, source.dataset)), source.has_alpha, work.zoom),
            )
            for source in work.sources
            if overlap(source.bounds, mercantile.bounds(root))
        ]
        return _below(work, images, root)


def _below(work: _Work, images: _Images, root: mercantile.Tile) -> list[tuple[Tile, bytes]]:
    """The tiles from a root on, made in squares that are small enough to stay in the processor's cache."""
    levels = min(CHUNK_LEVELS, work.zoom - root.z)
    count = 1 << (work.zoom - root.z - levels)
    coarse = np.zeros((count * TILE_PX, count * TILE_PX, 4), dtype=np.uint8)
    encoded: list[tuple[Tile, bytes]] = []
    for row in range(count):
        for column in range(count):
            tile = mercantile.Tile(root.x * count + column, root.y * count + row, work.zoom - levels)
            chunk = _stacked(images, *origin_of(tile, work.zoom), TILE_PX << levels)
            if chunk is not None:
                tiles, pixels = pyramid(chunk, (tile.z, tile.x, tile.y), work.quality)
                encoded += tiles
                v, u = row * TILE_PX, column * TILE_PX
                coarse[v : v + TILE_PX, u : u + TILE_PX] = pixels
    return encoded if count == 1 else encoded + pyramid(halved(coarse), (root.z, root.x, root.y), work.quality)[0]


def _stacked(images: _Images, left: int, top: int, side: int) -> NDArray[np.uint8] | None:
    """A square of several images, the first one on top; None where none has anything."""
    above: NDArray[np.uint8] | None = None
    for path, image in images:
        with reading(path):
            below = image.read(left, top, side)
        if below is not None:
            above = below if above is None else over(above, below)
            if is_opaque(above):
                break
    return above


def _count(bounds: Bounds, root: mercantile.Tile, zoom: int) -> int:
    """How many tiles of a box a root tile and those below it are."""
    count = 0
    for level in range(root.z, zoom + 1):
        first, last = mercantile.tile(bounds[0], bounds[3], level), mercantile.tile(bounds[2], bounds[1], level)
        left, top, side = (value << (level - root.z) for value in (root.x, root.y, 1))
        columns = min(last.x, left + side - 1) - max(first.x, left) + 1
        rows = min(last.y, top + side - 1) - max(first.y, top) + 1
        count += max(columns, 0) * max(rows, 0)
    return count


def _warnings(sources: Sequence[ImageSource], count: int) -> tuple[str, ...]:
    """What is doubtful of the images, in the order given; each with its name where there are several."""
    found = [(source.path, sentence) for source in reversed(sources) for sentence in source.warnings]
    return tuple(f"{path}: {sentence}" if count > 1 else sentence for path, sentence in found)


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _snapped(bounds: Bounds, zoom: int) -> Bounds:
    """The box grown to whole pixels of a zoom: GDAL starts its pixel grid at the stated box, aligned or not."""
    pixel = EQUATOR_RESOLUTION / 2.0**zoom
    left, bottom = (math.floor(metres / pixel) * pixel for metres in mercantile.xy(*bounds[:2]))
    right, top = (math.ceil(metres / pixel) * pixel for metres in mercantile.xy(*bounds[2:]))
    return (*mercantile.lnglat(left, bottom), *mercantile.lnglat(right, top))


def _checked(zoom: int, native: int) -> int:
    if not 0 <= zoom <= min(native + MAX_OVERSAMPLING, MAX_ZOOM):
        raise InputError(
            f"zoom {zoom} does not suit an image whose own resolution is that of zoom {native}: "
            f"give 0 to {min(native + MAX_OVERSAMPLING, MAX_ZOOM)}"
        )
    return zoom
