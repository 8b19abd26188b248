"""`python -m geoflow_ros.replay BAG`: what the node would answer to a recorded drive, offline and at full speed."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros import cli
from geoflow_ros.bags.topics import in_words, rectified_complaint
from geoflow_ros.bags.trajectory import Trajectory, read_tum, write_tum
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.replay.closing_words import closing_words
from geoflow_ros.replay.command_line import config_of, session_of, topics_of
from geoflow_ros.replay.input_options import add_inputs
from geoflow_ros.replay.play import Complaint, Played, Script, play, roles_in
from geoflow_ros.replay.plots import plot_timeline
from geoflow_ros.replay.replay_page import on_ground, replay_report
from geoflow_ros.replay.results import Judged, check, judge, summary, write_csv
from geoflow_ros.replay.snapshots import SnapshotRecorder, badness
from geoflow_ros.reports.page import write_page
from geoflow_ros.reports.trajectory_plot import plot_trajectory
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.whole_files import write_json

START_STD_M, START_STD_YAW = 2.0, math.radians(5.0)
"""How certain an initial pose says it is, wrong or not."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.replay",
        description=__doc__,
        epilog="Example: python -m geoflow_ros.replay drives/a/drive --tiles drives/a/tiles.mbtiles "
        "--truth drives/a/truth.tum --out out/a",
    )
    add_inputs(parser)
    parser.add_argument("--truth", type=Path, help="trajectory of base_link to judge by: t x y z qx qy qz qw (TUM)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/replay"),
        help="folder for report.html, trajectories, CSV and pictures (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to (default: replay.json in that folder)")
    parser.add_argument(
        "--no-fix-from", type=float, default=math.inf, metavar="S", help="leave out the fixes from here"
    )
    parser.add_argument(
        "--no-fix-to", type=float, default=math.inf, metavar="S", help="to here, seconds from the start"
    )
    parser.add_argument("--initial-offset-m", type=float, help="start at the truth plus this many metres to its left")
    parser.add_argument("--initial-offset-deg", type=float, help="start rotated this far from the truth")
    parser.add_argument("--fused-only", action="store_true", help="do not localise frames alone: half the time")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Replay as the command line says."""
    truth = None if arguments.truth is None else read_tum(arguments.truth)
    config = config_of(arguments, arguments.truth)
    script = Script(
        topics=topics_of(arguments),
        cameras=config.cameras,
        views=config.views,
        uncalibrated=config.uncalibrated,
        start=_start(arguments, truth),
        no_fix_from_s=arguments.no_fix_from,
        no_fix_to_s=arguments.no_fix_to,
        single_frame=not arguments.fused_only,
        needed=("fix",) if _start_offset(arguments) is None else (),
    )
    roles = roles_in(arguments.bag, script)
    figures, page = arguments.json or arguments.out / "replay.json", arguments.out / "report.html"
    cli.prepare_folder(arguments.out)
    cli.prepare_file(figures)
    satellite = SatelliteMap(open_store(config.tiles))
    session = session_of(config, satellite, arguments.bag)
    recorder = SnapshotRecorder(partial(badness, truth), max(len(config.cameras), 1), session.camera)
    print(f"playing {in_words(roles)}", file=sys.stderr)
    played = play(arguments.bag, session, script, recorder.watch)
    for sensor, told in _distorted_twice(config, played.topics):
        played.complaints[sensor] = Complaint(len(played.frames), told)
    fused = judge(played.frames, lambda frame: frame.track.pose, truth)
    single = judge(played.frames, lambda frame: frame.single, truth)
    sensors = {
        "fix_clock": session.fixes.clock_offset.to_json(),
        "fix_offset": session.fixes.offset.to_json(),
        "image_delay": {name: each.to_json() for name, each in session.stamp_delays.items()},
    }
    document = summary(played.frames, fused, single, played.complaints) | sensors | {"topics": played.topics}
    write_json(figures, document)
    _write(arguments.out, played, fused, single, truth, session.frame)
    if session.frame is not None:
        _plot(arguments.out, played, fused, single, truth, satellite, session.frame)
    report = replay_report(arguments.bag.resolve().name, played, truth, recorder.snapshots(), config)
    write_page(page, on_ground(report, played, satellite, session.frame))
    print(json.dumps(document, indent=2))
    # Before a refusal: who has no pose needs the page most.
    wrote = f"wrote {figures} and {page}: open it in a browser"
    print(*closing_words(played.frames, played.complaints), wrote, sep="\n", file=sys.stderr)
    check(arguments.bag, played.frames, fused, single, truth)


def _distorted_twice(config: NodeConfig, topics: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Cameras that are not stated as rectified although their topics say so. topics: by role."""
    for group, camera in config.camera_groups.items():
        name = group.partition(".")[2]
        told = rectified_complaint(topics.get(f"{name}/image" if name else "image", ""), group)
        if told and not camera.rectified:
            yield f"rectified {name}".strip(), told


def _start_offset(arguments: argparse.Namespace) -> tuple[float, float] | None:
    """Metres to the left and radians to start away from the truth, if the start is given."""
    if arguments.initial_offset_m is None and arguments.initial_offset_deg is None:
        return None
    return arguments.initial_offset_m or 0.0, math.radians(arguments.initial_offset_deg or 0.0)


def _start(arguments: argparse.Namespace, truth: Trajectory | None) -> Callable[[int], PosePrior] | None:
    """The pose to start from at the stamp of the first image, if one is given."""
    if (offset := _start_offset(arguments)) is None:
        return None
    if truth is None:
        raise InputError("--initial-offset-m and --initial-offset-deg are offsets from the truth: give --truth")
    aside, rotation = offset

    def start(stamp_ns: int) -> PosePrior:
        pose = truth.at(stamp_ns * 1e-9)
        if pose is None:
            raise InputError(f"{arguments.truth} has no pose at the first image: cut the bag, or leave the offset out")
        pose @= PlanarPose(0.0, aside, rotation)
        return PosePrior(pose.x, pose.y, pose.yaw, np.diag([START_STD_M**2, START_STD_M**2, START_STD_YAW**2]))

    return start


def _write(
    out: Path, played: Played, fused: Judged, single: Judged, truth: Trajectory | None, frame: LocalFrame | None
) -> None:
    datum = None if frame is None else frame.datum
    for name, judged in (("fused", fused), ("single_frame", single)):
        stamps = [played.frames[index].stamp_ns for index in judged.frames]
        write_tum(out / f"{name}.tum", stamps, [pose.planar for pose in judged.poses], datum)
    write_csv(out / "frames.csv", played.frames, fused, single, truth)


def _plot(
    out: Path, played: Played, fused: Judged, single: Judged, truth: Trajectory | None, satellite: SatelliteMap,
    frame: LocalFrame,
) -> None:  # fmt: skip
    plot_timeline(out / "timeline.png", played.frames, fused, single)
    fixes = np.array([frame.to_enu(*fix)[:2] for fix in played.fixes]).reshape(-1, 2)
    way = None if truth is None else _driven(truth, played)
    if len(fixes) or len(fused.poses):
        places = np.array([(pose.east, pose.north) for pose in fused.poses]).reshape(-1, 2)
        errors = None if fused.errors is None else fused.errors.position
        plot_trajectory(out / "trajectory.png", places, way, fixes, satellite, frame, errors)


def _driven(truth: Trajectory, played: Played) -> NDArray[np.float64]:
    """East, north (N, 2) of the truth while frames were played."""
    start, end = (played.frames[index].stamp_ns * 1e-9 for index in (0, -1))
    return truth.poses[(truth.stamps >= start) & (truth.stamps <= end), :2]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
