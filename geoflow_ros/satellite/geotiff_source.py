"""Georeferenced images as agencies, drones and GIS programs give them out, read, or refused with the remedy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.tile_images import Bounds

SAMPLE_PX = 1024
"""Of an alpha band at most so many rows and columns are looked at."""
DOUBTED_SHARE = 0.05
"""A band with more values between transparent and opaque than this is no alpha, whatever it is tagged as."""
COARSE_M = 0.3
"""Metres per pixel beyond which kerbs and markings, which matching lives on, are not seen."""
LATITUDE_LIMIT = 85.0
UNSURE_M = 2.0
"""From here on it is told how well positions of a coordinate system are known in WGS84: a lane's half width."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An image that was looked at. dataset: what GDAL opens, the file or some bands of it.

    has_alpha: whether its last band is alpha. pixel_m: metres on the ground of a pixel's side. native_zoom: the zoom
    whose resolution is nearest, as a ratio, to the image's own. warnings: one sentence each.
    """

    path: Path
    dataset: str
    has_alpha: bool
    bounds: Bounds
    pixel_m: float
    native_zoom: int
    warnings: tuple[str, ...]


def described(path: Path) -> ImageSource:
    """What an image is; InputError where it cannot be imported."""
    check_packages(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the images in it, as {path}/*.tif")
    if not path.is_file():
        raise InputError(f"image {path} does not exist: give a GeoTIFF")
    from rasterio.errors import NotGeoreferencedWarning

    with catch_warnings():
        simplefilter("ignore", NotGeoreferencedWarning)  # a sentence says it
        return _looked_at(path)


def _looked_at(path: Path) -> ImageSource:
    with opened(path, str(path)) as raster:
        _check_content(raster, path)
        _check_place(raster, path)
        if not (share := _between(raster)) > DOUBTED_SHARE:
            return _described(raster, path, ())
        doubt = (
            f"band {raster.count} is tagged as alpha, but {share:.0%} of it is neither transparent nor opaque: "
            "taken for infrared and left out"
        )
        bands = ",".join(map(str, range(1, raster.count)))
    with opened(path, f"vrt://{path.resolve()}?bands={bands}") as raster:
        return _described(raster, path, (doubt,))


def check_packages(path: Path) -> None:
    """InputError unless all that importing an image takes is installed."""
    try:
        import rasterio  # noqa: F401
        import tqdm  # noqa: F401 - checked here, so that one sentence names all that is missing
    except ImportError as error:
        raise InputError(f"import of {path} needs rasterio and tqdm ({error}): {install_hint('tiles')}") from error


@contextmanager
def opened(path: Path, dataset: str) -> Iterator[Any]:
    """An open data set of an image, for one thread."""
    import rasterio

    with reading(path), rasterio.open(dataset) as raster:
        yield raster


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What GDAL says of an image that it cannot read becomes one sentence."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError, RasterioIOError

    try:
        yield
    except (RasterioError, RasterioIOError, CPLE_BaseError) as error:  # the second was none of the first in 1.3.0
        cause = error.__cause__ or error
        reason = " ".join(str(cause).split()).rstrip(".")
        raise InputError(
            f"{path} cannot be read as a georeferenced image ({reason}): copy or make it again; gdalinfo -checksum "
            "says what of it is damaged"
        ) from error


def _check_content(raster: Any, path: Path) -> None:
    from rasterio.enums import ColorInterp

    if any(dtype != "uint8" for dtype in raster.dtypes):
        found = ", ".join(sorted(set(raster.dtypes)))
        raise InputError(f"{path} holds {found} values: convert to 8 bits, as with gdal_translate -ot Byte -scale")
    if raster.colorinterp[0] is ColorInterp.palette:
        raise InputError(f"{path} has a colour palette: expand it, as with gdal_translate -expand rgb")
    bits = int(raster.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8))
    if bits < 8:
        command = f"gdal_translate -ot Byte -co NBITS=8 -scale 0 {2**bits - 1} 0 255"
        raise InputError(f"{path} holds values of {bits} bits: spread them over 8, as with {command}")
    grey_and_alpha = raster.count == 2 and raster.colorinterp[1] is ColorInterp.alpha
    if raster.count not in (1, 3, 4) and not grey_and_alpha:
        raise InputError(
            f"{path} has {raster.count} bands: give 1 (grey), 3 (RGB) or 4 (RGBA), as with gdal_translate -b 1 -b 2 "
            "-b 3"
        )


def _check_place(raster: Any, path: Path) -> None:
    points, _ = raster.gcps
    if raster.crs is None or raster.transform.is_identity:
        if points or raster.rpcs:
            option, what = ("-tps", f"{len(points)} ground control points") if points else ("-rpc", "a camera model")
            raise InputError(
                f"{path} is placed by {what} only: warp it, as with gdalwarp {option} -t_srs EPSG:3857 {path.name} "
                "out.tif"
            )
        raise InputError(_lack(raster, path))
    if not (raster.crs.is_projected or raster.crs.is_geographic):
        name = raster.crs.to_wkt().split('"')[1]
        raise InputError(
            f"{path} is in the coordinate system {name!r}, which has no place on earth: assign the one that it is "
            "really in, as with gdal_edit.py -a_srs EPSG:2056"
        )


def _lack(raster: Any, path: Path) -> str:
    """What an image does not say of its place, and the command that states it. gdal_edit writes into no JPEG."""
    into = f"{path.name} {path.stem}_placed.tif"
    if not raster.transform.is_identity:  # as by a world file
        return f"{path} has no coordinate system: state it, as with gdal_translate -a_srs EPSG:2056 {into}"
    if raster.crs is not None:
        edges = "gdal_translate -a_ullr LEFT TOP RIGHT BOTTOM"
        return f"{path} has no place in its coordinate system: state its edges, as with {edges} {into}"
    edges = "gdal_translate -a_srs EPSG:4326 -a_ullr WEST NORTH EAST SOUTH"
    return f"{path} does not say where on earth it is: state its edges in degrees, as with {edges} {into}"


def _between(raster: Any) -> float:
    """The share of an alpha band that is neither transparent nor opaque; 0 where no band is tagged alpha."""
    from rasterio.enums import ColorInterp

    if raster.colorinterp[-1] is not ColorInterp.alpha:
        return 0.0
    alpha = raster.read(raster.count, out_shape=(min(raster.height, SAMPLE_PX), min(raster.width, SAMPLE_PX)))
    return float(np.mean((alpha > 0) & (alpha < 255)))


def _described(raster: Any, path: Path, warnings: tuple[str, ...]) -> ImageSource:
    from rasterio.enums import ColorInterp

    bounds, side = _bounds(raster, path), _mercator_side(raster)
    pixel_m = side * math.cos(math.radians((bounds[1] + bounds[3]) / 2))
    if pixel_m > 1.02 * COARSE_M:
        warnings += (f"{pixel_m:.2f} m per pixel is coarser than {COARSE_M} m: frames will hardly match it",)
    middle = ((low + high) / 2 for low, high in (bounds[::2], bounds[1::2]))
    warnings += _unsure(raster.crs.to_wkt(), *(round(value, 1) for value in middle))
    zoom = max(0, round(math.log2(EQUATOR_RESOLUTION / side)))
    has_alpha = raster.colorinterp[-1] is ColorInterp.alpha
    return ImageSource(path, raster.name, has_alpha, bounds, pixel_m, zoom, warnings)


@lru_cache(maxsize=64)
def _unsure(crs: str, longitude: float, latitude: float) -> tuple[str, ...]:
    """What is to be said of positions of a coordinate system (WKT) about a place: PROJ knows how well it places them.

    Of national systems that need a grid to be right, and lack it on this machine, the whole map is metres off.
    """
    from pyproj.exceptions import ProjError
    from pyproj.transformer import AreaOfInterest, TransformerGroup

    here = AreaOfInterest(*(value + 0.1 * sign for sign in (-1, 1) for value in (longitude, latitude)))
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # it says that a grid is lacking
        try:
            known = TransformerGroup(crs, "EPSG:4326", always_xy=True, area_of_interest=here)
        except ProjError:
            return ()
    accuracy = known.transformers[0].accuracy if known.transformers else 0.0
    if accuracy < UNSURE_M:
        return ()
    better = [each for each in known.unavailable_operations[:1] if 0.0 <= each.accuracy < accuracy]
    grids = "".join(
        f" ({each.accuracy:.0f} m with PROJ's grid {', '.join(grid.short_name for grid in each.grids)})"
        for each in better
    )
    return (
        f"positions of its coordinate system are known in WGS84 to about {accuracy:.0f} m here{grids}: tiles align "
        "measures how far the imagery lies off",
    )


def _bounds(raster: Any, path: Path) -> Bounds:
    from rasterio.warp import transform_bounds

    left, bottom, right, top = raster.bounds  # of an image with south up, its bottom is the northern edge
    box = min(left, right), min(bottom, top), max(left, right), max(bottom, top)
    west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *box, densify_pts=21)
    south, north = max(south, -LATITUDE_LIMIT), min(north, LATITUDE_LIMIT)  # Web Mercator goes no further
    if not (-180 <= west < east <= 180 and south < north):
        raise InputError(
            f"{path} covers longitude {west} to {east}, latitude {south} to {north}: "
            "it must lie in Web Mercator and not cross the 180th meridian"
        )
    return west, south, east, north


def _mercator_side(raster: Any) -> float:
    """Side (m of Web Mercator) of a square as large as the pixel in the middle, whichever way it is turned."""
    from rasterio.warp import transform

    middle = np.array([raster.width / 2, raster.height / 2])
    columns, rows = (middle + [[0, 0], [1, 0], [0, 1]]).T
    a, b, c, d, e, f = tuple(raster.transform)[:6]
    x, y = transform(raster.crs, "EPSG:3857", a * columns + b * rows + c, d * columns + e * rows + f)
    along_u, along_v = (np.array([x[i] - x[0], y[i] - y[0]]) for i in (1, 2))
    return math.sqrt(abs(along_u[0] * along_v[1] - along_u[1] * along_v[0]))
