"""How missing tiles are fetched while driving."""

from __future__ import annotations

from dataclasses import dataclass

from geoflow_ros.options import option


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """Off while there is no source."""

    source: str = option(
        "where missing tiles are fetched from while driving: a URL template or a provider, as for tiles fetch; empty: "
        "nothing is fetched. A key comes from the environment variable TILES_API_KEY",
        "",
    )
    cache: str = option("MBTiles file of what was fetched; empty: beside the tiles, NAME.live.mbtiles", "")
    budget_mb: int = option(
        "size that the fetched tiles may have; those used longest ago go first", 500, "MB", (1, 1_000_000)
    )
    ahead: float = option("how far ahead of base_link tiles are fetched", 300.0, "m", (0.0, 5000.0))
    margin: float = option("how far to the sides of that way", 100.0, "m", (20.0, 1000.0))
    zoom: int = option("zoom of the fetched tiles; 0 takes the finest of the tiles at hand", 0, range=(0, 24))
    rate: float = option("requests a second at most", 5.0, "1/s", (0.1, 100.0))
    attribution: str = option("whose imagery it is; that of a provider is known", "")
    may_bulk: bool = option("you have the right to fetch from a source whose terms forbid it to others", False)
