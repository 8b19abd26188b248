"""The smoother on the demo's sensors, with frames whose density is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gaussian_volume import gaussian_volume

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.smoothing.nodes import Nodes, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.smoothing.smoother import cross_evidence, propagate
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def demo() -> tuple[RecordedDrive, Nodes, np.ndarray]:
    description = read_description(DEMO / "drive.json")
    datum = DatumConfig(description.datum.latitude, description.datum.longitude, description.datum.altitude)
    drive = read_drive(DEMO / "drive", SessionConfig(datum=datum), CameraSetup(description.mount), {})
    nodes = nodes_of(drive, BeliefConfig(), 5.0, 0.0)
    return drive, nodes, read_tum(DEMO / "truth.tum").poses[nodes.frames]


def test_frames_a_metre_off_place_the_drive_and_its_covariance_says_how_well(
    demo: tuple[RecordedDrive, Nodes, np.ndarray],
) -> None:
    drive, nodes, truth = demo
    rng, volumes = np.random.default_rng(0), []
    for node in range(0, len(truth), 4):
        peak = (*(truth[node, :2] + rng.normal(0.0, 1.0, 2)).tolist(), float(truth[node, 2]))
        volume = gaussian_volume(node, peak, (1.0, 0.05), tuple(truth[node, :2].round()), float(truth[node, 2]), 1.0)
        volumes.append(volume)
    start = nodes.start.copy()
    start[:, :3] = truth + (1.0, -0.8, 0.02)
    smoothed = propagate(nodes, start, volumes, None)
    error = smoothed.poses[:, :2] - truth[:, :2]
    assert np.hypot(*error.T).mean() < 0.5
    covariances = smoothed.pose_covariances[:, :2, :2]
    nees = np.einsum("ni,nij,nj->n", error, np.linalg.inv(covariances), error).mean()
    assert 0.3 < nees < 6.0
    assert cross_evidence(drive, nodes, smoothed).mean() > 3.0
