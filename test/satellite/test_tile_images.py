"""Decoding of tiles and the cache of decoded ones."""

import cv2
import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_images import EMPTY, TileCache, decode_tile

TILE_BYTES = 256 * 256 * 4


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


class CountingStore:
    """A store in memory that remembers what was asked of it."""

    name, format, zooms, bounds, tile_px = "memory", "png", (18,), (0.0, 0.0, 1.0, 1.0), 256

    def __init__(self, tiles: dict[tuple[int, int, int], bytes]) -> None:
        self.tiles = tiles
        self.asked: list[tuple[int, int, int]] = []

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        self.asked.append((z, x, y))
        return self.tiles.get((z, x, y))

    def count(self, zoom: int) -> int:
        return len(self.tiles)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_colours_come_out_as_rgba(suffix: str) -> None:
    orange_bgr = np.full((256, 256, 3), (0, 128, 255), np.uint8)
    assert decode_tile(encode(orange_bgr, suffix))[7, 9] == pytest.approx((255, 128, 0, 255), abs=3)


def test_grey_is_spread_over_the_colours() -> None:
    assert decode_tile(encode(np.full((8, 8), 77, np.uint8)))[0, 0].tolist() == [77, 77, 77, 255]


def test_transparent_pixels_are_empty_whatever_their_colour() -> None:
    bgra = np.full((2, 2, 4), 255, np.uint8)
    bgra[0, 0, 3], bgra[0, 1, 3] = 0, 127
    assert decode_tile(encode(bgra)).tolist() == [[list(EMPTY), list(EMPTY)], [[255] * 4, [255] * 4]]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_tile_cut_off_anywhere_is_refused(suffix: str) -> None:
    data = encode(np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8), suffix)
    for length in (0, 1, 20, len(data) // 2, len(data) - 100):
        with pytest.raises(InputError, match=r"cut short|not a readable"):
            decode_tile(data[:length])


def test_other_content_is_refused() -> None:
    with pytest.raises(InputError, match="not a readable"):
        decode_tile(b"<html>quota exceeded</html>")
    with pytest.raises(InputError, match="uint16"):
        decode_tile(encode(np.zeros((8, 8), np.uint16)))


def test_cache_keeps_the_most_recently_used_within_its_budget() -> None:
    data = encode(np.zeros((256, 256, 3), np.uint8))
    store = CountingStore({(18, x, 0): data for x in range(5)})
    cache = TileCache(store, budget_bytes=3 * TILE_BYTES)
    for x in (0, 1, 2, 0, 3):  # 3 pushes out 1, the least recently used
        cache.get(18, x, 0)
    for x in (0, 2, 3, 1):
        cache.get(18, x, 0)
    assert [x for _, x, _ in store.asked] == [0, 1, 2, 3, 1]


def test_corrupt_tile_is_missing_and_named_until_it_can_be_read() -> None:
    good = encode(np.zeros((256, 256, 3), np.uint8))
    small = encode(np.zeros((128, 128, 3), np.uint8))
    store = CountingStore({(18, 1, 2): good[:100], (18, 1, 3): good, (18, 1, 4): small})
    cache = TileCache(store, budget_bytes=10 * TILE_BYTES)
    for _ in range(2):
        assert cache.get(18, 1, 2) is None
        assert cache.get(18, 1, 3) is not None
        assert cache.get(18, 1, 4) is None
        assert cache.get(18, 9, 9) is None
    cut, wrong_size = cache.corrupt
    assert "18/1/2 of memory is cut short" in cut
    assert "18/1/4 of memory is 128 x 128 px instead of 256" in wrong_size
    store.tiles[18, 1, 2] = good  # imported again
    assert cache.get(18, 1, 2) is not None
    assert cache.corrupt == (wrong_size,)


def test_cached_pixels_cannot_be_overwritten() -> None:
    store = CountingStore({(18, 0, 0): encode(np.zeros((256, 256, 3), np.uint8))})
    tile = TileCache(store, TILE_BYTES).get(18, 0, 0)
    assert tile is not None
    with pytest.raises(ValueError, match="read-only"):
        tile[0, 0] = 1
