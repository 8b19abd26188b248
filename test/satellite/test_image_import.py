"""Import of many images: mosaics are seamless, and what is fast is what GDAL makes of the same square."""

import itertools
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from pyproj import Transformer

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.geotiff import import_images
from geoflow_ros.satellite.geotiff_source import described, opened
from geoflow_ros.satellite.image_warp import TILE_PX, WarpedImage
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import TileStore, decode_tile

rasterio = pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")

EPSG, PLACE, PIXEL = 31467, (3_513_000.0, 5_403_000.0), 0.2
"""Gauss-Krueger near Stuttgart, a datum of its own: places are 100 m off where it is taken for WGS84."""

SIDE = 4 * TILE_PX


def ground(side: int, seed: int = 5) -> np.ndarray:
    """Bands (3, side, side) of smooth blotches."""
    noise = np.random.default_rng(seed).uniform(0, 255, (side, side, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.moveaxis(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8), -1, 0)


def write(path: Path, bands: np.ndarray, column: int = 0, epsg: int = EPSG, **profile) -> Path:
    """A GeoTIFF whose west end is some columns east of the place."""
    count, height, width = bands.shape
    left, top = Transformer.from_crs(EPSG, epsg, always_xy=True).transform(*PLACE)
    transform = rasterio.transform.from_origin(left + column * PIXEL, top, PIXEL, PIXEL)
    profile = {"count": count, "height": height, "width": width, "dtype": "uint8", "transform": transform, **profile}
    with rasterio.open(path, "w", driver="GTiff", crs=f"EPSG:{epsg}", **profile) as raster:
        raster.write(bands)
    return path


def mosaic_of(store: TileStore, zoom: int) -> np.ndarray:
    """RGBA of all tiles of a zoom beside each other."""
    places = np.array(list(store.places(zoom)))
    low, (columns, rows) = places.min(axis=0), np.ptp(places, axis=0) + 1
    whole = np.zeros((rows * TILE_PX, columns * TILE_PX, 4), np.uint8)
    for x, y in places:
        u, v = (x - low[0]) * TILE_PX, (y - low[1]) * TILE_PX
        whole[v : v + TILE_PX, u : u + TILE_PX] = decode_tile(store.tile(zoom, int(x), int(y)) or b"")
    return whole


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("field") / "field.tif", ground(1600), tiled=True)


def square_inside(image: WarpedImage, path: Path, zoom: int) -> tuple[int, int]:
    """The world pixel where a square of SIDE in the middle of an image begins."""
    with opened(path, str(path)) as raster:
        centre = raster.transform @ (raster.width / 2, raster.height / 2)
    east, north = Transformer.from_crs(EPSG, 3857, always_xy=True).transform(*centre)
    half, world = 20_037_508.342789244, TILE_PX * 2**zoom
    return tuple(int(part / 2 / half * world) - SIDE // 2 for part in (east + half, half - north))


def test_what_is_interpolated_here_is_what_gdal_makes_and_is_made_faster(field: Path) -> None:
    zoom = described(field).native_zoom
    with opened(field, str(field)) as raster:
        image = WarpedImage(raster, has_alpha=False, zoom=zoom)
        place = square_inside(image, field, zoom)
        spent = {}
        for read in (image.read, image._by_gdal) * 3:
            start = time.thread_time()
            pixels = read(*place, SIDE)
            spent[read] = time.thread_time() - start, pixels
    (fast, ours), (slow, theirs) = spent.values()
    assert (ours[..., 3] == 255).all() and (theirs[..., 3] == 255).all()
    inner = np.s_[8:-8, 8:-8, :3]
    assert theirs[inner].std() > 10
    assert np.abs(ours[inner].astype(int) - theirs[inner]).mean() < 1.0
    assert slow > 1.5 * fast  # some 5 times


@pytest.mark.parametrize("epsg", [EPSG, 25832])
def test_sheets_beside_each_other_are_seamless(field: Path, tmp_path: Path, epsg: int) -> None:
    """The east half in another coordinate system is turned against the west half by its grid's convergence."""
    bands = ground(1600)
    west = write(tmp_path / "west.tif", bands[:, :, :900])
    east = write(tmp_path / "east.tif", bands[:, :, 700:], 700, epsg)
    one = import_images([field], tmp_path / "one.mbtiles", quality=100)
    both = import_images([west, east], tmp_path / "both.mbtiles", quality=100, jobs=3, attribution="(C) Both")
    assert both.zooms == one.zooms and both.bounds == pytest.approx(one.bounds, abs=1e-5)
    store = open_store(tmp_path / "both.mbtiles")
    assert store.attribution == "(C) Both"
    if epsg == EPSG:
        first, second = (mosaic_of(open_store(tmp_path / f"{name}.mbtiles"), one.zooms[-1]) for name in ("one", "both"))
        assert (first[..., 3] == second[..., 3]).mean() > 0.999
        assert np.abs(first[..., :3].astype(int) - second[..., :3]).mean() < 1.0
    seam = [
        tile for tile in store.places(one.zooms[-1]) if (decode_tile(store.tile(one.zooms[-1], *tile))[..., 3]).all()
    ]
    assert len(seam) >= 9  # whole tiles in the middle, over the seam too


def test_the_last_image_is_on_top_and_holes_show_the_one_below(tmp_path: Path) -> None:
    red, blue = (np.zeros((3, 800, 800), np.uint8) for _ in range(2))
    red[0], blue[2] = 255, 255
    blue[:, :, 400:] = 7  # its nodata: shows what is below
    below, above = write(tmp_path / "red.tif", red), write(tmp_path / "blue.tif", blue, nodata=7)
    for order, share in itertools.product([(below, above), (above, below)], [0.5]):
        summary = import_images(order, tmp_path / "out.mbtiles")
        pixels = mosaic_of(open_store(tmp_path / "out.mbtiles"), summary.zooms[-1])
        solid = pixels[pixels[..., 3] == 255]
        blues = (solid[:, 2] > 200).mean()
        assert blues == pytest.approx(share if order[-1] == above else 0.0, abs=0.03)
        assert ((solid[:, 0] > 200) | (solid[:, 2] > 200)).mean() > 0.97


def test_a_mosaic_with_holes_has_the_tiles_of_its_sheets_only(tmp_path: Path) -> None:
    near, far = (
        write(tmp_path / f"{name}.tif", ground(300), column) for name, column in (("near", 0), ("far", 40_000))
    )
    summary = import_images([near, far], tmp_path / "out.mbtiles")
    alone = [import_images([each], tmp_path / "alone.mbtiles").tiles for each in (near, far)]
    assert summary.tiles <= sum(alone)
    assert open_store(tmp_path / "out.mbtiles").count(summary.zooms[-1]) <= 18  # of 8 km


def test_one_bad_image_of_several_is_named_and_nothing_is_left(field: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tif"
    cut.write_bytes(field.read_bytes()[: field.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut\.tif cannot be read"):
        import_images([field, cut], tmp_path / "out.mbtiles")
    assert {file.name for file in tmp_path.iterdir()} == {"cut.tif"}
