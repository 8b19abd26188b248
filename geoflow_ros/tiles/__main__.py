"""Command line for satellite tiles: fetch, import and export them, look at them, check them."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from geoflow_ros import cli
from geoflow_ros.align.command import add_align
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import ground_resolution
from geoflow_ros.reports.lettering import write_credit
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import STORES, open_store
from geoflow_ros.satellite.tile_grid import box_in_words
from geoflow_ros.satellite.tile_images import ImageryOffset, TileStore
from geoflow_ros.tiles.fetch_command import add_fetch
from geoflow_ros.tiles.import_command import add_import
from geoflow_ros.tiles.store_commands import add_store_commands
from geoflow_ros.tiles.tile_encodings import encodings


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of `geoflow_ros.tiles`."""
    return cli.run(_parser(), lambda arguments: arguments.command(arguments), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="geoflow_ros.tiles", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="{fetch,import,export,info,verify,coverage,align,patch}")
    add_fetch(commands)
    add_import(commands)
    add_store_commands(commands)
    add_align(commands)

    info = commands.add_parser("info", help="what a tile store holds")
    info.add_argument("store", type=Path, help=STORES)
    info.add_argument("--json", action="store_true", help="as one JSON object")
    info.set_defaults(command=_info)

    patch = commands.add_parser("patch", help="cut a metric patch out of a tile store")
    patch.add_argument("store", type=Path, help=STORES)
    patch.add_argument("--lat", type=float, required=True, help="centre, WGS84 degrees")
    patch.add_argument("--lon", type=float, required=True, help="centre, WGS84 degrees")
    yaw_help = "direction of the patch's right edge, counter-clockwise from east: 0 is north-up, 90 has north right"
    patch.add_argument("--yaw-deg", type=float, default=0.0, help=yaw_help)
    patch.add_argument("--size-m", type=float, required=True, help="metres along a side")
    patch.add_argument("--resolution", type=float, help="metres per pixel; default: that of the finest tiles")
    patch.add_argument("--out", type=Path, required=True, metavar="PATCH.png", help="the picture")
    patch.set_defaults(command=_patch)
    return parser


def _info(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    facts = _facts(store, arguments.store)
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in (facts | _words(store, facts)).items():
        print(f"{name:<16} {value}")


def _facts(store: TileStore, path: Path) -> dict[str, Any]:
    offset = store.imagery_offset
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {
        "name": store.name,
        "attribution": store.attribution,
        "imagery_offset": None if offset == ImageryOffset() else asdict(offset),
        "format": store.format,
        "encodings": encodings(store),
        "zooms": list(store.zooms),
        "bounds": list(store.bounds),
        "tile_px": store.tile_px,
        "tiles": {str(zoom): store.count(zoom) for zoom in store.zooms},
        "resolution_m_px": ground_resolution(_middle_latitude(store), store.zooms[-1], store.tile_px),
        "bytes": sum(file.stat().st_size for file in files),
    }


def _words(store: TileStore, facts: dict[str, Any]) -> dict[str, str]:
    """Facts as people read them, where that is not as programs do."""
    offset = store.imagery_offset
    place = f"{offset.east:.2f} m east, {offset.north:.2f} m north, +- {offset.std:.2f} m"
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts["encodings"].items())
    looked_at, all_tiles = sum(facts["encodings"].values()), sum(facts["tiles"].values())
    return {
        "attribution": store.attribution or "none stated",
        "encodings": kinds if looked_at == all_tiles else f"{kinds} of {looked_at} looked at",
        "imagery_offset": place if facts["imagery_offset"] else "not measured",
        "zooms": ", ".join(map(str, store.zooms)),
        "bounds": box_in_words(store.bounds),
        "tiles": ", ".join(f"{count} of zoom {zoom}" for zoom, count in facts["tiles"].items()),
        "resolution_m_px": f"{facts['resolution_m_px']:.3f}",
    }


def _patch(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    resolution = arguments.resolution
    if resolution is None:
        resolution = ground_resolution(arguments.lat, store.zooms[-1], store.tile_px)
    satellite = SatelliteMap(store)
    yaw = math.radians(arguments.yaw_deg)
    patch = satellite.patch_at(arguments.lat, arguments.lon, yaw, arguments.size_m, resolution)
    if patch.missing == 1.0:
        aside = satellite.aside(arguments.lat, arguments.lon) or f"its tiles cover {box_in_words(store.bounds)}"
        reason = satellite.corrupt[-1] if satellite.corrupt else aside
        raise InputError(f"{store.name} has no imagery at {arguments.lat}, {arguments.lon}: {reason}")
    image = patch.image.copy()
    write_credit(image, patch.credit)
    _write_png(arguments.out, image)
    print(
        f"{arguments.out}: centre {arguments.lat:.7f} {arguments.lon:.7f}, yaw {arguments.yaw_deg:g} deg, "
        f"{patch.size_px} px of {patch.resolution:.4f} m = {patch.size_m:.2f} m, missing {patch.missing:.3f}"
    )
    for sentence in satellite.corrupt:
        print(f"warning: {sentence}")


def _write_png(path: Path, rgb: Any) -> None:
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    try:
        path.write_bytes(bytes(data))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose a folder you may write to") from error


def _middle_latitude(store: TileStore) -> float:
    return (store.bounds[1] + store.bounds[3]) / 2


if __name__ == "__main__":
    raise SystemExit(main())
