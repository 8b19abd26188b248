"""Patches cut from tiles: where things appear, what is missing, how they are resampled."""

import math
import re
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
from pyproj import Geod, Transformer

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame, ground_resolution
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.mosaic import SatelliteMap, patch_to_world_pixels
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.satellite.stores import open_store

LATITUDE, LONGITUDE = 47.3767, 8.4884
ZOOM = 18
TO_MERCATOR = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
EQUATOR_M = 2 * math.pi * 6378137.0


def world_pixel(latitude: float, longitude: float, zoom: int = ZOOM) -> np.ndarray:
    """Continuous pixel in the world image of a zoom, by PROJ: nothing of the code under test."""
    east, north = TO_MERCATOR.transform(longitude, latitude)
    return np.array([east / EQUATOR_M + 0.5, 0.5 - north / EQUATOR_M]) * 256 * 2**zoom


def write_store(path: Path, paint, tiles, zoom: int = ZOOM) -> SatelliteMap:
    """A map of PNG tiles; paint(u, v) gives grey values at world pixels (pixel centres)."""
    with MBTilesWriter(path, "test", "png") as writer:
        for x, y in tiles:
            u, v = np.meshgrid(x * 256 + np.arange(256) + 0.5, y * 256 + np.arange(256) + 0.5)
            writer.add(zoom, x, y, bytes(cv2.imencode(".png", paint(u, v).astype(np.uint8))[1]))
    return SatelliteMap(open_store(path))


def tiles_around(latitude: float, longitude: float, reach: int = 1) -> list[tuple[int, int]]:
    tile = mercantile.tile(longitude, latitude, ZOOM)
    steps = range(-reach, reach + 1)
    return [(tile.x + dx, tile.y + dy) for dx in steps for dy in steps]


def blob(latitude: float, longitude: float):
    u0, v0 = world_pixel(latitude, longitude)
    return lambda u, v: 250 * np.exp(-((u - u0) ** 2 + (v - v0) ** 2) / (2 * 5.0**2))


def centroid(image: np.ndarray) -> tuple[float, float]:
    weight = image[..., 0].astype(float)
    v, u = np.indices(weight.shape) + 0.5
    return float((u * weight).sum() / weight.sum()), float((v * weight).sum() / weight.sum())


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> tuple[SatelliteMap, LocalFrame, np.ndarray]:
    """A map with one marker 20 m north of the datum, its frame, and the marker's east, north."""
    frame = LocalFrame(Datum(LATITUDE, LONGITUDE))
    latitude, longitude, _ = (float(value) for value in frame.to_geodetic([0.0, 20.0]))
    path = tmp_path_factory.mktemp("marked") / "marked.mbtiles"
    tiles = tiles_around(LATITUDE, LONGITUDE, 2)
    return write_store(path, blob(latitude, longitude), tiles), frame, np.array([0.0, 20.0])


@pytest.mark.parametrize(
    ("yaw_deg", "expected"), [(0, (100, 60)), (90, (140, 100)), (180, (100, 140)), (-90, (60, 100))]
)
def test_marker_in_the_north_appears(marked, yaw_deg: float, expected: tuple[float, float]) -> None:
    satellite, frame, _ = marked
    patch = satellite.patch(frame, (0.0, 0.0), math.radians(yaw_deg), 200, 0.5)
    assert centroid(patch.image) == pytest.approx(expected, abs=0.1)
    assert patch.missing == 0.0


@pytest.mark.parametrize("center", [(0.0, 0.0), (-13.3, 9.1)])
@pytest.mark.parametrize("yaw_deg", [0, 33, -121])
@pytest.mark.parametrize("resolution", [0.25, 0.4, 0.7, 1.6])
def test_marker_is_where_the_patch_says(marked, center, yaw_deg: float, resolution: float) -> None:
    satellite, frame, marker = marked
    patch = satellite.patch(frame, center, math.radians(yaw_deg), round(110 / resolution), resolution)
    assert centroid(patch.image) == pytest.approx(patch.to_pixel(marker), abs=0.1)


def test_patch_at_is_centred_on_the_place(marked) -> None:
    satellite, frame, marker = marked
    latitude, longitude, _ = frame.to_geodetic(marker)
    patch = satellite.patch_at(float(latitude), float(longitude), 0.0, 50.0, 0.5)
    assert (patch.size_px, patch.center) == (100, (0.0, 0.0))
    assert centroid(patch.image) == pytest.approx((50, 50), abs=0.1)


