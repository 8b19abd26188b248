"""Where a vehicle went or will go, in degrees: from TUM, GPX and GeoJSON files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame

Line = NDArray[np.float64]
"""(N, 2) longitude and latitude in WGS84 degrees, along a line or a single point."""

_DATUM = re.compile(r"^# datum (\S+) (\S+)(?: (\S+))?\s*$", re.MULTILINE)
_POINT_TAGS = {"trkseg": "trkpt", "rte": "rtept"}


def read_track(path: Path) -> list[Line]:
    """The lines of a track; .gpx is GPX, .geojson and .json GeoJSON, anything else TUM with a line `# datum`."""
    reader = {".gpx": _gpx, ".geojson": _geojson, ".json": _geojson}.get(path.suffix.lower(), _tum)
    try:
        lines = [line for line in reader(path) if len(line)]
    except (OSError, ValueError, TypeError, KeyError, IndexError, ElementTree.ParseError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"track {path} cannot be read ({error}): give a GPX, GeoJSON or TUM file") from error
    if not lines:
        raise InputError(f"track {path} has no point or line: give a drive as GPX, GeoJSON or TUM")
    if not all(np.isfinite(line).all() for line in lines):
        raise InputError(f"track {path} has a position that is not a number: give WGS84 degrees")
    return lines


def _tum(path: Path) -> Iterator[Line]:
    found = _DATUM.search(path.read_text(encoding="utf-8"))
    trajectory = read_tum(path)
    if found is None:
        raise InputError(f"track {path} does not say where its zero is: put a line `# datum LATITUDE LONGITUDE` first")
    frame = LocalFrame(Datum(float(found[1]), float(found[2]), float(found[3] or 0.0)))
    latitude, longitude, _ = frame.to_geodetic(trajectory.poses[:, :2])
    yield np.column_stack([longitude, latitude])


def _gpx(path: Path) -> Iterator[Line]:
    """Track segments, routes, and waypoints, each of these on its own."""
    for element in ElementTree.parse(path).iter():
        tag = _plain(element)
        if tag in _POINT_TAGS:
            yield _line([_place(each) for each in element if _plain(each) == _POINT_TAGS[tag]])
        elif tag == "wpt":
            yield _line([_place(element)])


def _plain(element: ElementTree.Element) -> str:
    """A tag without its namespace, of which GPX has several."""
    return element.tag.rsplit("}", 1)[-1]


def _place(element: ElementTree.Element) -> tuple[float, float]:
    return float(element.attrib["lon"]), float(element.attrib["lat"])


def _geojson(path: Path) -> Iterator[Line]:
    yield from _geometry_lines(json.loads(path.read_text(encoding="utf-8")), path)


def _geometry_lines(value: Any, path: Path) -> Iterator[Line]:
    kind = value["type"]
    if kind in ("FeatureCollection", "GeometryCollection"):
        for each in value["features" if kind == "FeatureCollection" else "geometries"]:
            yield from _geometry_lines(each, path)
    elif kind == "Feature":
        if value["geometry"] is not None:
            yield from _geometry_lines(value["geometry"], path)
    elif kind in ("Point", "LineString"):
        yield _line([value["coordinates"]] if kind == "Point" else value["coordinates"])
    elif kind in ("MultiPoint", "MultiLineString"):
        yield from (_line([each] if kind == "MultiPoint" else each) for each in value["coordinates"])
    else:
        raise InputError(f"track {path} has a {kind}: give lines or points, or an area with --bbox")


def _line(places: list[Any]) -> Line:
    return np.array([[float(place[0]), float(place[1])] for place in places], dtype=np.float64).reshape(-1, 2)
