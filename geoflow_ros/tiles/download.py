"""One tile over HTTP: at a polite pace, tried again where that helps, and looked at before it is believed."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpx

from geoflow_ros import __version__
from geoflow_ros.encoded_images import format_of, is_whole
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_format import RASTER_FORMATS
from geoflow_ros.satellite.tile_grid import Tile
from geoflow_ros.satellite.tile_images import decode_tile
from geoflow_ros.tiles.providers import SUBDOMAINS, TileSource

MISSING = (204, 404, 410)
BUSY = (408, 425, 429, 500, 502, 503, 504)
MAX_TILE_BYTES = 16 * 2**20
MAX_BACKOFF_S = 60.0
MAX_WAIT_S = 300.0
"""A server that asks for a longer pause than this ends the run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a server is asked. rate: requests a second. timeout_s: for a whole answer."""

    connections: int = 4
    rate: float = 20.0
    attempts: int = 5
    backoff_s: float = 0.5
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a tile: its bytes, or a failure in words, or neither where the source has none."""

    tile: Tile
    data: bytes | None = None
    failure: str = ""


class LeaveAloneError(Exception):
    """The server is to be left alone for now, and why."""


class StoppedError(Exception):
    """The run has ended while this tile was waiting."""


class Pace:
    """Lets requests through at a rate, and none while the server asked for a pause; safe across threads."""

    def __init__(self, rate: float) -> None:
        self._interval = 1.0 / rate
        self._next = self._held_until = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def wait(self) -> None:
        """Returns when the next request may go."""
        with self._lock:
            slot = max(time.monotonic(), self._next)
            self._next = slot + self._interval
        while (left := max(slot, self._held_until) - time.monotonic()) > 0:
            self.sleep(left)
        self.sleep(0.0)

    def sleep(self, seconds: float) -> None:
        """Waits, or raises StoppedError as soon as the run ends."""
        if self._stop.wait(seconds):
            raise StoppedError

    def hold(self, seconds: float) -> None:
        """Lets nothing through for some seconds."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + seconds)
            self._next = max(self._next, self._held_until)

    def stop(self) -> None:
        """Wakes all that wait, for good."""
        self._stop.set()


class _TryAgainError(Exception):
    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


class _RefusedError(Exception):
    pass


class Downloader:
    """Tiles of a source over a pool of connections; safe across threads."""

    def __init__(self, source: TileSource, limits: Limits, pace: Pace) -> None:
        self._source, self._limits, self._pace = source, limits, pace
        for name in ("httpx", "httpcore"):  # they log addresses, and with them the key
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx.Client(
            limits=httpx.Limits(max_connections=limits.connections),
            timeout=limits.timeout_s,
            follow_redirects=True,
            event_hooks={"request": [self._refuse_others]},
            headers={"User-Agent": f"geoflow_ros/{__version__}"},
        )

    @cached_property
    def _hosts(self) -> set[str]:
        """What the user named, with every subdomain."""
        return {httpx.URL(self._source.url((2, x, 0))).host for x in range(len(SUBDOMAINS))}

    def _refuse_others(self, request: httpx.Request) -> None:
        """A server may send on to another path or to https, not to a host that nobody named."""
        if request.url.host not in self._hosts:
            raise _RefusedError(f"the server sends on to {request.url.host}: give that address if it is to be asked")

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def fetch(self, tile: Tile) -> Answer:
        """What the source has for a tile. LeaveAloneError where the server asks for a pause of more than MAX_WAIT_S."""
        reason = ""
        for attempt in range(self._limits.attempts):
            self._pace.wait()
            try:
                return Answer(tile, self._once(tile))
            except _RefusedError as refused:
                return Answer(tile, failure=self._source.redacted(str(refused)))
            except _TryAgainError as again:
                reason = self._source.redacted(str(again))
                self._pause(again.pause_s, attempt)
        return Answer(tile, failure=f"{reason}, {self._limits.attempts} times")

    def _pause(self, asked_s: float | None, attempt: int) -> None:
        if asked_s is None:
            if attempt + 1 < self._limits.attempts:
                longest = min(MAX_BACKOFF_S, self._limits.backoff_s * 2**attempt)
                self._pace.sleep(longest * random.uniform(0.5, 1.0))  # not all connections at once
        elif asked_s > MAX_WAIT_S:
            raise LeaveAloneError(f"the server asks to wait for {asked_s:.0f} s: run the command again after that")
        else:
            self._pace.hold(asked_s)

    def _once(self, tile: Tile) -> bytes | None:
        """The image, None where there is none."""
        try:
            with self._client.stream("GET", self._source.url(tile)) as response:
                if response.status_code in MISSING:
                    return None
                if response.status_code in BUSY:
                    pause = retry_after(response.headers.get("Retry-After"))
                    raise _TryAgainError(f"the server answered {response.status_code}", pause)
                if response.status_code != 200:
                    raise _RefusedError(f"the server answered {response.status_code}")
                data = self._body(response)
                self._check(data, response.headers.get("Content-Type", "bytes of no type"))
                return data
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise _RefusedError(f"{type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise _TryAgainError(f"{type(error).__name__}: {error}") from error

    def _body(self, response: httpx.Response) -> bytes:
        """What is sent, unless it is too much or too slow."""
        data, end = bytearray(), time.monotonic() + self._limits.timeout_s
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MAX_TILE_BYTES:
                raise _RefusedError(f"the server sent more than {MAX_TILE_BYTES} bytes")
            if time.monotonic() > end:
                raise _TryAgainError(f"the answer took more than {self._limits.timeout_s:g} s")
        return bytes(data)

    def _check(self, data: bytes, content_type: str) -> None:
        if format_of(data) not in RASTER_FORMATS:
            raise _RefusedError(
                f"the server sent {content_type} ({len(data)} bytes) instead of a PNG, JPEG or WebP image"
            )
        if not is_whole(data):
            raise _TryAgainError(f"the image was cut short after {len(data)} bytes")
        try:
            height, width = decode_tile(data).shape[:2]
        except InputError as error:
            raise _TryAgainError(f"the image {error}") from error
        side = self._source.tile_px
        if (height, width) != (side, side):
            raise _RefusedError(f"the image is {width} x {height} px instead of {side}: see --tile-px")


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header, seconds or a date (RFC 9110, 10.2.3), asks for; None without a valid one."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
