"""What several tests of tiles need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textured_tiles import tiles
from tile_server import TileServer, serving


@pytest.fixture
def server() -> Iterator[TileServer]:
    """Has the tiles of `textured_tiles`, on loopback."""
    with serving(tiles()) as state:
        yield state
