"""The commands `tiles export`, `tiles verify` and `tiles coverage`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.stores import STORES, open_store
from geoflow_ros.satellite.tile_grid import box_in_words, tile_name
from geoflow_ros.tiles.coverage import Level, draw_coverage, level_of
from geoflow_ros.tiles.export import export
from geoflow_ros.tiles.verify import verify


def add_store_commands(commands: Any) -> None:
    """Adds the commands to argparse's subparsers."""
    exporter = commands.add_parser("export", help="any store as MBTiles, PMTiles or a folder, byte by byte")
    exporter.set_defaults(command=_export)
    verifier = commands.add_parser("verify", help="decode every tile of a store; status 2 if one cannot be used")
    verifier.set_defaults(command=_verify)
    coverer = commands.add_parser("coverage", help="which tiles there are at every zoom, in numbers and as a picture")
    coverer.add_argument("--out", type=Path, metavar="COVERAGE.png", help="the picture")
    coverer.set_defaults(command=_coverage)
    for each in (exporter, verifier, coverer):
        each.add_argument("store", type=Path, help=STORES)
        each.add_argument("--json", action="store_true", help="as one JSON object")
    exporter.add_argument("target", type=Path, metavar="OUT", help="OUT.mbtiles, OUT.pmtiles, or a folder to make")


def _export(arguments: argparse.Namespace) -> None:
    tiles = export(open_store(arguments.store), arguments.store, arguments.target)
    if arguments.json:
        print(json.dumps({"target": str(arguments.target), "tiles": tiles}))
    else:
        print(f"{arguments.target}: {tiles} tiles")


def _verify(arguments: argparse.Namespace) -> None:
    found = verify(open_store(arguments.store))
    bad = [(tile_name(tile), reason) for tile, reason in found.bad]
    total = sum(found.tiles.values())
    if arguments.json:
        faults = [{"tile": name, "reason": reason} for name, reason in bad]
        print(json.dumps({"tiles": found.tiles, "bytes": found.bytes, "bad": faults}, indent=2))
    else:
        for name, reason in bad:
            print(f"tile {name} {reason}")
        print(f"{arguments.store}: {total} tiles, {found.bytes} bytes, {len(bad)} bad")
    if bad:
        raise InputError(f"{len(bad)} of {total} tiles of {arguments.store} cannot be used: fetch or import them again")


def _coverage(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    levels = [level_of(store, zoom) for zoom in store.zooms]
    if arguments.out:
        draw_coverage(store, levels, arguments.out)
    if arguments.json:
        print(json.dumps({"zooms": {level.zoom: _facts(level) for level in levels}}, indent=2))
        return
    for level in levels:
        print(f"zoom {level.zoom:>2}: {level.tiles} tiles, {100 * level.share:.1f} % of {box_in_words(level.bounds)}")
    if arguments.out:
        print(f"wrote {arguments.out}")


def _facts(level: Level) -> dict[str, Any]:
    return {"tiles": level.tiles, "share": level.share, "bounds": list(level.bounds)}
