"""Frames of sensors, by parameters or by a lookup."""

from __future__ import annotations

import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.tracking.sensors.sensor_frames import SensorFrames, SensorMount
from geoflow_ros.tracking.settings import OdometryConfig


def test_a_frame_that_turns_out_to_be_none_of_a_sensor_is_refused_from_then_on() -> None:
    frames = SensorFrames("base_link", OdometryConfig(child_frame="imu_link", forward=0.4))
    told = [SensorMount(1.0)]

    def lookup(name: str) -> SensorMount:
        if not told:
            raise InputError(f"frame {name} has moved")
        return told.pop()

    frames.lookup = lookup
    assert frames.of_velocity("/odom", "frame_id of twist").x == 1.0
    with pytest.raises(InputError, match="frame odom has moved"):
        frames.of_velocity("odom", "frame_id of twist")
    assert frames.of_velocity("imu_link", "frame_id of twist").x == 0.4, "the parameters go before"
    assert frames.find("") is None
