"""What `replay` and `calibrate` are given, and the session that it makes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from geoflow_ros.bags.topics import parse_topics
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.datasets.bag_drive import DriveDescription, read_description
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.localizer import Localizer, load_model
from geoflow_ros.replay.arguments import replay_config
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.session import Session

DATUM_LINE = re.compile(r"# datum (\S+) (\S+) (\S+)")


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The bag, its tiles, and what the node would be given."""
    parser.add_argument("bag", type=Path, help="folder of a ROS 2 bag (mcap or sqlite3)")
    parser.add_argument(
        "--tiles", required=True, help="satellite tiles: an MBTiles file, a PMTiles archive or a z/x/y folder"
    )
    parser.add_argument("--checkpoint", type=Path, help="weights; default: the shipped ones")
    parser.add_argument("--drive", type=Path, help="drive.json with datum and mount; default: that beside the bag")
    parser.add_argument("--params", type=Path, help="the node's parameter file, such as config/localize.yaml")
    parser.add_argument(
        "-p", dest="assignments", action="append", default=[], metavar="NAME:=VALUE", help="a parameter of the node"
    )
    parser.add_argument(
        "--topic", action="append", default=[], metavar="ROLE:=NAME",
        help="which topic is the image, camera_info, fix, imu, odom or twist; default: the only one of its type, "
        "except twist, which is only played when named; an empty name: none; of a rig CAMERA/image, CAMERA/camera_info",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of the hypotheses; default: the parameter seed")


def config_of(arguments: argparse.Namespace, truth: Path | None = None) -> NodeConfig:
    """The node's configuration as the command line says; the map begins where that of a truth does."""
    assignments = list(arguments.assignments)
    if arguments.seed is not None:
        assignments.append(f"seed:={arguments.seed}")
    datum = None if truth is None else _datum_of(truth)
    config = replay_config(
        _description(arguments), arguments.params, assignments, datum, arguments.tiles, arguments.checkpoint
    )
    if truth is not None and config.datum.datum is None:
        raise InputError(f"{truth} does not say its datum: give it with -p datum.latitude:=... and so on")
    if datum is not None and datum != config.datum.datum:
        raise InputError(f"{truth} has the datum {datum}, but the replay is given {config.datum.datum}")
    return config


def topics_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Topics by role, as the command line or the drive's description names them."""
    described = _description(arguments)
    return ({} if described is None else described.topics) | parse_topics(arguments.topic)


def session_of(config: NodeConfig, satellite: SatelliteMap) -> Session:
    """A session as the node has it."""
    model = load_model(config.checkpoint_path, config.runtime)

    def localizer_in(frame: LocalFrame) -> Localizer:
        return Localizer(model, satellite, frame, config.localizer)

    return Session(config.session, localizer_in, config.seed, config.camera_setups)


def _description(arguments: argparse.Namespace) -> DriveDescription | None:
    """The drive.json asked for, or that in or beside the bag, if any."""
    if arguments.drive is not None:
        return read_description(arguments.drive)
    places = (arguments.bag / "drive.json", arguments.bag.resolve().parent / "drive.json")
    found = next((place for place in places if place.is_file()), None)
    return None if found is None else read_description(found)


def _datum_of(truth: Path) -> Datum | None:
    """The datum in the first line of a trajectory that we wrote."""
    with truth.open(encoding="utf-8", errors="replace") as file:
        found = DATUM_LINE.match(file.readline())
    return None if found is None else Datum(*map(float, found.groups()))
