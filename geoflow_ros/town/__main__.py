"""`python -m geoflow_ros.town drive|kitti|vigor OUT`: a generated town as a bag or in a dataset's layout."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from geoflow_ros.cli import run
from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.town import FIRST_TEST_SEED
from geoflow_ros.town.style import DESERT_SEEDS
from geoflow_ros.town.varied import VARIED_SEEDS

KINDS = {
    "drive": "a ROS 2 bag, its satellite tiles and its truth; COUNT frames at HZ",
    "kitti": "the KITTI cross-view layout; COUNT samples a list, test2 from towns of its own",
    "vigor": "the VIGOR layout; COUNT rows a list and city, one town a city",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="geoflow_ros.town",
        description="Generate a town from a seed and write it as data.",
        epilog=f"Seeds below {FIRST_TEST_SEED} may be trained on; others are for testing only, but for the first 9,000 "
        f"of the varied towns: {VARIED_SEEDS[0]} to {VARIED_SEEDS[-1]} are unlike each other in roads, verges, plants, "
        f"buildings and colours. {DESERT_SEEDS[0]} to {DESERT_SEEDS[-1]} are desert towns, unlike any of the others. "
        "kitti and vigor use several towns: the seed and those that follow it.",
    )
    kinds = result.add_subparsers(dest="kind", required=True, metavar="drive|kitti|vigor")
    for kind, text in KINDS.items():
        command = kinds.add_parser(kind, help=text, description=text)
        command.add_argument("out", type=Path, metavar="OUT", help="a new folder")
        command.add_argument("--seed", type=int, default=0, help="of the (first) town, default 0")
        command.add_argument("--count", type=int, default=250 if kind == "drive" else 20, help="default %(default)s")
        if kind == "drive":
            _add_ride(command)
    return result


def _add_ride(command: argparse.ArgumentParser) -> None:
    """How many cameras, and how they really look, which the stated mount in drive.json does not say."""
    command.add_argument("--rate", type=float, default=10.0, metavar="HZ", help="of each camera, default %(default)s")
    command.add_argument(
        "--cameras", type=int, default=1, metavar="N",
        help="1, 2, 4 (front, left, rear, right) or 6 around the car, each 12 ms after the one before",
    )  # fmt: skip
    command.add_argument(
        "--covered", nargs="+", default=[], metavar="NAME", help="cameras of the rig that see black only"
    )
    command.add_argument(
        "--foreign-look", type=int, metavar="SEED",
        help="show the town as another renderer might: colours mixed, tone curve, blur and noise that no weights were "
        "trained on, others for the frames than for the tiles",
    )  # fmt: skip
    command.add_argument(
        "--mount-error-deg", type=float, nargs="+", default=[], metavar=("PITCH", "ROLL YAW"),
        help="what the camera's true pitch (positive looks down), roll and yaw have more than the stated mount; "
        "drive.json says the true one as true_mount",
    )  # fmt: skip
    command.add_argument("--mount-error-m", type=float, default=0.0, metavar="HEIGHT", help="the same of its height")
    command.add_argument(
        "--nod-deg", type=float, default=0.0, metavar="DEG",
        help="pitch the body by this amplitude at 1 Hz, and by 2 deg where the driver brakes (2.2 m/s^2), up where he "
        "accelerates; camera and IMU show it",
    )  # fmt: skip
    command.add_argument(
        "--slope-deg", type=float, default=0.0, metavar="DEG",
        help="let the road climb by this all the way: the IMU shows it, the camera stays parallel to the road",
    )  # fmt: skip


def write(arguments: argparse.Namespace) -> None:
    """Write what the arguments ask for."""
    if arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed} is negative: give 0 or more")
    if arguments.count < 1:
        raise InputError(f"--count {arguments.count} is not positive: give 1 or more")
    try:
        export = _exporter(arguments)
    except ImportError as error:
        hint = install_hint("town")
        raise InputError(f"{arguments.kind} needs a package that is missing ({error}): {hint}") from error
    export(arguments.out, arguments.seed, arguments.count)
    print(f"wrote {arguments.out}: town {arguments.seed} as {arguments.kind}, --count {arguments.count}")


def _exporter(arguments: argparse.Namespace) -> Callable[[Path, int, int], None]:
    """Imported only when wanted: each needs packages that the others do not."""
    if arguments.kind == "drive":
        return _drive_exporter(arguments)
    if arguments.kind == "kitti":
        from geoflow_ros.town.export_kitti import export_kitti as export
    else:
        from geoflow_ros.town.export_vigor import export_vigor as export
    return export


def _drive_exporter(arguments: argparse.Namespace) -> Callable[[Path, int, int], None]:
    from geoflow_ros.town.export_drive import export_drive
    from geoflow_ros.town.ride import Ride

    angles, most = arguments.mount_error_deg, 3
    if len(angles) > most:
        raise InputError(f"--mount-error-deg has {len(angles)} numbers: expected PITCH, or PITCH ROLL YAW")
    pitch, roll, yaw = map(math.radians, [*angles, 0.0, 0.0, 0.0][:most])
    nod, slope = math.radians(arguments.nod_deg), math.radians(arguments.slope_deg)
    ride = Ride(pitch, roll, yaw, arguments.mount_error_m, nod, slope)
    rig = {"cameras": arguments.cameras, "covered": arguments.covered, "rate_hz": arguments.rate}
    return partial(export_drive, ride=ride, foreign=arguments.foreign_look, **rig)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return run(parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