@pytest.mark.parametrize("latitude", [-33.0, 0.0, 49.0, 60.0])
def test_affine_map_agrees_with_every_pixel_computed_exactly(latitude: float) -> None:
    frame = LocalFrame(Datum(latitude, 11.0))
    patch = SatellitePatch(np.zeros((800, 800, 3), np.uint8), (300.0, -500.0), 0.25, 0.7)  # 200 m
    uv = np.stack(np.meshgrid(np.arange(0, 801, 20.0), np.arange(0, 801, 20.0)), axis=-1)
    lat, lon, _ = frame.to_geodetic(patch.to_enu(uv))
    east, north = TO_MERCATOR.transform(lon, lat)
    exact = np.stack([east / EQUATOR_M + 0.5, 0.5 - north / EQUATOR_M], axis=-1) * 256 * 2**19
    affine = patch_to_world_pixels(patch, frame, 256 * 2**19)
    assert np.abs(uv @ affine[:, :2].T + affine[:, 2] - exact).max() < 0.05


def test_where_the_tiles_lie_is_told_from_afar(marked) -> None:
    """By PROJ's geodesic: 30 km south of them, across the antimeridian, and in degrees taken for radians."""
    satellite, _, _ = marked
    west, south, east, north = satellite.store.bounds
    assert satellite.aside(LATITUDE, LONGITUDE) == ""
    box = f"at latitude {south:.5f} to {north:.5f}, longitude {west:.5f} to {east:.5f}"
    for place in ((south - 0.27, LONGITUDE), (0.8269, 0.1482), (LATITUDE, -175.0)):
        metres = min(
            Geod(ellps="WGS84").inv(*place[::-1], end, min(max(place[0], south), north))[2] for end in (west, east)
        )
        found = re.fullmatch(r"the tiles lie ([0-9.]+) km away, (.*)", satellite.aside(*place))
        assert found and found[2].partition(";")[0] == box
        assert float(found[1]) == pytest.approx(metres / 1e3, rel=0.01)


@pytest.mark.parametrize(
    ("slip", "place"),
    [
        ("both signs changed (south and west are negative)", (-LATITUDE, -LONGITUDE)),
        ("latitude and longitude exchanged", (LONGITUDE, LATITUDE)),
        ("the longitude's sign changed (west is negative)", (LATITUDE, -LONGITUDE)),
        ("the latitude's sign changed (south is negative)", (-LATITUDE, LONGITUDE)),
        ("radians taken for degrees", (math.radians(LATITUDE), math.radians(LONGITUDE))),
    ],
)
def test_a_slip_by_which_the_tiles_seem_far_is_named(marked, slip: str, place: tuple[float, float]) -> None:
    satellite, _, _ = marked
    assert satellite.aside(*place).endswith(f"; with {slip} it would be within them")


def test_a_folder_of_rows_of_columns_is_named_so(tmp_path: Path) -> None:
    """As Esri's caches are, z/y/x: read as z/x/y it lies elsewhere."""
    tile = mercantile.tile(LONGITUDE, LATITUDE, ZOOM)
    folder = tmp_path / str(ZOOM) / str(tile.y)
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / f"{tile.x}.png"), np.full((256, 256, 3), 99, np.uint8))
    aside = SatelliteMap(open_store(tmp_path)).aside(LATITUDE, LONGITUDE)
    assert aside.endswith("; with columns and rows of the tiles exchanged (a folder of z/y/x) it would be within them")


def test_missing_tiles_are_grey_and_counted(tmp_path: Path) -> None:
    tile = mercantile.tile(LONGITUDE, LATITUDE, ZOOM)
    box = mercantile.bounds(tile)
    satellite = write_store(tmp_path / "west.mbtiles", lambda u, v: 0 * u, [(tile.x, tile.y)])
    patch = satellite.patch_at((box.north + box.south) / 2, box.east, 0.0, 40.0, 0.4)  # the tile is its western half
    assert patch.missing == pytest.approx(0.5, abs=0.01)
    assert (patch.image[:, :49] == 0).all()
    assert (patch.image[:, 51:] == 128).all()


def test_nothing_there_is_all_missing(marked) -> None:
    satellite, _, _ = marked
    patch = satellite.patch_at(-20.0, 30.0, 0.0, 40.0, 0.4)
    assert patch.missing == 1.0
    assert (patch.image == 128).all()


