"""`make soak SECONDS=600`: a node at work while its inputs, files and process are damaged."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from geoflow_ros.cli import natural, run
from geoflow_ros.resources import share_file
from geoflow_ros.ros.tools.soak.run import soak


def _soak(arguments: argparse.Namespace) -> None:
    drive = arguments.drive or share_file("demo")
    summary = soak(drive, arguments.out, arguments.seconds, arguments.seed, arguments.only)
    for name, value in asdict(summary).items():
        print(f"{name:<20} {value}")
    print(f"written to {arguments.out}: summary.json, faults.json, node.log")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long; the lap that has begun is ended")
    parser.add_argument("--out", type=Path, default=Path("out/soak"), help="folder of the results")
    parser.add_argument("--drive", type=Path, help="a drive folder; default: the shipped demo")
    parser.add_argument("--seed", type=natural, default=0, help="of what is random in the faults")
    parser.add_argument("--only", default="", help="only faults with this in their name")
    return run(parser, _soak, argv)


if __name__ == "__main__":
    sys.exit(main())
