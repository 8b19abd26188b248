"""Drives with gaps: what was recorded is used, and what was not is made up for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_drive import DATUM, SPEED, START_S, straight, write_made_drive

from geoflow_ros.camera import Mount
from geoflow_ros.smoothing.nodes import interpolated, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig

EXACT = SensorErrors(gyro=1e-4, gyro_bias=1e-5, wheel_scale=1e-5, wheel_white=1e-3)


def _read(root: Path, **made: Any) -> tuple[RecordedDrive, np.ndarray]:
    """A drive of 250 m in a straight line, and the true way until each of its frames."""
    write_made_drive(root / "a", straight(250.0), errors=EXACT, **made)
    datum = DatumConfig(DATUM.latitude, DATUM.longitude, DATUM.altitude)
    drive = read_drive(root / "a" / "drive", SessionConfig(datum=datum), CameraSetup(Mount()), {})
    return drive, SPEED * (drive.stamps_ns * 1e-9 - START_S)


def test_odometry_goes_on_while_there_are_no_images(tmp_path: Path) -> None:
    """For 12 s, of which velocities are remembered for 5."""
    drive, way = _read(tmp_path, silent={"/image/compressed": (6.0, 18.0)})
    assert np.diff(drive.stamps_ns).max() == 12.5e9
    np.testing.assert_allclose(drive.way, way, atol=0.2)
    np.testing.assert_allclose(np.hypot(*drive.dead_reckoned()[:, :2].T), way, atol=0.5)
    assert sum(motion.unknown_s for motion in drive.motions) < 0.2


def test_frames_without_odometry_lie_between_their_nodes(tmp_path: Path) -> None:
    drive, way = _read(tmp_path, silent={"/odom": (10.0, 13.0)}, image_hz=5.0)
    nodes = nodes_of(drive, BeliefConfig(), 5.0, 0.0)
    yaw = np.arctan2(0.8, 0.6)
    truth = np.column_stack([0.6 * way, 0.8 * way, np.full(len(way), yaw)])
    assert len(drive.way) - len(nodes.frames) > 5
    assert drive.way[-1] < way[-1] - 5.0, "the way is not known all along"
    np.testing.assert_allclose(interpolated(drive, nodes, truth[nodes.frames]), truth, atol=1.0)


@pytest.mark.parametrize("silent", [{}, {"/image/compressed": (0.0, 5.0)}])
def test_a_drive_without_gaps_is_read_frame_by_frame(silent: dict[str, tuple[float, float]], tmp_path: Path) -> None:
    drive, way = _read(tmp_path, silent=silent)
    np.testing.assert_allclose(drive.way, way - way[0], atol=0.2)
