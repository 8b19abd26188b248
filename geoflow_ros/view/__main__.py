"""`ros2 run geoflow_ros view`: the page of a running node in a browser, without a desktop ROS."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from geoflow_ros import cli
from geoflow_ros.errors import InputError
from geoflow_ros.resources import missing_module

NODE_NAME = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)
LONGEST_MIN = 60.0


def _view(arguments: argparse.Namespace) -> None:
    try:
        from geoflow_ros.ros.view.watch import ViewOptions, watch
    except ModuleNotFoundError as error:
        raise missing_module(error) from error
    name = arguments.node if arguments.node.startswith("/") else f"/{arguments.node}"
    if not NODE_NAME.fullmatch(name):
        raise InputError(f"--node {arguments.node} is no name of a node, expected the like of /robot1/localize")
    if not 0 <= arguments.port <= 65535:
        raise InputError(f"--port {arguments.port} is not 0 to 65535")
    if not 0.1 <= arguments.minutes <= LONGEST_MIN:
        raise InputError(f"--minutes {arguments.minutes:g} is not 0.1 to {LONGEST_MIN:g}")
    watch(
        ViewOptions(name, arguments.host, arguments.port, arguments.minutes, arguments.tiles, tuple(arguments.ros_args))
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.view",
        description="Show a running node in a browser: pose, state, camera, heatmap and curves as they come, on the "
        "satellite tiles; tell it its pose, let it search anew, pause it. Served to this machine alone: from elsewhere "
        "by `ssh -L 8090:localhost:8090 ROBOT`, then open http://localhost:8090/.",
        epilog="Example: python -m geoflow_ros.view --node /robot1/localize",
    )
    parser.add_argument("--node", default="/localize", help="the node, with its namespace (default: %(default)s)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s); any other than this machine's own needs the token that is "
        "then printed, and is not encrypted",
    )
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how much is kept (default: %(default)s)")
    parser.add_argument("--tiles", type=Path, help="the satellite tiles (default: those that the node states)")
    parser.add_argument(
        "--ros-args",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="everything after it goes to ROS, such as -r pose:=/other/pose",
    )
    return cli.run(parser, _view, argv)


if __name__ == "__main__":
    raise SystemExit(main())
