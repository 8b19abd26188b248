"""A camera mounted otherwise than stated, a body that nods, a slope: what image and IMU see of them."""

from __future__ import annotations

import math
from dataclasses import astuple
from pathlib import Path as File

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from scipy.spatial.transform import Rotation

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.planar import PlanarPose
from geoflow_ros.town.drive_bag import DriveBag
from geoflow_ros.town.export_drive import CAMERA, true_cameras
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.town.path import Path
from geoflow_ros.town.ride import Ride
from geoflow_ros.town.route import Drive

EXACT = SensorErrors(0.0, 0.0, 30.0, 0.0, 0.0, 60.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def straight_drive(acceleration: float) -> Drive:
    """To the north from 15 m/s, 4 s at this acceleration (m/s^2), then at constant speed."""
    times = np.arange(0.0, 12.0, 0.02)
    ends = np.minimum(times, 4.0)
    travelled = 15.0 * times + acceleration * ends**2 / 2 + acceleration * 4.0 * np.maximum(times - 4.0, 0.0)
    return Drive(Path.through([[5.0, 0.0], [5.0, 400.0]]), times, travelled)


def turning_drive() -> Drive:
    """A circle to the left of 20 m at 8 m/s."""
    angle = np.linspace(0.0, 6.0, 400)
    times = np.arange(0.0, 10.0, 0.02)
    return Drive(Path.through(20.0 * np.column_stack([np.sin(angle), -np.cos(angle)])), times, 8.0 * times)


@pytest.mark.parametrize(("acceleration", "dive_deg"), [(-2.2, 2.0), (1.6, -1.6 / 2.2 * 2.0), (0.0, 0.0)])
def test_a_body_that_nods_looks_down_two_degrees_when_braking(acceleration: float, dive_deg: float) -> None:
    times = np.array([2.0, 8.0])  # whole seconds: the nod at 1 Hz is at 0
    pitch = np.degrees(Ride(nod=math.radians(0.5)).body_pitch(straight_drive(acceleration), times))
    assert pitch == pytest.approx([dive_deg, 0.0], abs=0.02)


def test_the_nod_has_its_amplitude_and_one_hertz() -> None:
    times = np.arange(5.0, 8.0, 0.01)
    pitch = Ride(nod=0.03).body_pitch(straight_drive(0.0), times)
    assert pitch.max() == pytest.approx(0.03, abs=1e-4) and pitch.min() == pytest.approx(-0.03, abs=1e-4)
    assert np.abs(np.fft.rfft(pitch)).argmax() == 3  # in three seconds


@pytest.mark.parametrize(("roll", "pitch"), [(0.0, 0.05), (-0.03, 0.0), (0.02, -0.04)])
def test_a_tilted_body_takes_its_camera_along(roll: float, pitch: float) -> None:
    mount = Mount(roll=0.3, pitch=0.2, yaw=-2.0)
    tilted = mount.on_tilted_body(roll, pitch)
    expected = Rotation.from_euler("ZYX", [0.0, pitch, roll]) * Rotation.from_euler("ZYX", [-2.0, 0.2, 0.3])
    assert [tilted.yaw, tilted.pitch, tilted.roll] == pytest.approx(expected.as_euler("ZYX"), abs=1e-12)
    assert (tilted.forward, tilted.left, tilted.height) == (mount.forward, mount.left, mount.height)


def test_the_rendered_camera_is_off_the_stated_one() -> None:
    ride = Ride(pitch=0.04, roll=-0.02, yaw=0.1, height=0.3, nod=0.01, slope=0.2)
    (camera, lens), (nodding, _) = true_cameras(ride, straight_drive(0.0), np.array([6.0, 6.25]))
    stated = CAMERA.mount
    assert camera.mount.height == pytest.approx(stated.height + 0.3)
    assert (camera.mount.roll, camera.mount.pitch, camera.mount.yaw) == pytest.approx((-0.02, 0.04, 0.1), abs=1e-6)
    assert nodding.mount.pitch == pytest.approx(0.05, abs=1e-4)  # the slope is not the camera's
    foot = PlanarPose(5.0, 90.0, math.pi / 2).act((stated.forward, 0.0))
    assert (lens.x, lens.y) == pytest.approx(tuple(foot), abs=0.01)
    assert lens.yaw == pytest.approx(math.pi / 2 + 0.1, abs=1e-6)


def test_the_true_mount_adds_the_error() -> None:
    true = Ride(pitch=0.04, roll=-0.02, yaw=0.1, height=-0.3).true_mount(Mount(1.0, 0.5, 1.65, 0.01, 0.02, 0.03))
    assert astuple(true) == pytest.approx((1.0, 0.5, 1.35, -0.01, 0.06, 0.13))


@pytest.mark.parametrize("ride", [Ride(), Ride(nod=0.03), Ride(slope=0.09), Ride(nod=0.02, slope=-0.09)])
@pytest.mark.parametrize("drive", [straight_drive(-2.2), turning_drive()], ids=["braking", "turning"])
def test_the_imu_shows_nod_and_slope(ride: Ride, drive: Drive, tmp_path: File) -> None:
    with DriveBag(tmp_path / "drive", Datum(48.0, 11.0), 0) as bag:
        bag.write_sensors(drive, 8.0, EXACT, np.random.default_rng(0), ride)
    with AnyReader([tmp_path / "drive"]) as reader:
        imu = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if c.topic == "/imu"]
    attitudes = Rotation.from_quat([[getattr(m.orientation, axis) for axis in "xyzw"] for m in imu])
    rates = np.array([[getattr(m.angular_velocity, axis) for axis in "xyz"] for m in imu])
    forces = np.array([[getattr(m.linear_acceleration, axis) for axis in "xyz"] for m in imu])
    times = np.arange(len(imu)) / 50.0
    pitch = attitudes.as_euler("ZYX")[:, 1]
    assert pitch == pytest.approx(ride.body_pitch(drive, times) - ride.slope, abs=1e-9)
    # turned by the gyroscope alone, the first attitude becomes the last
    turned = attitudes[0]
    for before, after in zip(rates, rates[1:], strict=False):
        turned *= Rotation.from_rotvec((before + after) / 2 / 50.0)
    assert (turned.inv() * attitudes[-1]).magnitude() < 2e-3
    # in the world, what the accelerometer feels is gravity and the acceleration of the drive
    felt = attitudes.apply(forces)[100]
    speed = drive.speed(times)
    along = np.gradient(speed, times)[100]
    across = speed[100] * np.gradient(drive.pose(times)[:, 2], times)[100]
    yaw = drive.pose(times)[100, 2]
    expected = Rotation.from_euler("Z", yaw).apply([along, across, 9.81])
    assert felt == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("values", "message"), [({"pitch": 2.0}, "pitch of 114.592 deg"), ({"nod": math.nan}, "nan")])
def test_what_cannot_be_rendered_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Ride(**values)