def test_transparent_pixels_count_as_missing(tmp_path: Path) -> None:
    tile = mercantile.tile(LONGITUDE, LATITUDE, ZOOM)
    box = mercantile.bounds(tile)
    bgra = np.full((256, 256, 4), 255, np.uint8)
    bgra[:128, :, 3] = 0  # the northern half
    path = tmp_path / "alpha.mbtiles"
    with MBTilesWriter(path, "alpha", "png") as writer:
        writer.add(ZOOM, tile.x, tile.y, bytes(cv2.imencode(".png", bgra)[1]))
    middle = (box.north + box.south) / 2, (box.west + box.east) / 2
    patch = SatelliteMap(open_store(path)).patch_at(*middle, 0.0, 40.0, 0.4)
    assert patch.missing == pytest.approx(0.5, abs=0.01)
    assert (patch.image[:49] == 128).all() and (patch.image[51:] == 255).all()


def test_corrupt_tile_is_missing_and_reported(tmp_path: Path) -> None:
    tile = mercantile.tile(LONGITUDE, LATITUDE, ZOOM)
    box = mercantile.bounds(tile)
    good = bytes(cv2.imencode(".png", np.full((256, 256, 3), 200, np.uint8))[1])
    path = tmp_path / "corrupt.mbtiles"
    with MBTilesWriter(path, "corrupt", "png") as writer:
        writer.add(ZOOM, tile.x, tile.y, good)
        writer.add(ZOOM, tile.x + 1, tile.y, good[:60])
    satellite = SatelliteMap(open_store(path))
    for _ in range(2):
        patch = satellite.patch_at((box.north + box.south) / 2, box.east, 0.0, 40.0, 0.4)
        assert patch.missing == pytest.approx(0.5, abs=0.01)
        assert (patch.image[:, :49] == 200).all() and (patch.image[:, 51:] == 128).all()
    (sentence,) = satellite.corrupt
    assert f"{ZOOM}/{tile.x + 1}/{tile.y} of corrupt is cut short" in sentence


