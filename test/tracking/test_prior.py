"""The prior at an image's stamp, without ROS."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.history import KEPT_NS, History
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer, YawRate
from geoflow_ros.tracking.prior import Fix, Heading, HeadingConfig, PriorBuffer, PriorConfig

DATUM = Datum(49.0, 8.4)
FRAME = LocalFrame(DATUM)
SECOND = 10**9


def fix(seconds: float, east: float, north: float, sigma: float = 2.0) -> Fix:
    latitude, longitude, _ = FRAME.to_geodetic([east, north])
    return Fix(round(seconds * SECOND), float(latitude), float(longitude), 0.0, sigma**2 * np.eye(2), 1.0)


def heading(seconds: float, yaw: float, sigma: float = 0.1) -> Heading:
    return Heading(round(seconds * SECOND), yaw, sigma**2)


def buffer(source: str = "imu", **prior: float) -> PriorBuffer:
    return PriorBuffer(PriorConfig(**prior), HeadingConfig(source=source), DATUM, MotionBuffer())  # type: ignore[arg-type]


def prior_at(inputs: PriorBuffer, seconds: float) -> PosePrior:
    prior = inputs.at(round(seconds * SECOND))
    assert isinstance(prior, PosePrior), prior
    return prior


def reason_at(inputs: PriorBuffer, seconds: float) -> str:
    rejection = inputs.at(round(seconds * SECOND))
    assert isinstance(rejection, Rejection)
    return rejection.reason


def test_between_two_fixes_and_headings_it_is_interpolated() -> None:
    inputs = buffer()
    inputs.add_fix(fix(10.0, 0.0, 0.0, sigma=2.0))
    inputs.add_fix(fix(10.4, 8.0, 4.0, sigma=4.0))
    inputs.add_heading(heading(10.0, 3.1, sigma=0.1))
    inputs.add_heading(heading(10.2, -3.1, sigma=0.2))
    prior = prior_at(inputs, 10.1)
    assert (prior.east, prior.north) == pytest.approx((2.0, 1.0), abs=1e-3)
    assert abs(wrap_angle(prior.yaw - math.pi)) < 1e-9  # the short way round, not through 0
    assert np.diag(prior.covariance) == pytest.approx([0.75 * 4 + 0.25 * 16] * 2 + [0.04])


def test_without_odometry_the_position_stays_and_becomes_uncertain() -> None:
    inputs = buffer(speed_sigma=5.0)
    inputs.add_fix(fix(10.0, 0.0, 0.0, sigma=2.0))
    inputs.add_heading(heading(10.4, 0.0))
    prior = prior_at(inputs, 10.4)
    assert (prior.east, prior.north) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert prior.covariance[0, 0] == pytest.approx(2.0**2 + (5.0 * 0.4) ** 2)


def test_odometry_carries_the_last_fix_on_along_the_heading() -> None:
    motions = MotionBuffer()
    inputs = PriorBuffer(PriorConfig(), HeadingConfig(), DATUM, motions)
    inputs.add_fix(fix(10.0, 1.0, 2.0, sigma=2.0))
    inputs.add_heading(heading(10.5, math.pi / 2))
    for tick in range(6):
        motions.add_velocity(BodyVelocity(round((10.0 + tick / 10) * SECOND), forward=10.0, left=2.0))
    prior = prior_at(inputs, 10.5)
    # heading north: 5 m forward is north, 1 m to the left is west
    assert (prior.east, prior.north) == pytest.approx((0.0, 7.0), abs=1e-3)
    assert prior.covariance[0, 0] == pytest.approx(4.0 + 0.01 * (5.0**2 + 1.0**2))


def test_an_uncertain_heading_makes_the_base_of_an_antenna_uncertain_across_the_lever() -> None:
    inputs = buffer()
    here = fix(10.0, 5.0, 5.0, sigma=1.0)
    inputs.add_fix(replace(here, antenna=(3.0, 0.0)))
    inputs.add_heading(heading(10.0, 0.0, sigma=0.2))
    prior = prior_at(inputs, 10.0)
    assert (prior.east, prior.north) == pytest.approx((2.0, 5.0), abs=1e-6)
    # facing east, an error of the heading moves base_link north by -3 m per radian
    assert prior.covariance[0] == pytest.approx([1.0, 0.0, 0.0])
    assert prior.covariance[1, 1:] == pytest.approx([1.0 + (3.0 * 0.2) ** 2, -3.0 * 0.2**2])


def test_heading_offset_is_added_and_an_old_heading_is_less_certain() -> None:
    inputs = PriorBuffer(PriorConfig(), HeadingConfig(offset=0.25), DATUM, MotionBuffer())
    inputs.add_fix(fix(10.0, 0.0, 0.0))
    inputs.add_heading(heading(9.5, 0.5, sigma=0.1))
    prior = prior_at(inputs, 10.0)
    assert prior.yaw == pytest.approx(0.75)
    assert prior.covariance[2, 2] == pytest.approx(0.1**2 + (0.2 * 0.5) ** 2)


def test_a_late_heading_is_carried_on_by_the_turn_since() -> None:
    motions = MotionBuffer()
    inputs = PriorBuffer(PriorConfig(), HeadingConfig(), DATUM, motions)
    inputs.add_fix(fix(10.0, 0.0, 0.0))
    inputs.add_heading(heading(9.2, 3.0, sigma=0.1))
    for tick in range(21):
        motions.add_rate(YawRate(round((9.0 + tick / 20) * SECOND), 0.5))
    prior = prior_at(inputs, 10.0)
    assert prior.yaw == pytest.approx(wrap_angle(3.4), abs=1e-6)
    assert prior.covariance[2, 2] == pytest.approx(0.1**2 + (0.1 * 0.4) ** 2)


def test_fixes_are_taken_once_in_order_of_time_however_late_they_come() -> None:
    inputs = buffer()
    for seconds in (10.4, 10.0, 10.6):
        inputs.add_fix(fix(seconds, 0.0, 0.0))
    assert [each.stamp_ns for each in inputs.take_fixes(round(10.5 * SECOND))] == [10 * SECOND, round(10.4 * SECOND)]
    inputs.add_fix(fix(10.2, 0.0, 0.0))
    taken = [each.stamp_ns for each in inputs.take_fixes(11 * SECOND)]
    assert taken == [round(10.2 * SECOND), round(10.6 * SECOND)]
    assert inputs.take_fixes(11 * SECOND) == ()


def test_fixes_by_a_clock_that_is_late_are_sought_later() -> None:
    inputs = buffer()
    inputs.add_heading(heading(10.0, 0.0))
    for tick in range(6):
        inputs.add_fix(fix(10.0 + tick / 10, 10.0 * tick / 10, 0.0))
    inputs.fix_delay_ns = round(0.3 * SECOND)
    assert prior_at(inputs, 10.0).east == pytest.approx(3.0, abs=1e-3)


def test_course_is_the_direction_between_fixes_far_enough_apart() -> None:
    inputs = buffer("course")
    for second in range(4):
        inputs.add_fix(fix(10.0 + second, 5.0 * second, 5.0 * second, sigma=0.5))
    prior = prior_at(inputs, 13.0)
    assert prior.yaw == pytest.approx(math.radians(45.0), abs=1e-6)
    baseline = math.hypot(5.0, 5.0)
    assert math.sqrt(prior.covariance[2, 2]) == pytest.approx(math.sqrt(2) * 0.5 / baseline, rel=1e-3)


def test_course_of_a_standing_or_badly_known_vehicle_is_refused() -> None:
    standing, vague = buffer("course"), buffer("course")
    for second in range(4):
        standing.add_fix(fix(10.0 + second, 0.4 * second, 0.0, sigma=0.5))
        vague.add_fix(fix(10.0 + second, 3.0 * second, 0.0, sigma=30.0))
    assert "no course between fixes" in reason_at(standing, 13.0)
    assert "no course between fixes" in reason_at(vague, 13.0)


def test_reasons_name_what_is_missing() -> None:
    inputs = buffer(max_age=0.5)
    assert reason_at(inputs, 10.0) == "no GNSS fix received yet"
    inputs.refuse("fix", "the receiver reports NO_FIX")
    assert reason_at(inputs, 10.0) == "no GNSS fix at the image stamp: the receiver reports NO_FIX"
    inputs.add_fix(fix(10.0, 0.0, 0.0))
    reason = reason_at(inputs, 10.0)
    assert reason.startswith("no heading from imu received yet: remap it, or set heading.source to course")
    assert "the nearest is 2.00 s away" in reason_at(inputs, 12.0)


def test_the_first_fix_becomes_the_datum_where_none_is_given() -> None:
    inputs = PriorBuffer(PriorConfig(), HeadingConfig(), None, MotionBuffer())
    assert not inputs.has_frame
    inputs.add_fix(fix(10.0, 30.0, 40.0))
    inputs.add_fix(fix(10.1, 31.0, 40.0))
    inputs.add_heading(heading(10.1, 0.0))
    prior = prior_at(inputs, 10.1)
    assert (prior.east, prior.north) == pytest.approx((1.0, 0.0), abs=1e-3)


def test_a_looping_bag_starts_anew() -> None:
    inputs = buffer()
    for seconds in (100.0, 100.1, 10.0):
        inputs.add_fix(fix(seconds, seconds, 0.0))
        inputs.add_heading(heading(seconds, 0.0))
    assert prior_at(inputs, 10.0).east == pytest.approx(10.0, abs=1e-3)
    assert "the nearest is 90.00 s away" in reason_at(inputs, 100.0)


@given(st.lists(st.integers(0, 900_000_000), min_size=1, max_size=20), st.integers(0, 900_000_000))
def test_around_gives_the_neighbours_of_a_stamp_whatever_the_order_of_arrival(stamps: list[int], stamp: int) -> None:
    history: History[Heading] = History()
    for each in stamps:
        history.add(Heading(each, 0.0, 1.0))
    near = [each.stamp_ns for each in history.around(stamp, 1.0)]
    before = [each for each in stamps if each <= stamp]
    after = [each for each in stamps if each > stamp]
    assert near == ([max(before)] if before else []) + ([min(after)] if after else [])


def test_history_forgets_after_five_seconds() -> None:
    history: History[Heading] = History()
    for stamp in (0, KEPT_NS // 2, KEPT_NS + 1):
        history.add(Heading(stamp, 0.0, 1.0))
    assert [each.stamp_ns for each in history] == [KEPT_NS // 2, KEPT_NS + 1]


@pytest.mark.parametrize("delay_s", [0.3, -0.3])
def test_a_course_is_sought_by_the_clock_of_the_fixes(delay_s: float) -> None:
    inputs = buffer("course", max_age=0.1)
    inputs.fix_delay_ns = round(delay_s * SECOND)
    inputs.add_fix(fix(10.0 + delay_s, 0.0, 0.0))  # alone, and after the image by its own clock
    assert "no course between fixes" in reason_at(inputs, 10.0)
