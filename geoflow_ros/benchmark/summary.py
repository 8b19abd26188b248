"""What a benchmark found: a document for programs and a table for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from geoflow_ros.benchmark.comparison import RuntimeRow
from geoflow_ros.benchmark.machine import Machine
from geoflow_ros.benchmark.sweeps import ImageRow, MemoryRow, RefineRow
from geoflow_ros.benchmark.tilestores import TileStoreRow
from geoflow_ros.benchmark.timing import Quantiles, Speed


@dataclass(frozen=True, slots=True)
class Memory:
    """Most memory (MiB) held: with the localiser alone, and after everything else was loaded beside it."""

    localizer_peak_mb: float
    total_peak_mb: float


@dataclass(frozen=True, slots=True)
class NodeRow:
    """The node fed over DDS at `rate_hz`: what became of the frames, and what they cost.

    dropped: overtaken by a newer frame before work on them began. withheld: refused, with a reason. lost: neither
    answered, nor dropped, nor withheld. cpu_cores: processor seconds a second. Latency: image stamp to arrival, None
    if nothing was answered.
    """

    rate_hz: float
    sent: int
    answered: int
    dropped: int
    withheld: int
    lost: int
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    cpu_cores: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class RigRow:
    """The node fed over DDS by so many cameras, each at `hz`.

    Counted are the images of `seconds` of the drive after the first `warm_up_s`, in which the node finds itself.
    answered: by a pose of their stamp; dropped: the others. cores: processor seconds a second. Latency: image stamp to
    arrival, None if nothing was answered.
    """

    cameras: int
    hz: float
    warm_up_s: float
    seconds: float
    sent: int
    answered: int
    dropped: int
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    cores: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured; what was not asked for is None or empty. skipped: runtimes, and why."""

    machine: Machine
    runtime: str
    frames: int
    camera_hz: float
    localizer: Speed
    paper_eager: Speed
    speedup: float
    stages: dict[str, Quantiles]
    runtimes: dict[str, RuntimeRow]
    skipped: dict[str, str]
    refine: list[RefineRow]
    image_sizes: list[ImageRow]
    tiles: list[TileStoreRow]
    memory: Memory
    leak: list[MemoryRow] = field(default_factory=list)
    ros: list[NodeRow] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For `json.dump`."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """For the terminal."""
        return "\n".join(_lines(self))


def _lines(report: Report) -> Iterator[str]:
    machine = report.machine
    libraries = ", ".join(f"{name} {version}" for name, version in machine.libraries.items() if version)
    yield f"machine    {machine.processor}, {machine.cores} cores ({machine.threads} threads), {machine.memory_gb:g} GB"
    yield f"           {' '.join(machine.flags)}; {libraries}; GPU: {machine.gpu or 'none, not measured'}"
    yield f"localizer  {_speed(report.localizer)}, image message to pose"
    yield f"           runtime {report.runtime}, {report.frames} frames of a camera of {report.camera_hz:g} Hz"
    yield f"paper      {_speed(report.paper_eager)}, plain eager torch, both trunks every frame"
    yield f"           the localizer is {report.speedup:.1f} times as fast"
    yield f"memory     {report.memory.localizer_peak_mb:.0f} MB with the localiser alone"
    yield from _section("stage", report.stages, ("p50", "p95", "max"), "ms")
    columns = ("fps", "latency_ms_p50", "latency_ms_p95", "mean_error_m", "error_ratio")
    yield from _section("runtime", report.runtimes, columns)
    for name, reason in report.skipped.items():
        yield f"  {name}: not measured, {reason}"
    yield from rows_table("refinement", report.refine)
    yield from rows_table("image sizes", report.image_sizes)
    yield from rows_table("tile stores", report.tiles)
    yield from rows_table("node over DDS", report.ros)
    if report.leak:
        first, settled, last = report.leak[0], report.leak[len(report.leak) // 4], report.leak[-1]
        yield (
            f"\nresident memory: {first.resident_mb:.1f} MB, {settled.resident_mb:.1f} after {settled.frames} frames, "
            f"{last.resident_mb:.1f} after {last.frames}"
        )


def _speed(speed: Speed) -> str:
    return f"{speed.fps:.1f} frames/s, p50 {speed.latency_ms_p50:.1f} ms, p95 {speed.latency_ms_p95:.1f} ms"


def _section(title: str, rows: dict[str, Any], columns: Sequence[str], unit: str = "") -> Iterator[str]:
    yield f"\n{f'{title} [{unit}]' if unit else title:<20}" + "".join(f"{column:>16}" for column in columns)
    for name, row in rows.items():
        yield f"{name:<20}" + "".join(f"{_cell(getattr(row, column)):>16}" for column in columns)


def rows_table(title: str, rows: Sequence[Any]) -> Iterator[str]:
    """A table of rows of one dataclass."""
    if rows:
        names = [each.name for each in dataclasses.fields(rows[0])]
        yield f"\n{title}"
        yield "".join(f"{name:>16}" for name in names)
        for row in rows:
            yield "".join(f"{_cell(getattr(row, name)):>16}" for name in names)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
