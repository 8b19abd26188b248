"""Which tiles an area needs, and tracks in the formats they come in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import mercantile
import numpy as np
import pytest
from pyproj import Geod

from geoflow_ros.errors import InputError
from geoflow_ros.tiles.area import box_of, box_tiles, track_tiles, zoom_for
from geoflow_ros.tiles.tracks import read_track

GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="47.5" lon="8.5"/><trk>
<trkseg><trkpt lat="47.1" lon="8.1"><ele>400</ele></trkpt><trkpt lat="47.2" lon="8.2"/></trkseg>
<trkseg><trkpt lat="47.3" lon="8.3"/></trkseg></trk><rte><rtept lat="47.4" lon="8.4"/></rte></gpx>"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("resolution", "latitude", "tile_px", "zoom"),
    # 156543 m / 2^19 = 0.2986 m on the equator; cos 60 deg = 0.5
    [(0.3, 0.0, 256, 19), (0.29, 0.0, 256, 20), (0.3, 60.0, 256, 18), (0.3, 0.0, 512, 18), (1e6, 0.0, 256, 0)],
)
def test_zoom_for_a_resolution(resolution: float, latitude: float, tile_px: int, zoom: int) -> None:
    assert zoom_for(resolution, latitude, tile_px) == zoom


def test_zoom_finer_than_any_is_refused() -> None:
    with pytest.raises(InputError, match="finer than any tile"):
        zoom_for(0.001, 0.0, 256)


def test_a_box_takes_the_tiles_that_it_touches() -> None:
    box = mercantile.bounds(100, 200, 9)
    inside = (box.west + 1e-6, box.south + 1e-6, box.east - 1e-6, box.north - 1e-6)
    assert box_tiles(inside, [9]) == [(9, 100, 200)]
    assert box_tiles(inside, [10]) == [(10, 200, 400), (10, 201, 400), (10, 200, 401), (10, 201, 401)]
    wider = (box.west - 1e-6, box.south + 1e-6, box.east - 1e-6, box.north - 1e-6)
    assert box_tiles(wider, [9]) == [(9, 99, 200), (9, 100, 200)]


def test_the_tiles_along_a_track_are_those_within_its_margin() -> None:
    """Against distances on the ellipsoid from the track to points all over the neighbourhood."""
    geod, zoom, margin = Geod(ellps="WGS84"), 18, 150.0
    line = np.array([[8.5, 47.4], [8.506, 47.403], [8.506, 47.398]])
    found = set(track_tiles([line], margin, [zoom]))
    along = np.concatenate([np.linspace(a, b, 200) for a, b in zip(line, line[1:], strict=False)])
    needed, distances = set(), {}
    for east, north in np.stack(
        np.meshgrid(np.linspace(8.494, 8.512, 70), np.linspace(47.394, 47.407, 70)), -1
    ).reshape(-1, 2):
        there = np.tile([east, north], (len(along), 1))
        distance = geod.inv(there[:, 0], there[:, 1], along[:, 0], along[:, 1])[2].min()
        tile = mercantile.tile(east, north, zoom)
        key = (tile.z, tile.x, tile.y)
        distances[key] = min(distance, distances.get(key, math.inf))
        if distance < margin * 0.99:
            needed.add(key)
    assert needed <= found
    beyond = margin * math.sqrt(2) + 60  # corners of the squares, and the sampling of the distances
    assert all(distances[key] < beyond for key in found if key in distances) and len(found) < 1.4 * len(needed)


def test_a_long_gap_between_points_is_filled() -> None:
    tiles = track_tiles([np.array([[8.0, 47.0], [9.0, 47.0]])], 1.0, [16])
    columns = {x for _, x, _ in tiles}
    assert columns == set(range(min(columns), max(columns) + 1)) and len(columns) > 180


def test_gpx_segments_routes_and_waypoints(tmp_path: Path) -> None:
    lines = read_track(written(tmp_path / "a.GPX", GPX))
    assert [line.tolist() for line in lines] == [
        [[8.5, 47.5]], [[8.1, 47.1], [8.2, 47.2]], [[8.3, 47.3]], [[8.4, 47.4]],
    ]  # fmt: skip


def test_geojson_of_every_kind_of_line_and_point(tmp_path: Path) -> None:
    features = [
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[1, 2, 99], [3, 4]]}},
        {"type": "Feature", "geometry": None},
        {"type": "Feature", "geometry": {"type": "MultiPoint", "coordinates": [[5, 6], [7, 8]]}},
    ]
    path = written(tmp_path / "a.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    assert [line.tolist() for line in read_track(path)] == [[[1, 2], [3, 4]], [[5, 6]], [[7, 8]]]


def test_tum_around_its_datum(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tum", "# datum 47.4 8.5 400.0\n0 0 0 0 0 0 0 1\n1 300 400 0 0 0 0 1\n")
    (line,) = read_track(path)
    assert line[0] == pytest.approx([8.5, 47.4], abs=1e-9)
    assert Geod(ellps="WGS84").inv(*line[0], *line[1])[2] == pytest.approx(500.0, abs=0.1)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.tum", "0 0 0 0 0 0 0 1\n", "does not say where its zero is"),
        ("a.gpx", "<gpx><trk>", "cannot be read"),
        ("a.gpx", "<gpx><wpt lat='x' lon='8'/></gpx>", "cannot be read"),
        ("a.gpx", "<gpx/>", "has no point or line"),
        ("a.gpx", "<gpx><wpt lat='nan' lon='8'/></gpx>", "not a number"),
        ("a.json", "[1, 2]", "cannot be read"),
        ("a.json", '{"type": "Polygon", "coordinates": []}', "has a Polygon"),
        ("a.json", '{"type": "LineString", "coordinates": [[1], [2]]}', "cannot be read"),
    ],
)
def test_tracks_that_cannot_be_read(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_track(written(tmp_path / name, text))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ([[179.9, -17.0], [-179.9, -17.0]], "antimeridian"),
        ([[47.0, 8.0], [47.0, 88.0]], "Web Mercator end"),
        ([[200.0, 8.0]], "Web Mercator end"),
    ],
)
def test_tracks_that_no_tiles_cover(line: list[list[float]], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        box_of([np.array(line)], Path("a.gpx"))
