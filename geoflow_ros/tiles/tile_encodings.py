"""What the tiles of a store are encoded as, whatever its metadata state."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from geoflow_ros.encoded_images import format_of, unzipped
from geoflow_ros.satellite.tile_images import TileStore

LOOKED_AT = 1000
"""Tiles of a zoom level at most: enough to find what is in it, and read within a second."""


def encodings(store: TileStore) -> dict[str, int]:
    """How many tiles are png, jpg, webp, avif or "unreadable", the commonest first.

    Of a zoom level with many tiles, some are looked at, evenly spread.
    """
    found: Counter[str] = Counter()
    for zoom in store.zooms:
        stride = -(-store.count(zoom) // LOOKED_AT)
        for x, y in islice(store.places(zoom), 0, None, max(1, stride)):
            found[format_of(unzipped(store.tile(zoom, x, y) or b"")) or "unreadable"] += 1
    return dict(found.most_common())
