"""The node `localize` in a process of its own, for a drive folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from geoflow_ros.datasets.bag_drive import DriveDescription
from geoflow_ros.errors import InputError
from geoflow_ros.resources import share_file

NODE = (sys.executable, "-m", "geoflow_ros.localize")
STOP_TIMEOUT_S = 5.0


def node_arguments(
    drive: Path, description: DriveDescription, parameters: Mapping[str, object], cameras: Sequence[str] | None = None
) -> list[str]:
    """ROS arguments for the drive's tiles, cameras and datum, and for further parameters. cameras: of its rig (all)."""
    cameras = tuple(description.cameras) if cameras is None else cameras
    described = {f"datum.{name}": value for name, value in asdict(description.datum).items()}
    described |= description.camera_parameters(cameras)
    values = {name: f"{value:.12f}" if isinstance(value, float) else value for name, value in described.items()}
    values |= {"tiles": drive / "tiles.mbtiles", "saved_pose.max_age": "0.0"}  # every run begins anew
    if cameras:
        values["cameras"] = f"[{', '.join(cameras)}]"
    assignments = [part for name, value in {**values, **parameters}.items() for part in ("-p", f"{name}:={value}")]
    return ["--params-file", str(share_file("config/localize.yaml")), *assignments]


@contextmanager
def node_process(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The node `localize`; ended by SIGINT, to which it must answer with status 0."""
    process = subprocess.Popen(command)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        status = process.wait(STOP_TIMEOUT_S)
        if status != 0:
            raise InputError(f"the node ended with status {status} on SIGINT instead of 0")
    except subprocess.TimeoutExpired:
        raise InputError(f"the node did not end within {STOP_TIMEOUT_S:g} s of SIGINT") from None
    finally:
        process.kill()
        process.wait()
