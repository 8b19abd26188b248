"""How late fixes are stamped, told from where they lie along a drive with turns and stops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.tracking.sensors.fix_delay import ClockOffset, FixDelay

STEP_S = 0.2
SIGMA = 1.5


def offset_after(
    late_s: float, seconds: float, rng: np.random.Generator, straight: bool = False, ahead_m: float = 0.0
) -> ClockOffset:
    """From fixes whose error drifts with 1.2 m (Gauss-Markov, 30 s) and is drawn anew with 0.6 m each."""
    times = np.arange(0.0, seconds, STEP_S)
    speed = np.full(len(times), 8.0) if straight else np.clip(8.0 + 9.0 * np.sin(times / 4.0), 0.0, None)
    yaw = np.zeros(len(times)) if straight else np.cumsum(0.3 * np.sin(times / 5.0)) * STEP_S
    velocity = speed[:, None] * np.column_stack([np.cos(yaw), np.sin(yaw)])
    way = np.cumsum(velocity, axis=0) * STEP_S
    kept, drift = math.exp(-STEP_S / 30.0), rng.normal(0.0, 1.2, 2)
    delay = FixDelay(30.0)
    for index in range(10, len(times)):
        drift = kept * drift + math.sqrt(1 - kept**2) * rng.normal(0.0, 1.2, 2)
        at = [np.interp(times[index] - late_s, times, way[:, axis]) for axis in (0, 1)]
        antenna = ahead_m * np.array([math.cos(yaw[index]), math.sin(yaw[index])])
        residual = at - way[index] + antenna + drift + rng.normal(0.0, 0.6, 2)
        covariance = SIGMA**2 * np.eye(2)
        delay.add(round(times[index] * 1e9), residual, velocity[index], float(yaw[index]), covariance, 0.01 * np.eye(2))
    return delay.offset


@pytest.mark.parametrize("late_s", [-0.35, 0.0, 0.25])
@pytest.mark.parametrize("ahead_m", [0.0, 1.2])
def test_a_delay_is_found_and_its_error_is_honest(late_s: float, ahead_m: float) -> None:
    offsets = [offset_after(late_s, 90.0, np.random.default_rng(seed), ahead_m=ahead_m) for seed in range(8)]
    assert max(each.std for each in offsets) < 0.08
    off = np.array([(each.seconds - late_s) / each.std for each in offsets])
    assert np.abs(off).max() < 3.0
    assert all((each.compensated_s != 0.0) == (late_s != 0.0) for each in offsets)
    assert not any(each.is_implausible for each in offsets)


def test_driving_straight_at_one_speed_tells_nothing() -> None:
    # 2 m behind along 8 m/s: a quarter of a second, or the fixes' own error
    offset = offset_after(0.25, 90.0, np.random.default_rng(0), straight=True)
    assert offset.std > 0.12
    assert offset.compensated_s == 0.0


def test_more_than_half_a_second_is_not_made_up_for() -> None:
    offset = offset_after(1.1, 90.0, np.random.default_rng(0))
    assert offset.is_implausible
    assert offset.compensated_s == 0.0


@pytest.mark.parametrize("away_m", [10.0, 34.0])
def test_a_vehicle_that_is_elsewhere_and_goes_the_other_way_has_no_late_fixes(away_m: float) -> None:
    delay = FixDelay(30.0)
    for tick in range(100):
        residual = np.array([0.0, -away_m - 12.0 * tick * STEP_S])
        belief = np.array([0.0, 6.0]), math.pi / 2, 64.0 * np.eye(2), 0.25 * np.eye(2)
        delay.add(round(tick * STEP_S * 1e9), residual, *belief)
        assert not delay.offset.is_implausible


def test_a_jump_of_the_fixes_is_not_a_delay() -> None:
    delay = FixDelay(30.0)
    for tick in range(200):
        jump = np.array([80.0, 0.0]) if tick > 100 else np.zeros(2)
        velocity = 8.0 * np.array([math.cos(tick / 10), math.sin(tick / 10)])
        delay.add(tick * 2 * 10**8, jump, velocity, tick / 10, np.eye(2), 0.01 * np.eye(2))
    assert delay.offset.seconds == pytest.approx(0.0, abs=0.05)


STARTS_S, PUSH, SPEED, RADIUS = 3.0, 2.0, 8.0, 250.0


def on_a_circle(seconds: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Place (2,), velocity (2,) and yaw of a vehicle that starts by `PUSH` (m/s^2) and then goes at one speed."""
    gone = max(seconds - STARTS_S, 0.0)
    speed = min(PUSH * gone, SPEED)
    angle = (speed * gone - speed**2 / (2 * PUSH)) / RADIUS
    outwards, ahead = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    return RADIUS * outwards, speed * ahead, angle + math.pi / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fault", ["repeats a place", "another clock"])
def test_a_delay_that_was_wrong_for_a_while_is_not_believed_for_ever(fault: str, seed: int) -> None:
    """At one speed, where an error of the fixes may stand for a delay, and the other way round."""
    delay, rng, drift, kept = FixDelay(30.0), np.random.default_rng(seed), np.zeros(2), math.exp(-STEP_S / 30.0)
    for tick in range(round(45.0 / STEP_S)):
        now = tick * STEP_S
        drift = kept * drift + math.sqrt(1 - kept**2) * rng.normal(0.0, 1.2, 2)
        told = {"repeats a place": 0.0, "another clock": now - 1.3}[fault] if now < 25.0 else now
        (place, velocity, yaw), covariance = on_a_circle(now), SIGMA**2 * np.eye(2)
        residual = on_a_circle(told)[0] - place + drift + rng.normal(0.0, 0.6, 2)
        delay.add(round(now * 1e9), residual, velocity, yaw, covariance, 0.01 * np.eye(2))
        assert delay.offset.is_implausible or not 15.0 < now < 25.0
    assert not delay.offset.is_implausible
    assert abs(delay.offset.seconds) < 3.0 * delay.offset.std