def test_coarse_patch_of_fine_tiles_is_averaged(tmp_path: Path) -> None:
    checkerboard = write_store(
        tmp_path / "fine.mbtiles", lambda u, v: 255 * ((u // 1 + v // 1) % 2), tiles_around(LATITUDE, LONGITUDE, 1)
    )
    patch = checkerboard.patch_at(LATITUDE, LONGITUDE, 0.3, 60.0, 3.0)
    assert patch.missing == 0.0
    assert patch.image.astype(int).ravel() == pytest.approx(np.full(patch.image.size, 127.5), abs=10)


def test_patch_across_the_180th_meridian_is_whole(tmp_path: Path) -> None:
    y = mercantile.tile(0.0, 10.0, ZOOM).y
    tiles = [(x, y + dy) for x in (0, 2**ZOOM - 1) for dy in (-1, 0, 1)]
    satellite = write_store(tmp_path / "edge.mbtiles", lambda u, v: 60 + 0 * u, tiles)
    patch = satellite.patch_at(10.0, 179.9999, 0.5, 60.0, 0.5)
    assert patch.missing == 0.0
    assert (patch.image == 60).all()


def test_zoom_is_the_coarsest_that_is_as_fine_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "zooms.mbtiles"
    data = bytes(cv2.imencode(".png", np.zeros((256, 256, 3), np.uint8))[1])
    with MBTilesWriter(path, "zooms", "png") as writer:
        for zoom in (16, 17, 19):
            writer.add(zoom, 0, 0, data)
    satellite = SatelliteMap(open_store(path))
    at_17 = ground_resolution(LATITUDE, 17)  # 0.81 m
    assert [satellite.zoom_for(LATITUDE, scale * at_17) for scale in (3, 1, 0.999, 0.9, 0.25, 0.01)] == [
        16,
        17,
        17,
        19,
        19,
        19,
    ]
    assert SatelliteMap(open_store(path), zoom=16).zoom_for(LATITUDE, 0.1) == 16
    with pytest.raises(InputError, match="no tiles of zoom 18: it has 16, 17, 19"):
        SatelliteMap(open_store(path), zoom=18)


def test_coarser_tiles_stand_in_where_the_fine_ones_end(tmp_path: Path) -> None:
    """One tile of zoom 18 in the west of its parent; the parent shows its place in the picture as a brightness."""
    parent = mercantile.tile(LONGITUDE, LATITUDE, ZOOM - 1)
    fine = mercantile.Tile(2 * parent.x, 2 * parent.y, ZOOM)
    steps = np.repeat(np.repeat(np.uint8([[60, 120], [160, 220]]), 128, axis=0), 128, axis=1)
    path = tmp_path / "partly.mbtiles"
    with MBTilesWriter(path, "partly", "png") as writer:
        writer.add(parent.z, parent.x, parent.y, bytes(cv2.imencode(".png", steps)[1]))
        writer.add(fine.z, fine.x, fine.y, bytes(cv2.imencode(".png", np.full((256, 256), 10, np.uint8))[1]))
    satellite, box = SatelliteMap(open_store(path)), mercantile.bounds(parent)
    middle = (box.north + box.south) / 2, (box.west + box.east) / 2
    patch = satellite.patch_at(*middle, 0.0, 40.0, 0.4)
    assert satellite.zoom_for(middle[0], 0.4) == ZOOM and patch.missing == 0.0
    halves = (slice(48), slice(52, 100))
    quarters = [patch.image[rows, columns, 0] for rows in halves for columns in halves]
    assert [(int(each.min()), int(each.max())) for each in quarters] == [(10, 10), (120, 120), (160, 160), (220, 220)]
    one_zoom = SatelliteMap(open_store(path), zoom=ZOOM).patch_at(*middle, 0.0, 40.0, 0.4)
    assert one_zoom.missing == pytest.approx(0.75, abs=0.01)


def test_a_marker_is_in_its_place_whichever_zoom_shows_it(tmp_path: Path, marked) -> None:
    _, frame, marker = marked
    latitude, longitude, _ = (float(value) for value in frame.to_geodetic(marker))
    path = tmp_path / "coarse.mbtiles"
    u0, v0 = world_pixel(latitude, longitude, ZOOM - 2)
    tile, far = mercantile.tile(longitude, latitude, ZOOM - 2), mercantile.tile(longitude + 1.0, latitude, ZOOM)
    u, v = np.meshgrid(tile.x * 256 + np.arange(256) + 0.5, tile.y * 256 + np.arange(256) + 0.5)
    spot = 250 * np.exp(-((u - u0) ** 2 + (v - v0) ** 2) / (2 * 2.0**2))
    with MBTilesWriter(path, "coarse", "png") as writer:
        writer.add(tile.z, tile.x, tile.y, bytes(cv2.imencode(".png", spot.astype(np.uint8))[1]))
        writer.add(far.z, far.x, far.y, bytes(cv2.imencode(".png", spot.astype(np.uint8))[1]))
    patch = SatelliteMap(open_store(path)).patch(frame, (3.0, 12.0), 0.4, 120, 0.6)
    assert centroid(patch.image) == pytest.approx(patch.to_pixel(marker), abs=0.15)


def test_what_is_far_too_coarse_is_still_missing(tmp_path: Path) -> None:
    path = tmp_path / "world.mbtiles"
    grey = bytes(cv2.imencode(".png", np.full((256, 256), 90, np.uint8))[1])
    coarse, far = mercantile.tile(LONGITUDE, LATITUDE, ZOOM - 4), mercantile.tile(LONGITUDE + 1.0, LATITUDE, ZOOM)
    with MBTilesWriter(path, "world", "png") as writer:
        for tile in (coarse, far):
            writer.add(tile.z, tile.x, tile.y, grey)
    assert SatelliteMap(open_store(path)).patch_at(LATITUDE, LONGITUDE, 0.0, 40.0, 0.4).missing == 1.0


def test_512_px_tiles_have_half_the_resolution(tmp_path: Path) -> None:
    tile = mercantile.tile(LONGITUDE, LATITUDE, 17)
    box = mercantile.bounds(tile)
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, 256:] = 200
    path = tmp_path / "large.mbtiles"
    with MBTilesWriter(path, "large", "png") as writer:
        writer.add(17, tile.x, tile.y, bytes(cv2.imencode(".png", image)[1]))
    middle = (box.north + box.south) / 2, (box.west + box.east) / 2
    patch = SatelliteMap(open_store(path)).patch_at(*middle, 0.0, 80.0, 0.4)
    assert patch.missing == 0.0
    assert (patch.image[:, :99] == 0).all() and (patch.image[:, 101:] == 200).all()


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (((0.0, 0.0), math.nan, 100, 0.5), "finite"),
        (((math.inf, 0.0), 0.0, 100, 0.5), "finite"),
        (((0.0, 0.0), 0.0, 100, 0.0), "resolution above 0"),
        (((0.0, 0.0), 0.0, 0, 0.5), "0 px"),
        (((0.0, 0.0), 0.0, 100_000, 0.5), "100000 px"),
        (((0.0, 0.0), 0.0, 1000, 50.0), "coarser zoom levels"),
    ],
)
def test_senseless_requests_are_refused(marked, request_: tuple, match: str) -> None:
    satellite, frame, _ = marked
    with pytest.raises(InputError, match=match):
        satellite.patch(frame, *request_)


def test_the_pole_is_refused(marked) -> None:
    with pytest.raises(InputError, match="beyond Web Mercator"):
        marked[0].patch_at(89.0, 0.0, 0.0, 50.0, 0.5)
