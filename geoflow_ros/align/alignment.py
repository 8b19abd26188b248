"""What `tiles align` does."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from geoflow_ros.align.drive_differences import Drive, differences
from geoflow_ros.align.offset import MeasuredOffset, measure
from geoflow_ros.align.stored import check_storable, store_offset
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.errors import InputError
from geoflow_ros.replay.command_line import config_of, topics_of
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import ImageryOffset


def align(arguments: argparse.Namespace) -> None:
    """Measure as the command line says, store it, and say what was found."""
    config = config_of(arguments, arguments.truth)
    if config.views:
        raise InputError("frames of a panorama cannot be compared with imagery here: align by another camera's drive")
    path = Path(config.tiles)
    store = open_store(path)
    if not arguments.dry_run:
        check_storable(path)
    truth = None if arguments.truth is None else read_tum(arguments.truth)
    drive = Drive(arguments.bag, topics_of(arguments), truth, config.uncalibrated)
    found = differences(drive, config, SatelliteMap(store))
    measured = measure(found, arguments.max_std_m)
    before = store.imagery_offset
    offset = ImageryOffset(
        round(before.east + float(measured.offset[0]), 3),
        round(before.north + float(measured.offset[1]), 3),
        round(measured.std, 3),
    )
    if not arguments.dry_run:
        store_offset(path, offset)
    facts = _facts(arguments, offset, before, measured)
    print(json.dumps(facts, indent=2) if arguments.json else _sentence(arguments, offset, measured))


def _facts(
    arguments: argparse.Namespace, offset: ImageryOffset, before: ImageryOffset, measured: MeasuredOffset
) -> dict[str, Any]:
    return {
        "store": arguments.tiles,
        "east_m": offset.east,
        "north_m": offset.north,
        "std_m": offset.std,
        "before": {"east_m": before.east, "north_m": before.north},
        "frames": measured.frames,
        "lever_forward_m": round(float(measured.lever[0]), 3),
        "lever_left_m": round(float(measured.lever[1]), 3),
        "stored": not arguments.dry_run,
    }


def _sentence(arguments: argparse.Namespace, offset: ImageryOffset, measured: MeasuredOffset) -> str:
    forward, left = measured.lever.tolist()
    what = "not stored" if arguments.dry_run else "stored"
    return (
        f"{arguments.tiles}: imagery lies {offset.east:+.2f} m east, {offset.north:+.2f} m north of the truth "
        f"({math.hypot(offset.east, offset.north):.2f} m, +- {offset.std:.2f} m), by {measured.frames} frames: {what}; "
        f"the vehicle appears {forward:+.2f} m ahead, {left:+.2f} m left of the reference, which is the mount's or the "
        "antenna's"
    )
