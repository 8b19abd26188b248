"""Tiles as pixels: what a tile store offers, decoding, and the cache of decoded tiles."""

from __future__ import annotations

import html
import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.encoded_images import is_whole, unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.structured_text import parse_json

Bounds = tuple[float, float, float, float]
"""West, south, east, north in WGS84 degrees."""

OFFSET_KEY = "imagery_offset"
"""What a store's metadata call the text of an `ImageryOffset`."""

TAG = re.compile(r"<[^>]*>")

EMPTY = (128, 128, 128, 0)
"""RGBA of a pixel without imagery."""
HALF_OPAQUE = 128
"""Least alpha of a pixel with imagery."""

_TO_RGBA = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}


@dataclass(frozen=True, slots=True)
class ImageryOffset:
    """How far imagery shows a place beside where it is: metres east and north, and how certain that is."""

    east: float = 0.0
    north: float = 0.0
    std: float = 0.0

    @staticmethod
    def parse(text: str, where: Path) -> ImageryOffset:
        """That of a store's metadata; none where there is no text."""
        if not text:
            return ImageryOffset()
        try:
            values = {name: float(value) for name, value in parse_json(text).items()}
            offset = ImageryOffset(values["east_m"], values["north_m"], values["std_m"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{where} has {OFFSET_KEY} {text!r} in its metadata: expected the like of {ImageryOffset()}"
            ) from error
        if not all(map(math.isfinite, (offset.east, offset.north, offset.std))):
            raise InputError(f"{where} has {OFFSET_KEY} {text!r} in its metadata: expected finite metres")
        return offset

    def __str__(self) -> str:
        return json.dumps({"east_m": self.east, "north_m": self.north, "std_m": self.std})

    def __bool__(self) -> bool:
        return bool(self.east or self.north)


class TileStore(Protocol):
    """Encoded tiles on disk in the XYZ scheme (row 0 in the north) of Web Mercator."""

    @property
    def name(self) -> str:
        """What the store is called."""

    @property
    def attribution(self) -> str:
        """Whose imagery it is, in the words (often HTML) that the store states; empty where it states none."""

    @property
    def imagery_offset(self) -> ImageryOffset:
        """How far the imagery is known to lie beside the truth."""

    @property
    def format(self) -> str:
        """png, jpg, webp or avif: what most tiles are encoded as."""

    @property
    def zooms(self) -> tuple[int, ...]:
        """The zoom levels that hold tiles, ascending, never empty."""

    @property
    def bounds(self) -> Bounds:
        """The box that the finest tiles cover, cut to the one that the store states."""

    @property
    def tile_px(self) -> int:
        """Pixels along the side of a tile."""

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if the store has none there."""

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""

    def places(self, zoom: int) -> Iterator[tuple[int, int]]:
        """Column and row of every tile of a zoom level."""


def credit_of(store: TileStore) -> str:
    """The attribution of a store as plain text, for pictures and pages."""
    return html.unescape(TAG.sub("", store.attribution)).strip()


def decode_tile(data: bytes) -> NDArray[np.uint8]:
    """RGBA pixels (H, W, 4) of an image, gzip'ed or not; those less than half opaque are EMPTY.

    InputError says why it cannot be decoded.
    """
    data = unzipped(data)
    if not is_whole(data):
        raise InputError(f"is cut short after {len(data)} bytes")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # an empty buffer, or a header that claims an absurd size
        pixels = None
    if pixels is None:
        raise InputError(f"({len(data)} bytes) is not a readable PNG, JPEG or WebP image")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype != np.uint8 or channels not in _TO_RGBA:
        raise InputError(f"has {channels} channels of {pixels.dtype} instead of 8-bit grey, RGB or RGBA")
    rgba: NDArray[np.uint8] = np.asarray(cv2.cvtColor(pixels, _TO_RGBA[channels]), dtype=np.uint8)
    if channels == 4:
        rgba[rgba[..., 3] < HALF_OPAQUE] = EMPTY
    return rgba


class TileCache:
    """Decoded tiles of a store, the least recently used dropped beyond a byte budget; safe across threads."""

    def __init__(self, store: TileStore, budget_bytes: int) -> None:
        self._store = store
        self._budget_bytes = budget_bytes
        self._tiles: OrderedDict[tuple[int, int, int], NDArray[np.uint8]] = OrderedDict()
        self._corrupt: dict[tuple[int, int, int], str] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def corrupt(self) -> tuple[str, ...]:
        """One sentence for every tile that could not be decoded when it was last read, oldest first."""
        with self._lock:
            return tuple(self._corrupt.values())

    def get(self, z: int, x: int, y: int) -> NDArray[np.uint8] | None:
        """RGBA pixels (tile_px, tile_px, 4), read only; None where the store has no tile or a corrupt one."""
        key = (z, x, y)
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        data = self._store.tile(z, x, y)
        return None if data is None else self._decode(key, data)

    def _decode(self, key: tuple[int, int, int], data: bytes) -> NDArray[np.uint8] | None:
        try:
            tile = decode_tile(data)
            if tile.shape[:2] != (self._store.tile_px, self._store.tile_px):
                raise InputError(f"is {tile.shape[1]} x {tile.shape[0]} px instead of {self._store.tile_px}")
        except InputError as error:
            sentence = f"tile {'/'.join(map(str, key))} of {self._store.name} {error}: fetch or import it again"
            with self._lock:
                self._corrupt[key] = sentence
            return None
        tile.setflags(write=False)
        with self._lock:
            self._corrupt.pop(key, None)  # it was written again
            self._keep(key, tile)
        return tile

    def _keep(self, key: tuple[int, int, int], tile: NDArray[np.uint8]) -> None:
        if key not in self._tiles:  # another thread may have decoded it meanwhile
            self._tiles[key] = tile
            self._bytes += tile.nbytes
        while self._bytes > self._budget_bytes and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].nbytes
