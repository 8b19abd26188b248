"""`ros2 run geoflow_ros localize`: the node that answers camera images with poses."""

from __future__ import annotations

import argparse
import ctypes
import resource
from collections.abc import Sequence

from geoflow_ros import cli
from geoflow_ros.errors import InputError
from geoflow_ros.resources import missing_module

LEAST_BYTES = 3 << 29
"""Of addresses: with fewer no network's library can be loaded, and OpenBLAS waits for them without an end."""

M_ARENA_MAX = -8  # of glibc's malloc.h


def share_one_heap() -> None:
    """Let all threads allocate from one heap; does nothing where the C library is not glibc.

    By default glibc keeps up to eight heaps a core, and what frames leave free in each of them made a node that had
    long filled its caches grow on, by 2 % in half an hour.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, 1)


def _serve(arguments: argparse.Namespace) -> None:
    share_one_heap()  # before the libraries start their threads
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= limit < LEAST_BYTES:
        raise InputError(
            f"this process may use {limit / 2**30:.1f} GiB of addresses (ulimit -v), the libraries alone need "
            f"{LEAST_BYTES / 2**30:.1f}: raise the limit, or limit the memory itself (a container, systemd's MemoryMax)"
        )
    try:
        from geoflow_ros.ros.loading import load_localizer
        from geoflow_ros.ros.serve import serve
    except ModuleNotFoundError as error:
        raise missing_module(error) from error
    except (ImportError, ValueError) as error:  # the latter of what was compiled for another NumPy
        raise InputError(
            f"a library cannot be loaded ({error}): pip install 'numpy<2' where that is of NumPy, as a distribution's "
            "packages want it; else free some memory, or install the requirements again"
        ) from error
    serve(["--ros-args", *arguments.ros_args], load_localizer)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.localize",
        description="Localise a camera stream against satellite tiles. Topics in: image or image/compressed, "
        "camera_info, fix, imu, odom or twist, initialpose; out: pose, pose_single_frame, pose_fix, state, heatmap, "
        "hypotheses, /diagnostics, and /tf if publish_tf is set. Services: ~/relocalise, ~/pause, ~/resume, "
        "~/set_datum_here.",
        epilog="Example: python -m geoflow_ros.localize --ros-args --params-file config/localize.yaml "
        "-p tiles:=area.mbtiles -r image:=/camera/image_raw",
    )
    parser.add_argument(
        "--ros-args",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="everything after it goes to ROS: -p NAME:=VALUE a parameter, --params-file FILE parameters (the list of "
        "them is in config/localize.yaml), -r FROM:=TO a topic's other name",
    )
    return cli.run(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
