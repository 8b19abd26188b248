"""Where a vehicle went or will go, in degrees: from bags, and TUM, GPX and GeoJSON files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.trajectory import datum_of, read_tum
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame, distance
from geoflow_ros.structured_text import read_json

Line = NDArray[np.float64]
"""(N, 2) longitude and latitude in WGS84 degrees, along a line or a single point."""

FIX = "sensor_msgs/msg/NavSatFix"
NO_FIX = -1
"""sensor_msgs/NavSatStatus.STATUS_NO_FIX"""
LEAP_M_S = 150.0
"""Between fixes that are further apart than a vehicle goes, there is no way to fetch tiles for."""
BAG_SUFFIXES = (".mcap", ".db3", ".bag")

_POINT_TAGS = {"trkseg": "trkpt", "rte": "rtept"}


def read_track(path: Path, datum: Datum | None = None) -> list[Line]:
    """The lines of a track: of a bag's fixes, GPX (.gpx), GeoJSON (.geojson, .json), anything else is TUM.

    datum: of a TUM file without a line `# datum`.
    """
    if datum is not None and (path.is_dir() or path.suffix.lower() in (*_READERS, *BAG_SUFFIXES)):
        raise InputError(f"track {path} is in degrees: a datum is for TUM files, whose poses are in metres")
    try:
        lines = [line for line in _reader(path, datum)(path) if len(line)]
    except (OSError, ValueError, TypeError, KeyError, IndexError, ElementTree.ParseError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"track {path} cannot be read ({error}): give a bag, GPX, GeoJSON or TUM file") from error
    if not lines:
        raise InputError(f"track {path} has no point or line: give a drive as bag, GPX, GeoJSON or TUM")
    if not all(np.isfinite(line).all() for line in lines):
        raise InputError(f"track {path} has a position that is not a number: give WGS84 degrees")
    return lines


def _reader(path: Path, datum: Datum | None) -> Callable[[Path], Iterator[Line]]:
    if path.is_dir() or path.suffix.lower() in BAG_SUFFIXES:
        return _bag
    return _READERS.get(path.suffix.lower(), partial(_tum, datum=datum))


def _tum(path: Path, datum: Datum | None) -> Iterator[Line]:
    trajectory, stated = read_tum(path), datum_of(path) or datum
    if stated is None:
        raise InputError(
            f"track {path} does not say where its zero is: give --datum LATITUDE LONGITUDE, or put a line `# datum "
            "LATITUDE LONGITUDE` first"
        )
    if datum is not None and (stated.latitude, stated.longitude) != (datum.latitude, datum.longitude):
        raise InputError(f"track {path} has the datum {stated}, but {datum} is given: leave --datum out")
    latitude, longitude, _ = LocalFrame(stated).to_geodetic(trajectory.poses[:, :2])
    yield np.column_stack([longitude, latitude])


def _bag(path: Path) -> Iterator[Line]:
    """The fixes of every NavSatFix topic, cut where they leap."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    damage = Damage()
    with open_bag(path) as reader:
        connections = [each for each in reader.connections if each.msgtype == FIX]
        if not connections:
            raise InputError(f"bag {path} has no topic of type sensor_msgs/NavSatFix: give a drive with GNSS")
        for connection, _, message in read_messages(reader, connections, damage):
            place = (float(message.longitude), float(message.latitude))
            if message.status.status > NO_FIX and place != (0.0, 0.0) and np.isfinite(place).all():
                found.setdefault(connection.topic, []).append((stamp_ns(message.header.stamp) * 1e-9, *place))
    if not found:
        lost = f" ({damage})" if str(damage) else ""
        raise InputError(f"bag {path} has no valid fix on {', '.join(each.topic for each in connections)}{lost}")
    for fixes in found.values():
        yield from _without_leaps(np.array(fixes))


def _without_leaps(fixes: NDArray[np.float64]) -> Iterator[Line]:
    """Lines of fixes (N, 3) of stamp (s), longitude and latitude, cut where no vehicle is so fast."""
    ways = [
        distance(fixes[row, 2], fixes[row, 1], fixes[row + 1, 2], fixes[row + 1, 1]) for row in range(len(fixes) - 1)
    ]
    leaps = np.array(ways) > LEAP_M_S * np.maximum(np.abs(np.diff(fixes[:, 0])), 0.1)
    yield from (part[:, 1:] for part in np.split(fixes, np.flatnonzero(leaps) + 1))


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
    yield from _geometry_lines(read_json(path), path)


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


_READERS: dict[str, Callable[[Path], Iterator[Line]]] = {".gpx": _gpx, ".geojson": _geojson, ".json": _geojson}
