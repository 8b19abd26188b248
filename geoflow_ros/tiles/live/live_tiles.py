"""Missing tiles fetched ahead of the motion, by a thread of its own that nobody waits for."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.live_config import LiveConfig
from geoflow_ros.satellite.tile_grid import Tile
from geoflow_ros.satellite.tile_images import Bounds, ImageryOffset, TileStore
from geoflow_ros.tiles.area import in_tiles, track_tiles
from geoflow_ros.tiles.download import Answer, Downloader, LeaveAloneError, Limits, Pace, StoppedError
from geoflow_ros.tiles.live.live_cache import LiveCache
from geoflow_ros.tiles.providers import TileSource, tile_source

ASK_AGAIN_S = 600.0
"""A tile that the source does not have, or that could not be had, is not asked for again within this time."""
LONGEST_PAUSE_S = 60.0
"""Between two attempts while the server fails, doubled from a second on."""
LEFT_ALONE_S = 300.0
TYPICAL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A pose of base_link in a map frame."""

    pose: PlanarPose
    frame: LocalFrame


class LiveStore:
    """A tile store with what was fetched beside it. What it reads is on disk: it never waits for the network."""

    def __init__(self, base: TileStore, cache: LiveCache, zoom: int, attribution: str) -> None:
        self._base, self._cache = base, cache
        self.zooms = tuple(sorted({*base.zooms, zoom}))
        self.attribution = "; ".join(dict.fromkeys(each for each in (base.attribution, attribution) if each))
        self.name, self.format, self.tile_px = base.name, base.format, base.tile_px

    @property
    def imagery_offset(self) -> ImageryOffset:
        """As that of the store."""
        return self._base.imagery_offset

    @property
    def bounds(self) -> Bounds:
        """As those of the store."""
        return self._base.bounds

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none yet."""
        data = self._base.tile(z, x, y)
        return self._cache.tile((z, x, y)) if data is None else data

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        return sum(1 for _ in self.places(zoom))

    def places(self, zoom: int) -> Iterator[tuple[int, int]]:
        """Column and row of every tile of a zoom level."""
        yield from dict.fromkeys([*self._base.places(zoom), *self._cache.places(zoom)])


class LiveTiles:
    """Fetches what a store lacks around and ahead of where the vehicle is told to be."""

    def __init__(self, path: Path, base: TileStore, config: LiveConfig) -> None:
        """InputError says what of the configuration cannot be."""
        source = tile_source(
            config.source, attribution=config.attribution, tile_px=base.tile_px, may_bulk=config.may_bulk
        )
        self._zoom = config.zoom or base.zooms[-1]
        if not source.zooms[0] <= self._zoom <= source.zooms[1]:
            least, most = source.zooms
            raise InputError(f"live.source {config.source} has zoom {least} to {most}, not {self._zoom}")
        where = Path(config.cache) if config.cache else path.with_name(f"{path.stem}.live.mbtiles")
        cache = LiveCache(where, source.template, config.budget_mb * 1_000_000)
        self.store = LiveStore(base, cache, self._zoom, source.attribution)
        self._fetcher = _Fetcher(base, cache, source, config, self._zoom)
        self._fetcher.start()

    @property
    def fact(self) -> str:
        """What came of it so far, in a sentence for the diagnostics."""
        return self._fetcher.fact

    def look_ahead(self, pose: PlanarPose, frame: LocalFrame) -> None:
        """The vehicle is here; returns at once."""
        self._fetcher.offer(Whereabouts(pose, frame))

    def close(self) -> None:
        """Ends the fetching; a request in flight is given up."""
        self._fetcher.stop()


class _Fetcher(threading.Thread):
    def __init__(self, base: TileStore, cache: LiveCache, source: TileSource, config: LiveConfig, zoom: int) -> None:
        super().__init__(name="live tiles", daemon=True)
        self.fact = "nothing fetched yet"
        self._base, self._cache, self._config, self._zoom = base, cache, config, zoom
        self._pace = Pace(config.rate)
        self._downloader = Downloader(source, Limits(connections=1, rate=config.rate, attempts=1), self._pace)
        self._newest: Whereabouts | None = None
        self._came = threading.Event()
        self._not_before: dict[Tile, float] = {}
        self._pause_s = 1.0
        self._fetched = 0

    def offer(self, place: Whereabouts) -> None:
        self._newest = place
        self._came.set()

    def stop(self) -> None:
        self._pace.stop()
        self._came.set()

    def run(self) -> None:
        try:
            while True:
                self._came.wait()
                self._came.clear()
                self._pace.sleep(0.0)
                self._follow()
        except StoppedError:
            pass
        finally:
            self._downloader.close()
            self._cache.close()

    def _follow(self) -> None:
        """Fetches what is missing, the nearest first, looking anew after each tile; waits where the server fails."""
        while self._newest is not None and (tile := self._nearest_missing(self._newest)) is not None:
            try:
                self._keep(self._downloader.fetch(tile))
            except LeaveAloneError as error:
                self._wait(LEFT_ALONE_S, str(error))
            except (sqlite3.Error, OSError) as error:  # a full disk must not end the driving
                self._wait(LONGEST_PAUSE_S, f"{self._cache.path} cannot be written: {error}")

    def _keep(self, answer: Answer) -> None:
        if answer.data is not None:
            self._cache.add(answer.tile, answer.data)
            self._fetched += 1
            self._pause_s = 1.0
            self.fact = f"{self._fetched} fetched, {len(self._cache)} held, {self._cache.bytes / 1e6:.1f} MB"
            return
        self._not_before[answer.tile] = time.monotonic() + (ASK_AGAIN_S if not answer.failure else 2 * self._pause_s)
        if answer.failure:
            self._wait(self._pause_s, answer.failure)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _wait(self, seconds: float, reason: str) -> None:
        self.fact = f"{self._fetched} fetched; waiting for {seconds:.0f} s: {reason}"
        self._pace.sleep(seconds)

    def _nearest_missing(self, place: Whereabouts) -> Tile | None:
        now = time.monotonic()
        lacking = (tile for tile in self._wanted(place) if tile in self._cache or self._base.tile(*tile) is None)
        wanted = list(islice(lacking, self._cache.room(TYPICAL_BYTES)))  # or what is dropped would be fetched again
        self._cache.touch(wanted)
        for tile in wanted:
            asked_too_early = self._not_before.get(tile, 0.0) > now
            if tile not in self._cache and not asked_too_early:
                return tile
        return None

    def _wanted(self, place: Whereabouts) -> list[Tile]:
        """The tiles around the vehicle and along the way ahead, the nearest first."""
        ahead = place.pose @ PlanarPose(self._config.ahead)
        latitude, longitude, _ = place.frame.to_geodetic([[place.pose.x, place.pose.y], [ahead.x, ahead.y]])
        line = np.column_stack([longitude, latitude])
        x, y = in_tiles(line[:1], self._zoom)[0] - 0.5
        tiles = track_tiles([line], self._config.margin, [self._zoom])
        return sorted(tiles, key=lambda tile: math.hypot(tile[1] - x, tile[2] - y))
