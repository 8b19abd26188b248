"""A synced drive of KITTI raw as a ROS 2 bag, with its satellite tiles and its truth: a drive folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np

from geoflow_ros import cli
from geoflow_ros.bags.recording import STORAGES, new_folder
from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.errors import InputError
from geoflow_ros.kitti2bag import kitti_bag, oxts_messages
from geoflow_ros.kitti2bag.drive_tiles import copy_tiles, mosaic_maps, places_along
from geoflow_ros.kitti2bag.kitti_bag import BagOptions
from geoflow_ros.kitti2bag.kitti_raw import RawCamera, RawDrive, read_drive
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.whole_files import write_json


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of `geoflow_ros.kitti2bag`."""
    return cli.run(_parser(), _convert, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.kitti2bag",
        description=__doc__,
        epilog="OUT gets drive/ (the bag), truth.tum and drive.json, and with --satmap or --tiles tiles.mbtiles: what "
        "evaluate --dataset bag, replay and replay.launch.py take. base_link is on the ground under the OXTS unit.",
    )
    parser.add_argument("drive", type=Path, metavar="DRIVE_SYNC", help="folder <date>_drive_<number>_sync")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    imagery = parser.add_mutually_exclusive_group()
    imagery.add_argument(
        "--satmap", type=Path, help="folder with one 1280 px satellite map a frame, named as the frame"
    )
    imagery.add_argument("--tiles", type=Path, help="tile store, of which the tiles along the drive are taken")
    parser.add_argument("--storage", choices=STORAGES, default="mcap", help="of the bag, default %(default)s")
    parser.add_argument("--right", action="store_true", help="the right colour camera (image_03) too: a rig of two")
    parser.add_argument("--raw", action="store_true", help="decoded images instead of the files as they are")
    error_help = "mean error (m) added to the fixes, drifting as a plain receiver's; default 0: KITTI's are RTK's"
    parser.add_argument("--fix-error-m", type=float, default=0.0, metavar="M", help=error_help)
    parser.add_argument("--seed", type=int, default=0, help="of that error, default 0")
    return parser


def _convert(arguments: argparse.Namespace) -> None:
    if not 0.0 <= arguments.fix_error_m <= 1000.0:
        raise InputError(f"--fix-error-m {arguments.fix_error_m} is not an error in metres: give 0 to 1000")
    drive = read_drive(arguments.drive, arguments.right)
    options = BagOptions(arguments.storage, arguments.raw, arguments.fix_error_m, arguments.seed)
    with new_folder(arguments.out) as root:
        _write_imagery(root / "tiles.mbtiles", drive, arguments)
        kitti_bag.write_bag(root / "drive", drive, options)
        truth = starmap(PlanarPose, kitti_bag.truth_of(drive))
        write_tum(root / "truth.tum", drive.oxts.stamps_ns.tolist(), truth, kitti_bag.datum_of(drive))
        write_json(root / "drive.json", _description(drive, options))
    _say(drive, arguments)


def _write_imagery(target: Path, drive: RawDrive, arguments: argparse.Namespace) -> None:
    positions = drive.oxts.columns("lat lon")
    if arguments.tiles is not None:
        copy_tiles(open_store(arguments.tiles), positions, target)
    elif arguments.satmap is not None:
        maps = [arguments.satmap / f"{index:010d}.png" for index in drive.oxts.indices.tolist()]
        there = np.flatnonzero([path.is_file() for path in maps])
        if not there.size:
            raise InputError(f"{arguments.satmap} has no map of the drive: expected files such as {maps[0].name}")
        if there.size < len(maps):
            print(f"{len(maps) - there.size} of {len(maps)} frames have no map in {arguments.satmap}")
        chosen = there[places_along(positions[there])]
        mosaic_maps([maps[index] for index in chosen], positions[chosen], target)


def _description(drive: RawDrive, options: BagOptions) -> dict[str, object]:
    """What drive.json says: as that of `town drive`, and which topic has which role; a single camera has no name."""
    seen = {camera.side: _seen_by(camera, options) for camera in drive.cameras}
    rig = {"cameras": seen} if len(seen) > 1 else {}
    return {
        "source": drive.name,
        "frames": len(drive.cameras[0].images),
        "datum": asdict(kitti_bag.datum_of(drive)),
        **seen["left"],
        **rig,
        "topics": {
            "image" if options.raw else "image/compressed": seen["left"]["image_topic"],
            "camera_info": seen["left"]["camera_info_topic"],
            "fix": oxts_messages.FIX,
            "imu": oxts_messages.IMU,
            "odom": oxts_messages.ODOM,
        },
    }


def _seen_by(camera: RawCamera, options: BagOptions) -> dict[str, Any]:
    topics = kitti_bag.topics_of(camera.side, options)
    mount = asdict(camera.model.mount)
    return {"mount": mount, "image_topic": topics.image, "camera_info_topic": topics.camera_info}


def _say(drive: RawDrive, arguments: argparse.Namespace) -> None:
    log = drive.oxts
    seconds = (log.stamps_ns[-1] - log.stamps_ns[0]) * 1e-9
    metres = oxts_messages.dead_reckoning(log)[1][-1]
    images = " and ".join(f"{len(camera.images)} {camera.side}" for camera in drive.cameras)
    print(f"{arguments.out}: {images} images, {len(log.stamps_ns)} fixes, {metres:.0f} m in {seconds:.1f} s")
    if log.left_out:
        print(f"{log.left_out} OXTS samples are left out: their time stamps do not rise")
    if not drive.is_calibrated:
        print(
            "there is no calib_imu_to_velo.txt beside the drive: the camera is mounted as the cross-view protocol says"
        )
    if arguments.tiles is None and arguments.satmap is None:
        print(
            "there are no satellite tiles: give --satmap or --tiles for a folder that evaluate and replay take as it is"
        )


if __name__ == "__main__":
    raise SystemExit(main())
