"""Import of GeoTIFFs: a GIS reader finds everything at its place."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")

import rasterio
from geotiffs import CORNERS, HEIGHT, MARKERS, PIXEL, WIDTH, markers, write_tiff
from paths import SHARED_DATA
from pyproj import Transformer

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.satellite import geotiff
from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import decode_tile

ZURICH = SHARED_DATA / "aerial" / "zurich_epsg2056_0.5m.tif"


def centroid_near(grey: np.ndarray, u: float, v: float, reach: int = 24) -> tuple[float, float]:
    left, top = int(u) - reach, int(v) - reach
    window = grey[top : top + 2 * reach, left : left + 2 * reach].astype(float)
    rows, columns = np.indices(window.shape) + 0.5
    return left + (columns * window).sum() / window.sum(), top + (rows * window).sum() / window.sum()


@pytest.mark.parametrize("epsg", [2056, 32632])
def test_gdal_opens_the_markers_at_their_place(tmp_path: Path, epsg: int) -> None:
    target = tmp_path / "out.mbtiles"
    summary = import_geotiff(write_tiff(tmp_path / "in.tif", markers(), epsg), target)
    assert summary.zooms == (14, 15, 16, 17, 18)
    left, top = CORNERS[epsg]
    to_mercator = Transformer.from_crs(epsg, 3857, always_xy=True)
    with rasterio.open(target) as raster:
        assert raster.driver == "MBTiles"
        assert raster.crs.to_epsg() == 3857
        grey = raster.read(1)
        for u, v in MARKERS:
            expected = ~raster.transform * to_mercator.transform(left + u * PIXEL, top - v * PIXEL)
            assert centroid_near(grey, *expected) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("epsg", [2056, 32632])
@pytest.mark.parametrize("resolution", [0.25, 0.5, 1.7])  # the last is read from an averaged zoom level
def test_patches_show_the_markers_at_their_place(tmp_path: Path, epsg: int, resolution: float) -> None:
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", markers(), epsg), target)
    left, top = CORNERS[epsg]
    to_wgs84 = Transformer.from_crs(epsg, 4326, always_xy=True)
    lon, lat = to_wgs84.transform(left + WIDTH * PIXEL / 2, top - HEIGHT * PIXEL / 2)
    frame = LocalFrame(Datum(lat, lon))
    patch = SatelliteMap(open_store(target)).patch(frame, (0.0, 0.0), 0.4, round(320 / resolution), resolution)
    for u, v in MARKERS:
        marker_lon, marker_lat = to_wgs84.transform(left + u * PIXEL, top - v * PIXEL)
        expected = patch.to_pixel(frame.to_enu(marker_lat, marker_lon)[:2])
        assert centroid_near(patch.image[..., 0], *expected, reach=round(9.0 / resolution)) == pytest.approx(
            tuple(expected), abs=0.3
        )


@pytest.mark.parametrize("epsg", [32632, 4326])
@pytest.mark.parametrize("flips", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_an_image_with_south_up_or_mirrored_lies_where_it_says(
    tmp_path: Path, epsg: int, flips: tuple[int, int]
) -> None:
    """As NetCDF and some drones' software store them; only the order of rows and columns differs."""
    path, (across, up) = tmp_path / "in.tif", flips
    middle, side = ((461_500.0, 5_247_200.0), (0.5, 0.5)) if epsg == 32632 else ((8.49, 47.378), (6.6e-6, 4.5e-6))
    bands = markers()[:, ::-up, ::across]
    transform = rasterio.Affine(
        across * side[0], 0.0, middle[0] - across * side[0] * WIDTH / 2,
        0.0, up * side[1], middle[1] - up * side[1] * HEIGHT / 2,
    )  # fmt: skip
    profile = {"count": 3, "height": HEIGHT, "width": WIDTH, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", crs=f"EPSG:{epsg}", transform=transform, **profile) as raster:
        raster.write(bands)
    import_geotiff(path, tmp_path / "out.mbtiles")
    to_mercator = Transformer.from_crs(epsg, 3857, always_xy=True)
    with rasterio.open(tmp_path / "out.mbtiles") as raster:
        grey = raster.read(1)
        for u, v in MARKERS:
            place = middle[0] + side[0] * (u - WIDTH / 2), middle[1] - side[1] * (v - HEIGHT / 2)
            expected = ~raster.transform * to_mercator.transform(*place)
            assert centroid_near(grey, *expected, reach=18) == pytest.approx(expected, abs=0.3)


@pytest.mark.skipif(not ZURICH.is_file(), reason=f"no real orthophoto at {ZURICH}: set GEOFLOW_SHARED_DATA")
def test_real_orthophoto_is_within_a_tenth_of_a_pixel(tmp_path: Path) -> None:
    target = tmp_path / "zurich.mbtiles"
    summary = import_geotiff(ZURICH, target)
    assert summary.bounds == pytest.approx((8.4855, 47.3753, 8.4914, 47.3781), abs=1e-4)
    with rasterio.open(ZURICH) as source, rasterio.open(target) as raster:
        original, to_source = source.read(1), ~source.transform
        tiles, alpha = raster.read(1), raster.read(4)
        u, v = np.meshgrid(np.arange(raster.width) + 0.5, np.arange(raster.height) + 0.5)
        east, north = Transformer.from_crs(3857, source.crs, always_xy=True).transform(*(raster.transform * (u, v)))
    column, row = (np.asarray(value, dtype=np.float32) - 0.5 for value in to_source * (east, north))
    expected = cv2.remap(original, column, row, cv2.INTER_LINEAR)
    inner = np.s_[100:600, 100:950]
    assert (alpha[inner] == 255).all()
    window = cv2.createHanningWindow((850, 500), cv2.CV_64F)
    shift, response = cv2.phaseCorrelate(tiles[inner].astype(float), expected[inner].astype(float), window)
    assert response > 0.5
    assert shift == pytest.approx((0.0, 0.0), abs=0.1)


def test_summary_says_what_was_written(tmp_path: Path) -> None:
    target = tmp_path / "out.mbtiles"
    summary = import_geotiff(write_tiff(tmp_path / "in.tif", markers()), target)
    store = open_store(target)
    assert summary.target == target
    assert summary.zooms == store.zooms
    assert summary.tiles == sum(store.count(zoom) for zoom in store.zooms)
    assert summary.bounds == pytest.approx(store.bounds, abs=1e-8)
    assert summary.resolution == pytest.approx(0.4044, abs=1e-3)  # 156543 m cos(47.376 deg) / 2^18


def test_explicit_zoom(tmp_path: Path) -> None:
    source, target = write_tiff(tmp_path / "in.tif", markers()), tmp_path / "out.mbtiles"
    assert import_geotiff(source, target, zoom=16).zooms == (12, 13, 14, 15, 16)
    with pytest.raises(InputError, match=r"zoom 22 does not suit .* zoom 18: give 0 to 21"):
        import_geotiff(source, target, zoom=22)
    with pytest.raises(InputError, match="zoom -1"):
        import_geotiff(source, target, zoom=-1)


def test_coarser_zooms_hold_the_mean_of_the_finer_ones(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (3, HEIGHT, WIDTH), np.uint8)
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", cv2.blur(noise.T, (9, 9)).T.copy()), target, quality=100)
    store = open_store(target)
    tile = next((x, y) for x in range(137200, 137300) for y in range(91700, 91800)
                if (data := store.tile(18, x, y)) and (decode_tile(data)[..., 3] == 255).all())  # fmt: skip
    fine = decode_tile(store.tile(18, *tile) or b"")
    coarse = decode_tile(store.tile(17, tile[0] // 2, tile[1] // 2) or b"")
    u, v = tile[0] % 2 * 128, tile[1] % 2 * 128
    quarter = coarse[v : v + 128, u : u + 128, :3].astype(float)
    mean = fine[..., :3].astype(float).reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(quarter - mean).mean() < 2.0


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, -45.0, 90.0, 180.0])
def test_a_turned_image_is_imported_at_its_own_resolution(tmp_path: Path, turn_deg: float) -> None:
    left, top = CORNERS[2056]
    affine = rasterio.Affine
    turned = affine.translation(left, top) @ affine.rotation(turn_deg) @ affine.scale(PIXEL, -PIXEL)
    source = write_tiff(tmp_path / "in.tif", markers())
    with rasterio.open(source, "r+") as raster:
        raster.transform = turned
    target = tmp_path / "out.mbtiles"
    assert import_geotiff(source, target).zooms[-1] == 18  # as when it is not turned
    to_wgs84 = Transformer.from_crs(2056, 4326, always_xy=True)
    lon, lat = to_wgs84.transform(*(turned @ (WIDTH / 2, HEIGHT / 2)))
    frame = LocalFrame(Datum(lat, lon))
    patch = SatelliteMap(open_store(target)).patch(frame, (0.0, 0.0), 0.0, 800, 0.25)
    for u, v in MARKERS:
        marker_lon, marker_lat = to_wgs84.transform(*(turned @ (u, v)))
        expected = patch.to_pixel(frame.to_enu(marker_lat, marker_lon)[:2])
        assert centroid_near(patch.image[..., 0], *expected, reach=30) == pytest.approx(tuple(expected), abs=0.4)


@pytest.mark.parametrize(("pixel", "warned"), [(0.25, False), (0.3, False), (0.5, True), (10.0, True)])
def test_what_is_too_coarse_to_match_is_said(tmp_path: Path, pixel: float, warned: bool) -> None:
    source = write_tiff(tmp_path / "in.tif", markers())
    with rasterio.open(source, "r+") as raster:
        raster.transform = rasterio.transform.from_origin(*CORNERS[2056], pixel, pixel)
    sentence = f"{pixel:.2f} m per pixel is coarser than 0.3 m: frames will hardly match it"
    assert import_geotiff(source, tmp_path / "out.mbtiles").warnings == ((sentence,) if warned else ())


def square_at(path: Path, epsg: int, corner: tuple[float, float]) -> Path:
    """A GeoTIFF of 40 m a side anywhere."""
    transform = rasterio.transform.from_origin(*corner, 0.2, 0.2)
    profile = {"count": 1, "height": 200, "width": 200, "dtype": "uint8", "crs": f"EPSG:{epsg}", "transform": transform}
    with rasterio.open(path, "w", driver="GTiff", **profile) as raster:
        raster.write(np.full((1, 200, 200), 100, np.uint8))
    return path


@pytest.mark.parametrize(("epsg", "told"), [(28355, True), (32755, False)], ids=["GDA94", "WGS84"])
def test_a_system_that_is_known_in_wgs84_to_metres_is_told(tmp_path: Path, epsg: int, told: bool) -> None:
    """Melbourne: GDA94 lies 1.8 m beside today's WGS84; PROJ puts one where the other is, whatever its grids."""
    source = square_at(tmp_path / "a.tif", epsg, (320_000.0, 5_812_000.0))
    warnings = import_geotiff(source, tmp_path / "a.mbtiles").warnings
    sentence = "positions of its coordinate system are known in WGS84 to about 3 m here"
    assert [each.startswith(sentence) for each in warnings] == [True] * told


def test_between_images_far_apart_nothing_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zurich and Melbourne: between them lie 200 million tiles of zoom 16."""
    seen = []
    tiles = geotiff.mercantile.tiles

    def counted(*arguments, **named):
        for tile in tiles(*arguments, **named):
            seen.append(tile)
            assert len(seen) < 100
            yield tile

    monkeypatch.setattr(geotiff.mercantile, "tiles", counted)
    north = square_at(tmp_path / "north.tif", 32632, (465_000.0, 5_247_000.0))
    south = square_at(tmp_path / "south.tif", 32755, (320_000.0, 5_812_000.0))
    target = tmp_path / "out.mbtiles"
    summary = geotiff.import_images([north, south], target)
    assert summary.tiles == sum(open_store(target).count(zoom) for zoom in summary.zooms) > 10
    west, lowest, east, highest = summary.bounds
    assert (round(west), round(lowest), round(east), round(highest)) == (9, -38, 145, 47)
