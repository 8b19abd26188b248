"""The configuration and session that the options of a command make, which are those of `input_options.py`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from geoflow_ros.bags.reading import check_exists
from geoflow_ros.bags.topics import parse_topics
from geoflow_ros.bags.trajectory import datum_of
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.datasets.bag_drive import DriveDescription, read_description
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer import Localizer, load_model
from geoflow_ros.replay.arguments import replay_config
from geoflow_ros.replay.tf_mounts import mounts_in
from geoflow_ros.replay.tf_sensors import sensors_in
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.frame_localizer import LocalizerIn
from geoflow_ros.tracking.session import Session


def config_of(arguments: argparse.Namespace, truth: Path | None = None) -> NodeConfig:
    """The node's configuration as the command line says; the map begins where that of a truth does."""
    check_exists(arguments.bag)  # else what its drive.json would say is asked for
    assignments = list(arguments.assignments)
    if arguments.seed is not None:
        assignments.append(f"seed:={arguments.seed}")
    datum = None if truth is None else datum_of(truth)
    config = replay_config(
        _description(arguments), arguments.params, assignments, datum, arguments.tiles, arguments.checkpoint,
        partial(mounts_in, arguments.bag, topics_of(arguments)),
    )  # fmt: skip
    if truth is not None and config.datum.datum is None:
        raise InputError(f"{truth} does not say its datum: give it with -p datum.latitude:=... and so on")
    if datum is not None and datum != config.datum.datum:
        raise InputError(f"{truth} has the datum {datum}, but the replay is given {config.datum.datum}")
    return config


def topics_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Topics by role, as the command line or the drive's description names them."""
    described = _description(arguments)
    return ({} if described is None else described.topics) | parse_topics(arguments.topic)


def session_of(config: NodeConfig, satellite: SatelliteMap, bag: Path) -> Session:
    """A session as the node has it, for what the bag has recorded."""
    session = Session(config.session, localizers_of(config, satellite), config.seed, config.camera_setups)
    session.locate_sensors_by(sensors_in(bag, config))
    return session


def localizers_of(config: NodeConfig, satellite: SatelliteMap) -> LocalizerIn:
    """Makes the localiser of a map frame, as the node has it."""
    model = load_model(config.checkpoint_path, config.runtime)

    def localizer_in(frame: LocalFrame) -> Localizer:
        return Localizer(model, satellite, frame, config.localizer)

    return localizer_in


def _description(arguments: argparse.Namespace) -> DriveDescription | None:
    """The drive.json asked for, or that in or beside the bag, if any."""
    if arguments.drive is not None:
        return read_description(arguments.drive)
    places = (arguments.bag / "drive.json", arguments.bag.resolve().parent / "drive.json")
    found = next((place for place in places if place.is_file()), None)
    return None if found is None else read_description(found)
