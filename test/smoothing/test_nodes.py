"""From a bag to nodes, without the camera's images."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.planar import PlanarPose, compose, rotate, wrap_angle
from geoflow_ros.smoothing.nodes import interpolated, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.motion import Motion
from geoflow_ros.tracking.prior import Fix, Heading
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig

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


@pytest.mark.parametrize("late_s", [-0.4, 0.05, 0.4])
def test_fixes_and_headings_between_frames_are_placed_where_the_vehicle_was_then(late_s: float) -> None:
    """A camera of one image a second in a bend: half a second is four metres."""
    frame, speed, rate = LocalFrame(Datum(-33.4, -70.6, 3000.0)), 8.0, -0.3

    def pose(t: ArrayLike) -> NDArray[np.float64]:
        angle = rate * np.asarray(t, np.float64)
        return np.stack([speed / rate * np.sin(angle), speed / rate * (1 - np.cos(angle)), angle], axis=-1)

    seconds, start = np.arange(12.0), PlanarPose(900.0, -700.0, 3.0)
    ways = [PlanarPose(*first).inverse() @ PlanarPose(*then) for first, then in pairwise(pose(seconds).tolist())]
    motions = [Motion(way, speed, abs(rate)) for way in ways]
    antenna, taken_s = (1.5, -0.4), seconds[1:-1] + late_s
    true = compose(start.array(), pose(taken_s))
    latitudes, longitudes, _ = frame.to_geodetic(true[:, :2] + rotate(true[:, 2], antenna))
    taken_ns = np.round(taken_s * 1e9).astype(np.int64).tolist()
    fixes = [
        Fix(stamp, float(latitude), float(longitude), 0.0, np.eye(2), 1.0, antenna)
        for stamp, latitude, longitude in zip(taken_ns, latitudes, longitudes, strict=True)
    ]
    headings = [Heading(stamp, wrap_angle(float(yaw)), 1e-4) for stamp, yaw in zip(taken_ns, true[:, 2], strict=True)]
    camera, stamps_ns = CameraModel(640, 480, 400.0, 400.0, 320.0, 240.0), (seconds * 1e9).astype(np.int64)
    drive = RecordedDrive(Path("made"), "/image", camera, frame, stamps_ns, motions, fixes, headings)
    nodes = nodes_of(drive, BeliefConfig(), 5.0, 0.0)
    poses = compose(start.array(), pose(seconds[nodes.frames]))
    placed = nodes.factors.fixes
    assert len(placed) == len(fixes)
    for fix in placed:
        np.testing.assert_allclose(PlanarPose(*poses[fix.node]).act(fix.lever), fix.place, atol=0.05)
    assert len(nodes.factors.headings) == (len(fixes) if abs(late_s) < 0.1 else 0)
    for heading in nodes.factors.headings:
        assert abs(wrap_angle(float(poses[heading.node, 2]) - heading.yaw)) < 1e-6
