"""Fixes that must be confirmed, and fixes far from the datum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.prior import Fix
from geoflow_ros.tracking.sensors.fix_check import FixCheck, RepeatCheck, check_distance

FRAME = LocalFrame(Datum(47.0, 8.0))


def fix(seconds: float, east: float, sigma: float = 3.0) -> Fix:
    latitude, longitude, _ = FRAME.to_geodetic([east, 0.0])
    return Fix(round(seconds * 1e9), float(latitude), float(longitude), 0.0, sigma**2 * np.eye(2), 1.0)


def accepted(check: FixCheck, fixes: list[Fix], has_map: bool = True) -> list[bool]:
    def is_taken(each: Fix) -> bool:
        try:
            check.check(each, has_map)
        except InputError:
            return False
        return True

    return [is_taken(each) for each in fixes]


def test_a_map_begins_with_the_third_fix_that_agrees() -> None:
    assert accepted(FixCheck(), [fix(0.0, 0.0), fix(0.2, 5.0), fix(0.4, 8.0), fix(0.6, 9.0)], has_map=False) == [
        False, False, True, True,
    ]  # fmt: skip


def test_a_cold_start_elsewhere_does_not_begin_the_map() -> None:
    fixes = [fix(0.0, 9000.0), fix(0.2, 9001.0), fix(0.4, 0.0), fix(0.6, 1.0), fix(0.8, 2.0)]
    assert accepted(FixCheck(), fixes, has_map=False) == [False, False, False, False, True]


def test_one_leap_is_left_out_and_a_lasting_one_is_followed() -> None:
    check = FixCheck()
    assert accepted(check, [fix(0.0, 0.0), fix(1.0, 4000.0), fix(2.0, 20.0)]) == [True, False, True]
    assert accepted(check, [fix(3.0, 4000.0), fix(4.0, 4010.0), fix(5.0, 4020.0), fix(6.0, 4030.0)]) == [
        False, False, True, True,
    ]  # fmt: skip


def test_uncertain_fixes_and_long_gaps_may_be_far_apart() -> None:
    assert accepted(FixCheck(), [fix(0.0, 0.0, sigma=200.0), fix(0.2, 1500.0, sigma=200.0)]) == [True, True]
    assert accepted(FixCheck(), [fix(0.0, 0.0), fix(60.0, 1500.0)]) == [True, True]


def test_a_clock_that_goes_back_begins_anew() -> None:
    assert accepted(FixCheck(), [fix(100.0, 0.0), fix(1.0, 4000.0)]) == [True, True]


def test_fixes_that_waited_before_a_clock_went_back_confirm_nothing() -> None:
    check, late = (
        FixCheck(),
        [fix(100.0, 0.0), fix(100.2, 1.0), fix(100.4, 2.0), fix(100.6, 9000.0), fix(100.8, 9001.0)],
    )
    assert accepted(check, late, has_map=False) == [False, False, True, False, False]
    early = [fix(1.0, 9002.0), fix(1.2, 9003.0), fix(1.4, 9004.0)]
    assert accepted(check, early, has_map=False) == [False, False, True]


def test_the_leap_is_named() -> None:
    check = FixCheck()
    check.check(fix(0.0, 0.0), True)
    with pytest.raises(InputError, match=r"fix jumps by 39\d\d m in 0\.5 s.*when 3 in a row agree"):
        check.check(fix(0.5, 3960.0), True)


def test_distance_from_the_datum_is_told_with_the_distortion_there() -> None:
    assert check_distance(fix(0.0, 15e3), FRAME) == ""
    said = check_distance(fix(0.0, 100e3), FRAME)
    # meridians converge by the difference in longitude, 1.316 deg, times the sine of the latitude
    assert "100 km from the datum" in said and "0.96 deg off true north" in said and "set datum.latitude" in said
    assert "0.01 % short" in said  # 1 - cos(100 km / 6371 km) = 0.000123
    with pytest.raises(InputError, match=r"fix is 599 km from the datum.*means nothing"):
        check_distance(fix(0.0, 600e3), FRAME)


def refused_at(speed: Callable[[float], float], told: Callable[[float], float], sigma: float = 3.0) -> list[float]:
    """When (s) fixes at 2 Hz are refused as repeated, in 20 s along the east, of which a receiver tells so much."""
    check, motions, refused = RepeatCheck(), MotionBuffer(), []
    for tick in range(200):
        motions.add_velocity(BodyVelocity(tick * 10**8, speed(tick / 10), 0.0))
        if tick % 5 == 0:
            try:
                check.check(fix(tick / 10, told(tick / 10), sigma), motions)
            except InputError as error:
                assert "the receiver has told the same place for" in str(error)
                refused.append(tick / 10)
    return refused


@pytest.mark.parametrize(("sigma", "metres"), [(3.0, 9.0), (0.02, 1.0)])
def test_a_place_that_is_repeated_while_the_vehicle_drives_on_is_refused(sigma: float, metres: float) -> None:
    refused = refused_at(lambda now: 8.0, lambda now: 8.0 * (now if not 5.0 <= now < 15.0 else 5.0), sigma)
    assert refused[0] == pytest.approx(5.0 + metres / 8.0, abs=0.5)
    assert refused == [refused[0] + each / 2 for each in range(len(refused))] and refused[-1] == 14.5


@pytest.mark.parametrize(
    ("speed", "told"),
    [
        (lambda now: 0.0, lambda now: 0.0),  # stands, and the receiver holds its place
        (lambda now: 2.0 if now % 4.0 < 2.0 else -2.0, lambda now: 0.0),  # parks, to and fro
        (lambda now: 8.0, lambda now: 4.0 * round(2.0 * now)),  # told each second time anew
        (lambda now: 0.4, lambda now: 0.0),  # 8 m of 9 that it may be off
    ],
    ids=["stands", "parks", "told twice", "creeps"],
)
def test_a_place_where_the_vehicle_may_still_be_is_told_again(
    speed: Callable[[float], float], told: Callable[[float], float]
) -> None:
    assert refused_at(speed, told) == []


def test_without_odometry_nobody_knows_whether_a_place_is_repeated() -> None:
    check = RepeatCheck()
    for second in range(20):
        check.check(fix(second, 0.0), MotionBuffer())
