"""Nodding is read from the IMU, and a slope is not."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tracking_support as sim
from scipy.spatial.transform import Rotation

from geoflow_ros.camera import Mount
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.nodding import Nodding, Tilt, imu_tilt, nodded


def message(yaw: float, pitch: float, roll: float) -> Any:
    x, y, z, w = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_quat()
    orientation = SimpleNamespace(x=x, y=y, z=z, w=w)
    return SimpleNamespace(header=sim.header(7), orientation=orientation, orientation_covariance=[0.1] * 9)


def heard(pitch: Any, seconds: float = 10.0) -> Nodding:
    nodding = Nodding(MotionBuffer())
    for tick in range(round(seconds * 50) + 1):
        nodding.add(Tilt(round(tick * 2e7), 0.3, pitch(tick / 50)))
    return nodding


def test_a_tilt_is_that_of_the_orientation() -> None:
    tilt = imu_tilt(message(2.0, 0.1, -0.05))
    assert tilt is not None
    assert (tilt.stamp_ns, tilt.roll, tilt.pitch) == (7, pytest.approx(-0.05), pytest.approx(0.1))


def test_an_imu_without_orientation_tells_nothing() -> None:
    without = message(0.0, 0.1, 0.0)
    without.orientation_covariance = [-1.0] * 9
    assert imu_tilt(without) is None
    absurd = message(0.0, 0.1, 0.0)
    absurd.orientation.x = 1e200  # its square is none that Python has
    assert imu_tilt(absurd) is None


def test_a_slope_and_the_imus_own_mount_are_not_applied() -> None:
    assert heard(lambda t: -math.radians(5.0)).at(10 * 10**9) == (pytest.approx(0.0), pytest.approx(0.0))


def test_nodding_on_a_slope_is_applied_at_the_stamp() -> None:
    nodding = heard(lambda t: -0.09 + 0.026 * math.sin(2 * math.pi * t))
    for seconds in np.arange(9.0, 10.0, 0.13):
        roll, pitch = nodding.at(round(seconds * 1e9))
        assert roll == pytest.approx(0.0)
        assert pitch == pytest.approx(0.026 * math.sin(2 * math.pi * seconds), abs=0.004)


def test_an_imu_that_hangs_upside_down_tells_nodding_too() -> None:
    """Its roll leaps between half a turn and minus that."""
    nodding = Nodding(MotionBuffer())
    for tick in range(501):
        roll = math.pi + 0.026 * math.sin(2 * math.pi * tick / 50)
        nodding.add(Tilt(round(tick * 2e7), (roll + math.pi) % math.tau - math.pi, 0.01))
    for seconds in np.arange(9.0, 10.0, 0.013):
        roll, pitch = nodding.at(round(seconds * 1e9))
        assert (roll, pitch) == (pytest.approx(0.026 * math.sin(2 * math.pi * seconds), abs=0.004), pytest.approx(0.0))


def test_a_dive_is_applied_until_it_has_lasted() -> None:
    nodding = heard(lambda t: 0.035 if t > 8.0 else 0.0)
    assert nodding.at(10 * 10**9)[1] == pytest.approx(0.035)
    assert heard(lambda t: 0.035 if t > 7.0 else 0.0).at(10 * 10**9)[1] == pytest.approx(0.0)


@pytest.mark.parametrize("softness", [0.0, 0.016])
def test_a_dive_that_lasts_as_long_as_the_braking_is_no_slope(softness: float) -> None:
    slope, motions, applied = -0.08, MotionBuffer(), {}
    nodding = Nodding(motions)
    for tick in range(30 * 50 + 1):
        t, stamp = tick / 50, round(tick * 2e7)
        braking = 2.0 if t % 12.0 > 8.0 else -1.0 if t % 12.0 < 8.0 else 0.0  # four seconds of every twelve
        speed = 5.0 + (t % 12.0 if t % 12.0 <= 8.0 else 8.0 - 2.0 * (t % 12.0 - 8.0))
        motions.add_velocity(BodyVelocity(stamp, speed, 0.0))
        nodding.add(Tilt(stamp, 0.0, slope + softness * braking))
        if tick % 5 == 0:
            applied[t] = nodding.at(stamp)[1]
    for t in (21.8, 23.5, 29.0):  # in the second braking, at its end, and accelerating again
        expected = softness * (2.0 if t % 12.0 > 8.0 else -1.0)
        assert applied[t] == pytest.approx(expected, abs=0.002)


def test_a_bend_that_lasts_is_not_a_road_that_hangs() -> None:
    motions = MotionBuffer()
    nodding, applied = Nodding(motions), 0.0
    for tick in range(20 * 50):
        t, stamp = tick / 50, round(tick * 2e7)
        rate = 0.2 if t % 10.0 > 5.0 else 0.0
        motions.add_velocity(BodyVelocity(stamp, 10.0, 0.0, rate))
        nodding.add(Tilt(stamp, 0.02 + 0.01 * 10.0 * rate, 0.0))
        applied = nodding.at(stamp)[0]
    assert applied == pytest.approx(0.02, abs=0.002)  # 2 m/s^2 to the left, 0.01 rad per m/s^2, outwards


def test_without_messages_near_the_stamp_nothing_is_applied() -> None:
    nodding = heard(lambda t: 0.03 * t)
    assert nodding.at(11 * 10**9) == (0.0, 0.0)
    assert Nodding(MotionBuffer()).at(0) == (0.0, 0.0)


def test_a_camera_that_looks_left_rolls_when_the_body_nods() -> None:
    ahead = nodded(Mount(pitch=0.1), 0.0, 0.02)
    assert (ahead.roll, ahead.pitch) == (pytest.approx(0.0), pytest.approx(0.12))
    left = nodded(Mount(yaw=math.pi / 2), 0.01, 0.02)
    assert (left.roll, left.pitch) == (pytest.approx(0.02, abs=1e-4), pytest.approx(-0.01, abs=1e-4))


@pytest.mark.parametrize("yaw", [0.0, 2.5, -1.2])
def test_a_camera_that_looks_down_steeply_swings_aside_as_the_body_rolls(yaw: float) -> None:
    """By half of the tilt if it looks 27 deg down: what it sees is turned by that, which is no turn of the vehicle."""
    mount, tilt = Mount(roll=0.05, pitch=0.47, yaw=yaw), (0.03, -0.02)
    found = nodded(mount, *tilt)
    true = Rotation.from_euler("YX", tilt[::-1]) * Rotation.from_euler("ZYX", (mount.yaw, mount.pitch, mount.roll))
    found_axes = Rotation.from_euler("ZYX", (found.yaw, found.pitch, found.roll)).as_matrix()
    np.testing.assert_allclose(found_axes, true.as_matrix(), atol=1e-9)
    assert nodded(mount, 0.0, 0.0) is mount


def test_the_slow_part_is_found_once_for_the_images_of_a_rig(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four 12 ms apart, and those of the next round, 48 ms after the first."""
    nodding, found = heard(lambda t: 0.0), list[int]()

    def slow(self: Nodding, lately: list[Tilt]) -> tuple[float, float]:
        found.append(len(lately))
        return 0.0, 0.0

    monkeypatch.setattr(Nodding, "_slow", slow)
    for index in range(8):
        nodding.at(round(9.9e9) + index * 12_000_000)
    assert len(found) == 2
