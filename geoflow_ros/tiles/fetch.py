"""Tiles of an area from a server into an MBTiles file, in as many runs as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from geoflow_ros.encoded_images import format_of
from geoflow_ros.satellite.mbtiles_format import extent, named
from geoflow_ros.satellite.tile_grid import Tile, joint, stated_box, tile_box
from geoflow_ros.satellite.tile_images import Bounds
from geoflow_ros.tiles.archive import GrowingArchive, Held
from geoflow_ros.tiles.download import Answer, Downloader, LeaveAloneError, Limits, Pace
from geoflow_ros.tiles.providers import TileSource

TYPICAL_BYTES_PX = 0.3
"""Bytes of a pixel of aerial imagery as JPEG, for estimates."""
STOP_AFTER = 20
"""So many failures in a row, and the server is left alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do. wanted: all tiles of the area. todo: those neither there nor known to be missing."""

    target: Path
    source: TileSource
    wanted: Sequence[Tile]
    todo: Sequence[Tile]
    present: int
    known_missing: int
    estimated_bytes: int
    metadata: dict[str, str]


@dataclass(slots=True)
class Outcome:
    """What came of a run. stopped: why it ended early, else empty. untried: tiles that were not asked for."""

    fetched: int = 0
    missing: int = 0
    bytes: int = 0
    failures: list[tuple[Tile, str]] = field(default_factory=list)
    untried: int = 0
    seconds: float = 0.0
    stopped: str = ""


def plan(target: Path, source: TileSource, wanted: Sequence[Tile], *, retry_missing: bool = False) -> Plan:
    """What there is to fetch, given what earlier runs have left in the target. Touches neither disk nor network."""
    held = Held(target, source.template)
    known_missing = set() if retry_missing else held.missing
    todo = [tile for tile in wanted if tile not in held.tiles and tile not in known_missing]
    tile_bytes = held.mean_bytes or TYPICAL_BYTES_PX * source.tile_px**2
    return Plan(
        target,
        source,
        wanted,
        todo,
        sum(tile in held.tiles for tile in wanted),
        sum(tile in known_missing for tile in wanted),
        round(len(todo) * tile_bytes),
        _metadata(target, source, wanted, held.metadata),
    )


def download(work: Plan, limits: Limits) -> Outcome:
    """Fetches what a plan wants; every tile is safe on disk as soon as it has arrived."""
    outcome, start, pace = Outcome(), time.monotonic(), Pace(limits.rate)
    done = len(work.wanted) - len(work.todo)
    with (
        GrowingArchive(work.target, work.source.template) as archive,
        closing(Downloader(work.source, limits, pace)) as downloader,
        tqdm(total=len(work.wanted), initial=done, unit="tile", desc=work.target.name, disable=None) as bar,
    ):
        archive.describe(work.metadata)
        try:
            with closing(_answers(downloader.fetch, work.todo, limits.connections, pace)) as answers:
                _keep(answers, archive, outcome, bar, has_format="format" in work.metadata)
        except LeaveAloneError as reason:
            outcome.stopped = str(reason)
    outcome.untried = len(work.todo) - outcome.fetched - outcome.missing - len(outcome.failures)
    outcome.seconds = time.monotonic() - start
    return outcome


def _keep(answers: Iterable[Answer], archive: GrowingArchive, outcome: Outcome, bar: tqdm, *, has_format: bool) -> None:
    """Stores answers as they come and counts them. LeaveAloneError when too many in a row are failures."""
    failures_in_a_row = 0
    for answer in answers:
        bar.update()
        if answer.data is not None:
            archive.add(answer.tile, answer.data)
            outcome.fetched += 1
            outcome.bytes += len(answer.data)
            if not has_format:
                archive.describe({"format": str(format_of(answer.data))})
                has_format = True
        elif not answer.failure:
            archive.add_missing(answer.tile)
            outcome.missing += 1
        else:
            outcome.failures.append((answer.tile, answer.failure))
        failures_in_a_row = failures_in_a_row + 1 if answer.failure else 0
        if failures_in_a_row == STOP_AFTER:
            raise LeaveAloneError(f"{STOP_AFTER} tiles in a row failed, the last one because {answer.failure}")


def _answers(
    fetch: Callable[[Tile], Answer], tiles: Sequence[Tile], connections: int, pace: Pace
) -> Generator[Answer, None, None]:
    """Answers in the order in which they come; when the caller has had enough, what waits is woken and dropped."""
    left = iter(tiles)
    pool = ThreadPoolExecutor(connections)
    try:
        pending = {pool.submit(fetch, tile) for tile in islice(left, 2 * connections)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            pending |= {pool.submit(fetch, tile) for tile in islice(left, len(done))}
    finally:
        pace.stop()
        pool.shutdown(cancel_futures=True)


def _metadata(target: Path, source: TileSource, wanted: Sequence[Tile], held: dict[str, str]) -> dict[str, str]:
    """What the archive says of itself when all that is wanted has come, earlier areas included."""
    zooms = {zoom for zoom, _, _ in wanted} | {int(held[name]) for name in ("minzoom", "maxzoom") if name in held}
    earlier = stated_box(held.get("bounds", ""))
    bounds = joint([_box(wanted), *([earlier] if earlier else [])])
    attribution = {"attribution": source.attribution or held.get("attribution", "")}
    return {**named(target.stem), **held, **attribution, **extent(bounds, zooms)}


def _box(tiles: Sequence[Tile]) -> Bounds:
    """The box of the finest of some tiles."""
    finest = max(zoom for zoom, _, _ in tiles)
    columns = [x for zoom, x, _ in tiles if zoom == finest]
    rows = [y for zoom, _, y in tiles if zoom == finest]
    return tile_box(finest, min(columns), min(rows), max(columns), max(rows))
