"""`python -m geoflow_ros.town drive|kitti|vigor OUT`: a generated town as a bag or in a dataset's layout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from geoflow_ros.cli import run
from geoflow_ros.errors import InputError
from geoflow_ros.town import FIRST_TEST_SEED
from geoflow_ros.town.style import DESERT_SEEDS

KINDS = {
    "drive": "a ROS 2 bag, its satellite tiles and its truth; COUNT frames at 10 Hz",
    "kitti": "the KITTI cross-view layout; COUNT samples a list, test2 from towns of its own",
    "vigor": "the VIGOR layout; COUNT rows a list and city, one town a city",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="geoflow_ros.town",
        description="Generate a town from a seed and write it as data.",
        epilog=f"Seeds below {FIRST_TEST_SEED} may be trained on; all others are for testing only; "
        f"{DESERT_SEEDS[0]} to {DESERT_SEEDS[-1]} are desert towns, unlike any of the others. "
        "kitti and vigor use several towns: the seed and those that follow it.",
    )
    kinds = result.add_subparsers(dest="kind", required=True, metavar="drive|kitti|vigor")
    for kind, text in KINDS.items():
        command = kinds.add_parser(kind, help=text, description=text)
        command.add_argument("out", type=Path, metavar="OUT", help="a new folder")
        command.add_argument("--seed", type=int, default=0, help="of the (first) town, default 0")
        command.add_argument("--count", type=int, default=250 if kind == "drive" else 20, help="default %(default)s")
    return result


def write(arguments: argparse.Namespace) -> None:
    """Write what the arguments ask for."""
    if arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed} is negative: give 0 or more")
    if arguments.count < 1:
        raise InputError(f"--count {arguments.count} is not positive: give 1 or more")
    try:
        export = _exporter(arguments.kind)
    except ImportError as error:
        hint = 'pip install "geoflow_ros[town]"'
        raise InputError(f"{arguments.kind} needs a package that is missing ({error}): {hint}") from error
    export(arguments.out, arguments.seed, arguments.count)


def _exporter(kind: str) -> Callable[[Path, int, int], None]:
    """Imported only when wanted: each needs packages that the others do not."""
    if kind == "drive":
        from geoflow_ros.town.export_drive import export_drive as export
    elif kind == "kitti":
        from geoflow_ros.town.export_kitti import export_kitti as export
    else:
        from geoflow_ros.town.export_vigor import export_vigor as export
    return export


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return run(parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
