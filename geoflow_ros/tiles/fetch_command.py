"""The command `tiles fetch`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoflow_ros import cli
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.tile_grid import MAX_ZOOM, Tile, tile_name
from geoflow_ros.satellite.tile_images import Bounds
from geoflow_ros.tiles.area import box_of, box_tiles, check_box, track_tiles, zoom_for
from geoflow_ros.tiles.tracks import read_track

if TYPE_CHECKING:
    from geoflow_ros.tiles.fetch import Outcome, Plan
    from geoflow_ros.tiles.providers import TileSource

DEFAULT_MARGIN_M = 100.0


def add_fetch(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser("fetch", help="tiles of an area from a server -> MBTiles, in as many runs as it takes")
    parser.add_argument("target", type=Path, metavar="OUT.mbtiles", help="an earlier run's is gone on with")
    source_help = "URL with {z}/{x}/{y} (also {-y}, {quadkey}, {bbox-epsg-3857}, {s}, {apikey}), or name in xyzservices"
    parser.add_argument("--source", required=True, metavar="URL|PROVIDER", help=source_help)
    area = parser.add_mutually_exclusive_group(required=True)
    area.add_argument("--bbox", type=float, nargs=4, metavar=("W", "S", "E", "N"), help="WGS84 degrees")
    area.add_argument("--track", type=Path, metavar="FILE", help="folder of a bag, GPX, GeoJSON, or TUM")
    datum_help = "where a TUM track has its zero, if no line `# datum` in it says so"
    parser.add_argument("--datum", type=float, nargs=2, metavar=("LAT", "LON"), help=datum_help)
    margin_help = f"metres to each side of the track; default {DEFAULT_MARGIN_M:g}"
    parser.add_argument("--margin-m", type=_positive, default=DEFAULT_MARGIN_M, metavar="M", help=margin_help)
    detail = parser.add_mutually_exclusive_group(required=True)
    detail.add_argument("--zoom", type=_zooms, metavar="Z|Z-Z", help="zoom level, or from one to another, as 17-19")
    detail.add_argument("--resolution", type=_positive, metavar="M", help="metres per pixel at most, as 0.2")
    parser.add_argument("--attribution", default="", help="whose imagery it is; a provider's own is known")
    parser.add_argument("--tile-px", type=int, choices=(256, 512), help="side of a tile; default: provider's, or 256")
    parser.add_argument("--connections", type=cli.positive, default=4, help="at a time; default 4")
    parser.add_argument("--rate", type=_positive, default=20.0, help="requests a second at most; default 20")
    parser.add_argument("--attempts", type=cli.positive, default=5, help="for a tile in a run; default 5")
    parser.add_argument("--timeout-s", type=_positive, default=30.0, help="for an answer; default 30")
    parser.add_argument("--retry-missing", action="store_true", help="ask again for what the source did not have")
    parser.add_argument("--dry-run", action="store_true", help="only say how many tiles, and about how many bytes")
    right_help = "you may download in bulk from a source whose terms forbid it to others"
    parser.add_argument("--i-have-the-right", action="store_true", help=right_help)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(command=_fetch)


def _fetch(arguments: argparse.Namespace) -> None:
    try:
        from geoflow_ros.tiles.download import Limits
        from geoflow_ros.tiles.fetch import download, plan
        from geoflow_ros.tiles.providers import tile_source
    except ImportError as error:
        raise InputError(f"fetching tiles needs more ({error}): {install_hint('tiles')}") from None
    source = tile_source(
        arguments.source,
        attribution=arguments.attribution,
        tile_px=arguments.tile_px,
        may_bulk=arguments.i_have_the_right,
    )
    work = plan(arguments.target, source, _wanted(arguments, source), retry_missing=arguments.retry_missing)
    if arguments.dry_run:
        _print(arguments.json, _plan_facts(work), _plan_sentence(work))
        return
    limits = Limits(arguments.connections, arguments.rate, arguments.attempts, timeout_s=arguments.timeout_s)
    outcome = download(work, limits)
    _print(arguments.json, {**_plan_facts(work), **_outcome_facts(outcome)}, _outcome_text(work, outcome))
    if outcome.stopped:
        raise InputError(f"stopped, {outcome.untried} tiles untried: {outcome.stopped}; what was fetched is kept")
    if outcome.failures:
        raise InputError(
            f"{len(outcome.failures)} of {len(work.wanted)} tiles failed; the same command tries only these again"
        )


@dataclass(frozen=True, slots=True)
class _Zooms:
    first: int
    last: int


def _wanted(arguments: argparse.Namespace, source: TileSource) -> list[Tile]:
    datum = None if arguments.datum is None else Datum(*arguments.datum)
    lines = [] if arguments.track is None else read_track(arguments.track, datum)
    box: Bounds = box_of(lines, arguments.track) if lines else tuple(arguments.bbox)
    if not lines:
        check_box(box)
    if arguments.zoom is None:
        zoom = zoom_for(arguments.resolution, (box[1] + box[3]) / 2, source.tile_px)
        asked = _Zooms(zoom, zoom)
    else:
        asked = arguments.zoom
    least, most = source.zooms
    if asked.first < least or asked.last > most:
        raise InputError(f"{arguments.source} has zoom {least} to {most}, not {asked.first} to {asked.last}")
    zooms = range(asked.first, asked.last + 1)
    return track_tiles(lines, arguments.margin_m, zooms) if lines else box_tiles(box, zooms)


def _plan_facts(work: Plan) -> dict[str, Any]:
    west, south, east, north = map(float, work.metadata["bounds"].split(","))
    return {
        "target": str(work.target),
        "source": work.source.template,
        "attribution": work.metadata["attribution"],
        "zooms": sorted({zoom for zoom, _, _ in work.wanted}),
        "bounds": [west, south, east, north],
        "tiles": len(work.wanted),
        "present": work.present,
        "known_missing": work.known_missing,
        "to_fetch": len(work.todo),
        "estimated_bytes": work.estimated_bytes,
    }


def _plan_sentence(work: Plan) -> list[str]:
    return [
        f"{work.target}: {len(work.wanted)} tiles, {work.present} there, {work.known_missing} known to be missing, "
        f"{len(work.todo)} to fetch, about {work.estimated_bytes / 1e6:.1f} MB"
    ]


def _outcome_facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "fetched": outcome.fetched,
        "missing": outcome.missing,
        "failed": [{"tile": tile_name(tile), "reason": reason} for tile, reason in outcome.failures],
        "untried": outcome.untried,
        "bytes": outcome.bytes,
        "seconds": round(outcome.seconds, 3),
        "stopped": outcome.stopped,
    }


def _outcome_text(work: Plan, outcome: Outcome) -> list[str]:
    lines = [f"tile {tile_name(tile)} failed: {reason}" for tile, reason in outcome.failures]
    lines.append(
        f"{work.target}: {outcome.fetched} tiles fetched ({outcome.bytes / 1e6:.1f} MB in {outcome.seconds:.1f} s), "
        f"{work.present} were there, {outcome.missing + work.known_missing} are missing at the source, "
        f"{len(outcome.failures)} failed"
    )
    if not work.metadata["attribution"]:
        lines.append("warning: nothing says whose imagery it is: give --attribution")
    return lines


def _print(as_json: bool, facts: dict[str, Any], lines: Sequence[str]) -> None:
    print(json.dumps(facts, indent=2) if as_json else "\n".join(lines))


def _positive(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return float(text)


def _zooms(text: str) -> _Zooms:
    first, _, last = text.partition("-")
    zooms = _Zooms(int(first), int(last or first))
    if not 0 <= zooms.first <= zooms.last <= MAX_ZOOM:
        raise argparse.ArgumentTypeError(f"{text} is not from a lower to a higher zoom, 0 to {MAX_ZOOM}")
    return zooms
