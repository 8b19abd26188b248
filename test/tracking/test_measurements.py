"""Messages to measurements, duck-typed."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import tracking_support as sim
from scipy.spatial.transform import Rotation

from geoflow_ros.errors import InputError
from geoflow_ros.tracking import measurements


def test_a_fix_keeps_its_covariance_and_height() -> None:
    message = sim.fix(1.0, 3.0, 4.0, sigma=2.0)
    message.position_covariance = np.array(message.position_covariance)  # as a bag reader has it
    fix = measurements.to_fix(message, 0.0)
    assert fix.covariance == pytest.approx(4.0 * np.eye(2))
    assert (fix.stamp_ns, fix.altitude, fix.vertical_variance) == (sim.stamp(1.0), 100.0, 9.0)


def test_a_fix_whose_covariance_is_not_symmetric_is_taken_as_its_symmetric_part_if_that_is_one() -> None:
    message = sim.fix(1.0, 3.0, 4.0, sigma=2.0)
    message.position_covariance[1] = 6.0
    assert measurements.to_fix(message, 0.0).covariance == pytest.approx(np.array([[4.0, 3.0], [3.0, 4.0]]))
    message.position_covariance[1] = 10.0  # (1, -1) would have a variance of -2
    with pytest.raises(InputError, match=r"not a finite positive definite matrix: .* or set prior\.fix_sigma"):
        measurements.to_fix(message, 0.0)


@pytest.mark.parametrize("variance", [math.nan, math.inf, -1.0])
def test_a_stated_accuracy_serves_a_receiver_whose_covariance_is_unusable(variance: float) -> None:
    message = sim.fix(1.0, 3.0, 4.0, sigma=2.0)
    message.position_covariance[0] = variance
    assert measurements.to_fix(message, 3.0).covariance == pytest.approx(9.0 * np.eye(2))


@pytest.mark.parametrize(
    ("latitude", "longitude", "hint"),
    [(151.2, -33.9, "; they are exchanged, it seems"), (47.4, 188.5, ""), (4737.6, 829.3, ""), (math.nan, 8.5, "")],
)
def test_what_is_no_place_on_earth_says_what_is_expected(latitude: float, longitude: float, hint: str) -> None:
    message = sim.fix(1.0, 3.0, 4.0)
    message.latitude, message.longitude = latitude, longitude
    with pytest.raises(InputError, match=rf"latitude {latitude}, .*expected degrees, -90 to 90 and -180 to 180{hint}$"):
        measurements.to_fix(message, 0.0)


def test_what_receivers_tell_without_a_fix_is_refused_by_name() -> None:
    message = sim.fix(1.0, 3.0, 4.0)
    for status, name in ((-1, "NO_FIX"), (-2, "UNKNOWN"), (-7, "-7")):
        message.status.status = status
        with pytest.raises(InputError, match=f"reports {name}"):
            measurements.to_fix(message, 0.0)
    message.status.status, message.latitude, message.longitude = 0, 3e-5, -2e-5
    with pytest.raises(InputError, match="latitude 0, longitude 0"):
        measurements.to_fix(message, 0.0)
    message.longitude = 6.6
    assert measurements.to_fix(message, 0.0).longitude == 6.6  # on the equator, and a place


def test_what_has_no_covariance_needs_a_stated_one() -> None:
    fix, imu = sim.fix(0.0, 0.0, 0.0, sigma=0.0), sim.imu(0.0, 0.5, sigma=0.0)
    assert measurements.to_fix(fix, 3.0).covariance == pytest.approx(9.0 * np.eye(2))
    assert measurements.imu_heading(imu, 0.2).variance == pytest.approx(0.04)
    with pytest.raises(InputError, match=r"set prior\.fix_sigma to how far off it is, such as 3\.0 m"):
        measurements.to_fix(fix, 0.0)
    with pytest.raises(InputError, match=r"set heading\.sigma"):
        measurements.imu_heading(imu, 0.0)


@pytest.mark.parametrize(("w", "sigma"), [(0.0, 0.0), (0.0, 0.1), (1.0, 0.0)])
def test_an_orientation_that_no_driver_fills_is_no_matter_of_its_covariance(w: float, sigma: float) -> None:
    imu = sim.imu(0.0, 0.0, sigma=0.0)
    imu.orientation.w = w
    with pytest.raises(InputError, match=r"never filled .* set heading\.source to course"):
        measurements.imu_heading(imu, sigma)
    imu.orientation_covariance[0] = -1.0
    with pytest.raises(InputError, match=r"no orientation .* set heading\.source to course"):
        measurements.imu_heading(imu, sigma)


def test_an_imu_that_points_east_may_be_exact() -> None:
    assert measurements.imu_heading(sim.imu(0.0, 0.0, sigma=0.0), 0.1).yaw == 0.0


@pytest.mark.parametrize(("forward", "rate", "reason"), [(math.nan, 0.0, "not finite"), (300.0, 0.0, "not a vehicle's"),
                                                         (1.0, 4000.0, "not a vehicle's")])  # fmt: skip
def test_odometry_that_no_vehicle_drives_is_refused(forward: float, rate: float, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        measurements.odometry_velocity(sim.odom(0.0, forward, rate))


def test_the_rate_of_turn_of_an_imu() -> None:
    assert measurements.imu_yaw_rate(sim.imu(2.0, 0.0, rate=0.3)).rate == 0.3
    blind = sim.imu(2.0, 0.0)
    blind.angular_velocity_covariance[0] = -1.0
    with pytest.raises(InputError, match="not measured"):
        measurements.imu_yaw_rate(blind)


@pytest.mark.parametrize(("roll_deg", "pitch_deg"), [(0.0, -20.0), (30.0, 0.0), (-10.0, 15.0)])
def test_the_rate_of_turn_is_about_the_vertical_on_a_slope(roll_deg: float, pitch_deg: float) -> None:
    """A body that turns left by 0.3 rad/s feels that about its own tilted axes."""
    body2map = Rotation.from_euler("ZYX", [63.0, pitch_deg, roll_deg], degrees=True)
    message = sim.imu(2.0, 0.0)
    message.orientation = SimpleNamespace(**dict(zip("xyzw", body2map.as_quat(), strict=True)))
    message.angular_velocity = SimpleNamespace(**dict(zip("xyz", body2map.inv().apply([0.0, 0.0, 0.3]), strict=True)))
    assert measurements.imu_yaw_rate(message).rate == pytest.approx(0.3)


def test_the_heading_of_odometry() -> None:
    heading = measurements.odometry_heading(sim.odom(0.0, 1.0, 0.0, yaw=-1.0), 0.0)
    assert (heading.yaw, heading.variance) == pytest.approx((-1.0, 0.01))


def test_an_orientation_too_large_to_be_squared_is_refused() -> None:
    imu, odom = sim.imu(0.0, 0.0), sim.odom(0.0, 1.0, 0.0)
    imu.orientation.x = odom.pose.pose.orientation.y = 1e200
    with pytest.raises(InputError, match="not a unit quaternion"):
        measurements.imu_heading(imu, 0.1)
    assert measurements.odometry_pose(odom) is None
