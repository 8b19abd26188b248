"""What commands that play drives are given; without torch, for a command line that may not need it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The bag, its tiles, and what the node would be given."""
    parser.add_argument("bag", type=Path, help="a ROS 2 bag (mcap or sqlite3): its folder, or one of its files")
    add_node_inputs(parser)
    parser.add_argument("--checkpoint", type=Path, help="weights; default: the shipped ones")
    parser.add_argument("--drive", type=Path, help="drive.json with datum and mount; default: that beside the bag")
    parser.add_argument("--seed", type=int, help="of the hypotheses; default: the parameter seed")


def add_node_inputs(parser: argparse.ArgumentParser) -> None:
    """Tiles, parameters and topics, whatever is done with a drive."""
    parser.add_argument(
        "--tiles", required=True, help="satellite tiles: an MBTiles file, a PMTiles archive or a z/x/y folder"
    )
    parser.add_argument("--params", type=Path, help="the node's parameter file, such as config/localize.yaml")
    parser.add_argument(
        "-p", dest="assignments", action="append", default=[], metavar="NAME:=VALUE", help="a parameter of the node"
    )
    parser.add_argument(
        "--topic", action="append", default=[], metavar="ROLE:=NAME",
        help="which topic is the image, camera_info, fix, imu, odom or twist; default: the only one of its type (of an "
        "image raw and compressed the raw one, of several camera_info that beside the image), except twist, which is "
        "only played when named; an empty name: none; of a rig CAMERA/image, CAMERA/camera_info",
    )  # fmt: skip
