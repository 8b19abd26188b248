"""`ros2 run geoflow_ros demo`: the node localises a recorded drive over DDS; results in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from geoflow_ros import cli
from geoflow_ros.resources import missing_module, share_file


def _demo(arguments: argparse.Namespace) -> None:
    try:
        from geoflow_ros.ros.tools.demo_run import run
    except ModuleNotFoundError as error:
        raise missing_module(error) from error
    run(arguments.drive or share_file("demo"), arguments.out, arguments.checkpoint)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.demo",
        description="Start the node `localize`, play a drive to it in real time over DDS and judge its poses. Writes "
        "summary.json, trajectory.tum, trajectory.png, heatmap_*.png and report.html, a page that opens offline.",
    )
    parser.add_argument(
        "--drive",
        type=Path,
        help="folder as `python -m geoflow_ros.town drive` writes it (default: the shipped drive)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), help="folder of the results (default: %(default)s)"
    )
    parser.add_argument("--checkpoint", type=Path, help="weights of the network (default: the shipped ones)")
    return cli.run(parser, _demo, argv)


if __name__ == "__main__":
    raise SystemExit(main())
