"""How fast the localiser is on this machine, and where its time goes: `python -m geoflow_ros.benchmark`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from geoflow_ros import cli
from geoflow_ros.benchmark.baseline import PaperEager
from geoflow_ros.benchmark.comparison import RuntimeRow, compare_runtimes, open_paths
from geoflow_ros.benchmark.drive import FramePath, load_drive
from geoflow_ros.benchmark.machine import peak_resident_mb, this_machine
from geoflow_ros.benchmark.rigs import RigReport, rig_rows
from geoflow_ros.benchmark.stages import Publish, measure_stages
from geoflow_ros.benchmark.summary import Memory, NodeRow, Report
from geoflow_ros.benchmark.sweeps import MemoryRow, latent_of, sweep_image_sizes, sweep_refinement, watch_memory
from geoflow_ros.benchmark.tilestores import TileStoreRow, sweep_tile_stores
from geoflow_ros.benchmark.timing import Contender, Speed, interleaved, speed
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import Runtime
from geoflow_ros.model.inference.runtimes import chosen
from geoflow_ros.model.weights import load
from geoflow_ros.resources import missing_module, share_file
from geoflow_ros.whole_files import write_json


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything is measured."""

    frames: int
    stage_frames: int
    rounds: int
    hypotheses: tuple[int, ...]
    steps: tuple[int, ...]
    image_sizes: tuple[tuple[int, int], ...]
    tile_counts: tuple[int, ...]
    patches: int
    ros_seconds: float
    rig_seconds: float


FULL = Extent(
    frames=750,
    stage_frames=60,
    rounds=15,
    hypotheses=(10, 64, 256, 1000),
    steps=(2, 5, 10),
    image_sizes=((640, 192), (1242, 375), (1280, 720), (1920, 1080), (3840, 2160)),
    tile_counts=(1_000, 10_000, 100_000, 1_000_000),
    patches=1000,
    ros_seconds=20.0,
    rig_seconds=12.0,
)
QUICK = Extent(10, 3, 2, (10, 64), (5,), ((640, 192), (1280, 720)), (100,), 20, 3.0, 2.0)
BURST, PAPER_BURST = 25, 2  # frames a turn


@dataclass(frozen=True, slots=True, eq=False)
class Workbench:
    """What everything is measured on, and how much."""

    extent: Extent
    frames: int
    checkpoint: Path
    runtime: Runtime
    path: FramePath


def measure(arguments: argparse.Namespace) -> Report:
    """Everything the command line asks for."""
    publish, bench = _publisher(), _workbench(arguments)
    extent, path, model = bench.extent, bench.path, bench.path.model
    localizer, paper, peak = _against_paper(bench)
    _note("stages, refinement, image sizes")
    stages = measure_stages(path, min(extent.stage_frames, bench.frames), publish)
    refinement = sweep_refinement(model, latent_of(model, path.drive), extent.hypotheses, extent.steps, extent.rounds)
    image_sizes = sweep_image_sizes(path.drive, model.config, extent.image_sizes, extent.rounds)
    leak, tiles = _memory(bench, arguments.leak), [] if arguments.skip_tiles else _tiles(extent)
    runtimes, skipped = _runtimes(bench, _compared(arguments))
    return Report(
        machine=this_machine(),
        runtime=bench.runtime.value,
        frames=bench.frames,
        camera_hz=arguments.camera_hz,
        localizer=localizer,
        paper_eager=paper,
        speedup=localizer.fps / paper.fps,
        stages=stages,
        runtimes=runtimes,
        skipped=skipped,
        refine=refinement,
        image_sizes=image_sizes,
        tiles=tiles,
        memory=Memory(peak, peak_resident_mb()),
        leak=leak,
        ros=_node_rows(arguments, extent) if arguments.ros else [],
    )


def _workbench(arguments: argparse.Namespace) -> Workbench:
    extent = QUICK if arguments.quick else FULL
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    checkpoint = arguments.checkpoint or share_file("models/default.safetensors")
    drive = load_drive(arguments.drive or share_file("demo"), arguments.camera_hz)
    runtime, model = chosen(load(checkpoint), Runtime(arguments.runtime))
    return Workbench(extent, arguments.frames or extent.frames, checkpoint, runtime, FramePath(drive, model))


def _note(what: str) -> None:
    """Say what is being measured: all of it takes minutes."""
    print(f"measuring {what} ...", file=sys.stderr)


