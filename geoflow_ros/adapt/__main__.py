"""`python -m geoflow_ros.adapt DRIVE... --tiles T --out models/mine`: learns a city and a camera without labels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from geoflow_ros import cli
from geoflow_ros.adapt.adaptation import Plan, adapt
from geoflow_ros.adapt.adaptation_report import verdict, write_report
from geoflow_ros.adapt.unlabelled_drive import open_unlabelled, smoothed
from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer import load_model
from geoflow_ros.model.weights import paths
from geoflow_ros.replay.input_options import add_node_inputs
from geoflow_ros.smoothing.trajectory_output import covariances_of, write_poses


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.adapt",
        description=__doc__,
        epilog="Example: python -m geoflow_ros.adapt drives/a drives/b --tiles area.mbtiles --out models/mine",
    )
    parser.add_argument("drives", type=Path, nargs="+", metavar="DRIVE", help="a bag, or a folder with one in drive/")
    add_node_inputs(parser)
    parser.add_argument("--out", type=Path, metavar="CHECKPOINT", help="the new weights, if they pass; a report beside")
    parser.add_argument("--poses", type=Path, help="only smooth one drive, and write where it was: a TUM file")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="weights to begin with; default: those of --out if there are any, else the shipped ones",
    )
    parser.add_argument("--rounds", type=cli.positive, default=2, help="of smoothing and learning, default %(default)s")
    parser.add_argument("--steps", type=cli.positive, default=300, help="of a round's training, default %(default)s")
    parser.add_argument(
        "--towns",
        type=cli.natural,
        default=48,
        help="generated towns learnt from beside the drives, default %(default)s",
    )
    parser.add_argument("--seed", type=cli.natural, default=0, help="of everything random")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Adapt as the command line says."""
    if (arguments.poses is None) == (arguments.out is None):
        raise InputError("give either --out, for new weights, or --poses, for a trajectory alone")
    if arguments.poses is not None:
        _smooth_only(arguments)
        return
    out = paths(arguments.out)[0]
    if arguments.checkpoint is None and out.is_file():
        arguments.checkpoint = out  # learnt on, as after an interruption
    try:
        _adapt(arguments, out)
    except KeyboardInterrupt:
        weights = f"{out} holds what passed the gates before" if out.is_file() else f"{out} was not written"
        print(f"stopped: {weights}; the same command goes on from here", file=sys.stderr)
        raise


def _adapt(arguments: argparse.Namespace, out: Path) -> None:
    drives = [open_unlabelled(path, arguments) for path in arguments.drives]
    if len({drive.name for drive in drives}) < len(drives):
        raise InputError("two drives have the same name: rename a folder")
    start = drives[0].config.checkpoint_path
    plan = Plan(start, out, arguments.rounds, arguments.steps, arguments.seed, arguments.towns)
    adaptation = adapt(drives, plan, partial(print, file=sys.stderr, flush=True))
    write_report(plan.folder, adaptation, out)
    print(verdict(adaptation, out))
    print(f"report: {plan.folder / 'report.md'}")


def _smooth_only(arguments: argparse.Namespace) -> None:
    if len(arguments.drives) > 1:
        raise InputError(f"--poses is of one drive, {len(arguments.drives)} are given: smooth them one by one")
    if (beside := covariances_of(arguments.poses)) == arguments.poses:
        raise InputError(f"--poses {arguments.poses} is what the covariances beside it are called: name it .tum")
    for path in (arguments.poses, beside):
        cli.prepare_file(path)
    drive = open_unlabelled(arguments.drives[0], arguments)
    result, agreement = smoothed(drive, load_model(drive.config.checkpoint_path, drive.config.runtime))
    if agreement.reason:
        raise InputError(f"{drive.name}: {agreement.reason}")
    write_poses(arguments.poses, drive.recorded, drive.nodes, result)
    bias, std = result.bias
    print(f"{len(drive.recorded.stamps_ns)} poses: {arguments.poses}, their covariances: {beside}")
    print(f"a frame says {agreement.mean_bits:.1f} bit about where the rest of the drive is")
    print(f"fixes lie {bias[0]:+.1f} m east, {bias[1]:+.1f} m north of the imagery (+- {std.max():.1f} m)")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
