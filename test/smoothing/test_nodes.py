"""From a bag to nodes, without the camera's images."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.smoothing.nodes import interpolated, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.tracking.belief import BeliefConfig
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.settings import DatumConfig

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def demo() -> RecordedDrive:
    description = read_description(DEMO / "drive.json")
    datum = DatumConfig(description.datum.latitude, description.datum.longitude, description.datum.altitude)
    return read_drive(DEMO / "drive", SessionConfig(datum=datum), CameraSetup(description.mount), {})


def test_every_frame_is_there_and_the_way_is_as_long_as_the_truths(demo: RecordedDrive) -> None:
    truth = read_tum(DEMO / "truth.tum").poses
    assert len(demo.stamps_ns) == len(truth) == len(demo.motions) + 1
    assert demo.way[-1] == pytest.approx(np.hypot(*np.diff(truth[:, :2], axis=0).T).sum(), rel=0.04)


def test_true_poses_of_the_nodes_give_the_true_poses_of_all_frames(demo: RecordedDrive) -> None:
    truth = read_tum(DEMO / "truth.tum").poses
    nodes = nodes_of(demo, BeliefConfig(), 5.0, 0.0)
    assert len(nodes.frames) < len(truth) / 1.5
    between = interpolated(demo, nodes, truth[nodes.frames])
    np.testing.assert_allclose(between[:, :2], truth[:, :2], atol=0.1)
    turned = (between[:, 2] - truth[:, 2] + math.pi) % math.tau - math.pi
    np.testing.assert_allclose(turned, 0.0, atol=0.02)


def test_a_drive_whose_images_are_stamped_late_is_that_of_their_exposures(demo: RecordedDrive) -> None:
    datum = demo.frame.datum
    config = SessionConfig(datum=DatumConfig(datum.latitude, datum.longitude, datum.altitude))
    drive = read_drive(DEMO / "drive", config, CameraSetup(demo.camera.mount, delay=0.3), {})
    np.testing.assert_array_equal(drive.stamps_ns, demo.stamps_ns - 300_000_000)
    moved = [motion.distance for motion in demo.motions[17:37]]  # images are 0.1 s apart
    assert [motion.distance for motion in drive.motions[20:40]] == pytest.approx(moved, abs=0.02)
    size = (32, 16)
    (_, same), (index, image) = (next(each.images({7}, size, "one")) for each in (demo, drive))
    assert index == 7 and np.array_equal(image, same)
