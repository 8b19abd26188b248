"""Segments of odometry, and the rates of turn of an IMU that goes on without it."""

from __future__ import annotations

import tracemalloc

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity
from geoflow_ros.tracking.sensors.odometry_segments import Reading, Segmenter


def reading(seconds: float) -> Reading:
    return Reading(BodyVelocity(round(seconds * 1e9), 2.0, 0.0), PlanarPose(2.0 * seconds))


def test_rates_of_before_the_segment_say_nothing_of_it() -> None:
    segmenter = Segmenter()
    segmenter.add_rate(5.0)
    assert segmenter.add(reading(10.0)) is None
    segmenter.add_rate(0.1)
    segmenter.add_rate(0.3)
    segment = segmenter.add(reading(10.25))
    assert segment is not None and segment.imu_rate == 0.2


def test_an_imu_without_odometry_or_whose_odometry_falls_silent_takes_no_memory() -> None:
    never_heard, silent = Segmenter(), Segmenter()
    silent.add(reading(0.0))
    tracemalloc.start()
    for tick in range(50_000):  # a quarter of an hour at 50 Hz
        never_heard.add_rate(0.001 * tick)
        silent.add_rate(0.001 * tick)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000  # bytes: 2000 of the numbers, not 100 000
    assert silent.add(reading(1000.0)) is None
