"""The command `tiles import`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geoflow_ros import cli
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.geotiff import ImportSummary, import_images
from geoflow_ros.satellite.stores import IMAGE_SUFFIXES, open_store
from geoflow_ros.satellite.tile_grid import box_in_words
from geoflow_ros.tiles.merge import merge

DEFAULT_QUALITY = 90


def add_import(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser("import", help="images in any coordinate systems, or tile stores -> one MBTiles file")
    source_help = "GeoTIFF, COG, VRT (8-bit grey, RGB or RGBA), folder of them; or stores, whose tiles stay as they are"
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE", help=f"{source_help}; the last is on top")
    parser.add_argument("target", type=Path, metavar="OUT.mbtiles", help="replaced if it exists")
    parser.add_argument("--zoom", type=int, help="finest zoom level; default: nearest to the images' resolution")
    quality_help = f"of JPEG; default {DEFAULT_QUALITY}"
    parser.add_argument("--quality", type=int, choices=range(1, 101), metavar="1-100", help=quality_help)
    parser.add_argument("--jobs", type=cli.positive, metavar="N", help="threads; default: one for each processor")
    parser.add_argument("--attribution", default="", help="whose imagery it is, drawn on every picture of it")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(command=_import)


def _import(arguments: argparse.Namespace) -> None:
    if any(_is_store(path) for path in arguments.sources):
        _import_stores(arguments)
    else:
        _import_images(arguments)


def _import_stores(arguments: argparse.Namespace) -> None:
    if images := [path for path in arguments.sources if not _is_store(path)]:
        raise InputError(f"{images[0]} is no tile store, others are: import images first, then join the stores")
    if arguments.zoom is not None or arguments.quality is not None:
        raise InputError("--zoom and --quality are for images: the tiles of a store are taken as they are")
    if any(arguments.target.exists() and arguments.target.samefile(path) for path in arguments.sources):
        raise InputError(f"{arguments.target} is one of the sources: choose another name")
    tiles = merge([open_store(path) for path in arguments.sources], arguments.target, arguments.attribution)
    if arguments.json:
        print(json.dumps({"target": str(arguments.target), "tiles": tiles}))
    else:
        print(f"{arguments.target}: {tiles} tiles")


def _import_images(arguments: argparse.Namespace) -> None:
    images = [image for path in arguments.sources for image in _images(path)]
    summary = import_images(
        images,
        arguments.target,
        arguments.zoom,
        DEFAULT_QUALITY if arguments.quality is None else arguments.quality,
        attribution=arguments.attribution,
        jobs=arguments.jobs,
        progress=True,
    )
    if arguments.json:
        print(json.dumps(_facts(summary), indent=2))
    else:
        print("\n".join(_lines(summary, images)))


def _is_store(path: Path) -> bool:
    if path.is_dir():
        return any(child.is_dir() and child.name.isdecimal() for child in path.iterdir())
    return path.suffix.lower() in (".mbtiles", ".pmtiles")


def _images(path: Path) -> list[Path]:
    """An image, or all in a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise InputError(f"folder {path} holds neither z/x/y tiles nor images ({', '.join(IMAGE_SUFFIXES)})")
    return found


def _facts(summary: ImportSummary) -> dict[str, Any]:
    return {
        "target": str(summary.target),
        "tiles": summary.tiles,
        "zooms": list(summary.zooms),
        "resolution_m_px": summary.resolution,
        "bounds": list(summary.bounds),
        "warnings": list(summary.warnings),
    }


def _lines(summary: ImportSummary, images: Sequence[Path]) -> list[str]:
    first = (
        f"{summary.target}: {summary.tiles} tiles, zoom {summary.zooms[0]} to {summary.zooms[-1]}, "
        f"{summary.resolution:.3f} m/px, bounds {box_in_words(summary.bounds)}"
    )
    named = f"{images[0]}: " if len(images) == 1 else ""
    return [first, *(f"warning: {named}{sentence}" for sentence in summary.warnings)]
