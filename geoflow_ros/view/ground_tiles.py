"""The imagery under the page's map, in squares of the map's own metres."""

from __future__ import annotations

import threading
from collections import OrderedDict

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.reports.thumbnails import jpeg
from geoflow_ros.satellite.mosaic import SatelliteMap

SIDE_PX = 256
COARSEST, FINEST = -1, 3
"""Levels: 2 to the power of it pixels are a metre."""
FARTHEST_M = 100e3
QUALITY = 75
CACHE_BYTES = 32_000_000

Key = tuple[Datum, int, int, int]


class GroundTiles:
    """JPEGs of squares of 256 px; thread-safe, one is drawn at a time, the last used are kept.

    version: counts the maps that were shown.
    """

    def __init__(self) -> None:
        self._satellite: SatelliteMap | None = None
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self.version = 0

    @property
    def credit(self) -> str:
        """Whose imagery it is."""
        return "" if self._satellite is None else self._satellite.credit

    def show(self, satellite: SatelliteMap) -> None:
        """The map to cut from, from now on."""
        with self._lock:
            self._satellite, self._bytes = satellite, 0
            self._kept.clear()
            self.version += 1

    def tile(self, frame: LocalFrame, level: int, x: int, y: int) -> bytes | None:
        """The square number x to the east and y to the south of the map's origin; None where there is no imagery."""
        side = SIDE_PX / 2.0**level
        center = ((x + 0.5) * side, -(y + 0.5) * side)
        if not COARSEST <= level <= FINEST or max(map(abs, center)) > FARTHEST_M:
            return None
        key = (frame.datum, level, x, y)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            drawn = self._drawn(frame, center, 0.5**level)
            if drawn is not None:
                self._keep(key, drawn)
        return drawn

    def _drawn(self, frame: LocalFrame, center: tuple[float, float], resolution: float) -> bytes | None:
        if self._satellite is None:
            return None
        try:
            patch = self._satellite.patch(frame, center, 0.0, SIDE_PX, resolution)
        except InputError:  # more tiles than are read for one square: closer up there is a picture
            return None
        return jpeg(patch.image, QUALITY) if patch.missing < 1.0 else None

    def _keep(self, key: Key, data: bytes) -> None:
        self._kept[key] = data
        self._bytes += len(data)
        while self._bytes > CACHE_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])
