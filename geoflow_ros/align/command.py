"""The command `tiles align`, whose network is imported only when it runs: the other commands of `tiles` need none."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from geoflow_ros.replay.input_options import add_inputs

DEFAULT_MAX_STD_M = 0.25


def add_align(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser("align", help="measure how far imagery lies beside the truth, and store it")
    parser.description = (
        "Localises frames of a drive alone and compares them with its fixes, which have to be good (RTK), or with a "
        "trajectory. The constant offset of the imagery is stored in it, and made up for by all that read it."
    )
    add_inputs(parser)
    truth_help = "trajectory of base_link to compare with instead of the fixes: t x y z qx qy qz qw (TUM)"
    parser.add_argument("--truth", type=Path, help=truth_help)
    std_help = f"the offset is refused when less certain than this; default {DEFAULT_MAX_STD_M:g}"
    parser.add_argument("--max-std-m", type=float, default=DEFAULT_MAX_STD_M, metavar="M", help=std_help)
    parser.add_argument("--dry-run", action="store_true", help="measure, store nothing")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(command=_align)


def _align(arguments: argparse.Namespace) -> None:
    from geoflow_ros.align.alignment import align

    align(arguments)
