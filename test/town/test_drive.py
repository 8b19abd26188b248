"""The drive: what a car can do, errors that their covariances describe, a bag that rosbags reads back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from rosbags.highlevel import AnyReader
from town_support import PLAIN_LOOK, draws, generated_town

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.town.noise import SensorErrors, dead_reckoning, gauss_markov, gnss_fixes
from geoflow_ros.town.route import FASTEST, SIDEWAYS_ACCELERATION, plan_drive

COUNT = 12


@pytest.mark.parametrize("seed", [3, 10_002])
def test_a_drive_is_smooth_and_stays_inside(seed: int) -> None:
    drive = plan_drive(generated_town(seed), seed, 60.0)
    times = np.arange(0.0, 60.0, 0.1)
    poses, speed = drive.pose(times), drive.speed(times)
    assert np.abs(poses[:, :2]).max() < 280.0 - 70.0
    assert speed.max() <= FASTEST + 0.1 and speed[20:].min() > 0.5
    assert np.abs(np.gradient(speed, times)).max() < 3.5
    assert (speed * np.abs(np.gradient(poses[:, 2], times))).max() < 1.6 * SIDEWAYS_ACCELERATION
    moved = np.diff(poses[:, :2], axis=0)
    course = np.arctan2(moved[:, 1], moved[:, 0])
    assert np.abs(np.angle(np.exp(1j * (course - poses[:-1, 2])))).max() < 0.15
    assert np.ptp(poses[:, 2]) > math.radians(60.0)


def test_the_drift_has_the_deviation_and_correlation_it_is_given() -> None:
    times = np.arange(0.0, 40_000.0, 1.0)
    drift = gauss_markov(np.random.default_rng(0), times, 3.0, 20.0)
    assert drift.std() == pytest.approx(3.0, rel=0.08)
    lag = np.mean(drift[:-20] * drift[20:]) / drift.var()
    assert lag == pytest.approx(math.exp(-1.0), abs=0.05)


def test_fixes_are_about_eight_metres_off_and_say_so() -> None:
    errors, times = SensorErrors(), np.arange(0.0, 60_000.0, 5.0)
    enu = gnss_fixes(np.random.default_rng(1), times, np.zeros((len(times), 2)), errors)
    assert np.hypot(enu[:, 0], enu[:, 1]).mean() == pytest.approx(8.0, abs=0.5)
    assert enu[:, :2].var() == pytest.approx(errors.gnss_variance, rel=0.1)


def test_wheels_drive_a_circle_when_nothing_is_wrong() -> None:
    perfect = SensorErrors(gyro=0.0, gyro_bias=0.0, wheel_scale=0.0, wheel_white=0.0)
    times = np.linspace(0.0, 2 * math.pi * 10.0 / 5.0, 4001)  # radius 10 m at 5 m/s, once around
    rows = dead_reckoning(np.random.default_rng(0), times, np.full(4001, 5.0), np.full(4001, 0.5), perfect)
    assert rows[-1, :3] == pytest.approx([0.0, 0.0, 2 * math.pi], abs=0.05)
    assert rows[2000, :2] == pytest.approx([0.0, 20.0], abs=0.05)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from geoflow_ros.town.export_drive import export_drive

    out = tmp_path_factory.mktemp("town") / "drive"
    export_drive(out, 10_002, COUNT, rate_hz=20.0)
    return out


@draws
def test_the_bag_holds_the_drive(exported: Path) -> None:
    with AnyReader([exported / "drive"]) as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
        messages = [(c.topic, stamp, reader.deserialize(raw, c.msgtype)) for c, stamp, raw in reader.messages()]
    assert counts == {
        "/image/compressed": COUNT, "/camera_info": COUNT, "/ground_truth": COUNT, "/fix": 3, "/imu": 28, "/odom": 12
    }  # fmt: skip
    stamps = [stamp for _, stamp, _ in messages]
    assert stamps == sorted(stamps)
    for topic, stamp, message in messages:
        assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == stamp, topic
    image = next(m for topic, _, m in messages if topic == "/image/compressed")
    assert cv2.imdecode(image.data, cv2.IMREAD_COLOR).shape == (192, 640, 3)
    fix = next(m for topic, _, m in messages if topic == "/fix")
    assert fix.position_covariance_type == 2
    assert fix.position_covariance[0] == pytest.approx(SensorErrors().gnss_variance)


@draws
def test_truth_bag_and_description_agree(exported: Path) -> None:
    about = json.loads((exported / "drive.json").read_text())
    lines = (exported / "truth.tum").read_text().splitlines()
    datum = Datum(**about["datum"])
    assert lines[0] == f"# datum {datum.latitude!r} {datum.longitude!r} {datum.altitude!r}"
    rows = np.array([[float(value) for value in line.split()] for line in lines[1:]])
    assert rows.shape == (COUNT, 8) and np.diff(rows[:, 0]) == pytest.approx(0.05, abs=1e-3)
    assert about["rate_hz"] == 20.0
    with AnyReader([exported / "drive"]) as reader:
        truth = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if c.topic == "/ground_truth"]
    positions = np.array([(message.pose.position.x, message.pose.position.y) for message in truth])
    assert positions == pytest.approx(rows[:, 1:3], abs=1e-4)
    assert about["mount"] == {
        "forward": 1.08, "left": 0.0, "height": 1.65, "roll": 0.0, "pitch": 0.0, "yaw": 0.0
    }  # fmt: skip


@draws
def test_the_tiles_lie_where_the_town_is(exported: Path) -> None:
    from geoflow_ros.town.render import Renderer

    town, renderer = generated_town(10_002), Renderer()
    renderer.load(town)
    first = (exported / "truth.tum").read_text().splitlines()[1].split()
    east, north = float(first[1]), float(first[2])
    lat, lon, _ = LocalFrame(town.datum).to_geodetic([east, north])
    with rasterio.open(exported / "tiles.mbtiles") as tiles:
        scale = math.cos(math.radians(float(lat)))  # Mercator metres to ground metres
        x, y = rasterio.warp.transform("EPSG:4326", tiles.crs, [float(lon)], [float(lat)])
        half = 30.0 / scale
        window = rasterio.windows.from_bounds(x[0] - half, y[0] - half, x[0] + half, y[0] + half, tiles.transform)
        image = tiles.read([1, 2, 3], window=window, out_shape=(3, 240, 240), boundless=False).transpose(1, 2, 0)
    rendered = renderer.orthophoto(east, north, 60.0, 240, PLAIN_LOOK)
    grey = [picture.mean(axis=-1, dtype=np.float32) for picture in (image, rendered)]
    (du, dv), response = cv2.phaseCorrelate(grey[0], grey[1], cv2.createHanningWindow((240, 240), cv2.CV_32F))
    assert response > 0.05
    assert math.hypot(du, dv) * 0.25 < 0.5