def _against_paper(bench: Workbench) -> tuple[Speed, Speed, float]:
    """Speed of a frame path and of the paper's in turns, and the memory (MiB) held before the paper's was loaded."""
    _note(f"{bench.runtime.value} against the paper's network")
    path, burst = bench.path, min(BURST, bench.frames)
    for index in range(burst):
        path(index)
    peak = peak_resident_mb()
    contenders = [Contender("localizer", path, burst), Contender("paper", PaperEager(path.drive), PAPER_BURST)]
    times = interleaved(contenders, bench.frames // burst)
    return speed(times["localizer"]), speed(times["paper"]), peak


def _compared(arguments: argparse.Namespace) -> list[Runtime]:
    if arguments.compare is None:
        return [] if arguments.quick else [each for each in Runtime if each is not Runtime.AUTO]
    return [Runtime(each) for each in arguments.compare]


def _runtimes(bench: Workbench, others: Sequence[Runtime]) -> tuple[dict[str, RuntimeRow], dict[str, str]]:
    """A row for torch, for the runtime in use and for each of the others; why some cannot run here."""
    _note("runtimes")
    paths, skipped = open_paths(bench.path, bench.runtime, bench.checkpoint, (Runtime.TORCH, *others))
    return compare_runtimes(paths, Runtime.TORCH.value, bench.frames), skipped


def _memory(bench: Workbench, frames: int | None) -> list[MemoryRow]:
    if not frames:
        return []
    _note(f"memory over {frames} frames")
    return watch_memory(bench.path.answer, frames)


def _tiles(extent: Extent) -> list[TileStoreRow]:
    _note("tile stores")
    return sweep_tile_stores(extent.tile_counts, extent.patches)


def _publisher() -> Publish | None:
    """What makes the messages of a pose; None where there is no ROS."""
    try:
        from geoflow_ros.ros.tools.node_benchmark import publish_values
    except ModuleNotFoundError:
        return None
    return publish_values


def _node_rows(arguments: argparse.Namespace, extent: Extent) -> list[NodeRow]:
    rows: list[NodeRow] = _node_benchmark().measure_node(
        arguments.drive or share_file("demo"), arguments.rates, extent.ros_seconds, _node_parameters(arguments)
    )
    return rows


def _rig_report(arguments: argparse.Namespace) -> RigReport:
    if not arguments.ros:
        raise InputError("--cameras feeds the node over DDS: give --ros, too")
    seconds, parameters = (QUICK if arguments.quick else FULL).rig_seconds, _node_parameters(arguments)
    measure_rigs = _node_benchmark().measure_rigs
    rows = rig_rows(measure_rigs, arguments.drive, arguments.cameras, arguments.camera_hz, seconds, parameters)
    return RigReport(this_machine(), rows)


def _node_benchmark() -> ModuleType:
    try:
        return importlib.import_module("geoflow_ros.ros.tools.node_benchmark")
    except ModuleNotFoundError as error:
        raise missing_module(error) from error


def _node_parameters(arguments: argparse.Namespace) -> dict[str, object]:
    parameters: dict[str, object] = {}
    if arguments.runtime != Runtime.AUTO.value:
        parameters["runtime"] = arguments.runtime
    if arguments.checkpoint:
        parameters["checkpoint"] = arguments.checkpoint
    if arguments.threads:
        parameters["threads"] = arguments.threads
    return parameters


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="geoflow_ros.benchmark", description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write everything to")
    parser.add_argument("--checkpoint", type=Path, help="weights of the network (default: the shipped ones)")
    parser.add_argument(
        "--drive", type=Path, help="folder of a drive with compressed images (default: the shipped one)"
    )
    parser.add_argument(
        "--frames", type=cli.positive, help=f"frames of every comparison ({FULL.frames}; a drive repeats)"
    )
    parser.add_argument(
        "--camera-hz",
        type=_rate,
        default=100.0,
        metavar="HZ",
        help="of the camera whose frames are localised: the slower, the more of them need a new patch (%(default)g)",
    )
    parser.add_argument("--threads", type=cli.positive, help="processor cores to use (default: all)")
    names = [each.value for each in Runtime]
    parser.add_argument(
        "--runtime", choices=names, default=names[0], metavar="RUNTIME", help="%(choices)s (%(default)s)"
    )
    parser.add_argument(
        "--compare",
        choices=names[1:],
        nargs="*",
        metavar="RUNTIME",
        help="what to compare it with beside torch: some of %(choices)s (all that can run here; none with --quick)",
    )
    parser.add_argument("--leak", type=cli.positive, metavar="FRAMES", help="also watch the memory over so many frames")
    _add_node(parser)
    parser.add_argument("--skip-tiles", action="store_true", help="leave out the stores of up to a million tiles")
    parser.add_argument(
        "--quick", action="store_true", help="a little of everything, for a try: its figures mean little"
    )
    return parser


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ros", action="store_true", help="also the node over DDS")
    parser.add_argument(
        "--rates",
        type=_rate,
        nargs="+",
        default=[10.0, 30.0, 60.0],
        metavar="HZ",
        help="of cameras to feed the node with (10 30 60)",
    )
    parser.add_argument(
        "--cameras",
        type=cli.positive,
        nargs="+",
        metavar="N",
        help="with --ros, and nothing else: N cameras of a rig, each at --camera-hz, of --drive or of a rendered town",
    )


def _rate(text: str) -> float:
    if not 0.1 <= float(text) <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text} Hz is not between 0.1 and 1000")
    return float(text)


def run(arguments: argparse.Namespace) -> None:
    """Measure as the command line says."""
    if arguments.json:
        cli.prepare_file(arguments.json)
    report = _rig_report(arguments) if arguments.cameras else measure(arguments)
    print(report)
    if arguments.json:
        write_json(arguments.json, report.to_json())
        print(f"wrote {arguments.json}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
