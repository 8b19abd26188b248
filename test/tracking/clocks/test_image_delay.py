"""Images stamped late: found on simulated drives through a town, and never of a camera that stamps the exposure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.clocks.image_delay import FrameReading, ImageDelay
from geoflow_ros.tracking.clocks.stamp_delays import SURE, SYSTEMATIC_S, StampDelay
from geoflow_ros.tracking.motion import Motion

Floats = NDArray[np.float64]
TICK_S = 0.02
EVERY, AROUND = 10, 10  # ticks between frames, and to either side of one, over which odometry tells its speed
STATED = np.diag([0.4**2, 0.4**2, math.radians(1.2) ** 2])


@dataclass(frozen=True)
class Errors:
    """Standard deviations of what a drive suffers from; none of them is a delay.

    scale, turn_scale: shares of odometry's way and turns. gyro: rad/s of drift. noise: of odometry, in its own. aside:
    m of imagery and of the camera on the vehicle. yaw_deg: of the mount. place_m, heading_deg: of near frames
    alike, and as much of each by itself. wrong: share of frames that fit elsewhere.
    """

    scale: float = 0.05
    turn_scale: float = 0.01
    gyro: float = 0.005
    noise: float = 1.0
    aside: float = 0.5
    yaw_deg: float = 2.0
    place_m: float = 0.3
    heading_deg: float = 0.7
    wrong: float = 0.03


def town(rng: np.random.Generator, seconds: float) -> tuple[Floats, Floats]:
    """Speed (m/s) and rate of turn (rad/s) in every tick: straights that end in a bend, or in a stop."""
    speeds, rates, speed = [], [], 0.0
    ticks = round(seconds / TICK_S) + 2 * AROUND
    while len(speeds) < ticks:
        left_m, top = rng.uniform(60.0, 200.0), rng.uniform(7.0, 12.0)
        stops = rng.random() < 0.3
        while left_m > 0.0 and (speed > 0.0 or not stops or left_m > 1.0):
            brakes = speed**2 - 2 * 1.8 * left_m > (0.0 if stops else 4.0) ** 2
            speed = max(speed - 1.8 * TICK_S, 0.0) if brakes else min(speed + 1.5 * TICK_S, top)
            speeds.append(speed)
            rates.append(0.0)
            left_m -= speed * TICK_S
        if stops:
            rest = round(rng.uniform(1.0, 6.0) / TICK_S)
            speed = 0.0
            speeds += [0.0] * rest
            rates += [0.0] * rest
            continue
        bend = math.pi / 2 * rng.uniform(8.0, 14.0) / max(speed, 2.0)
        shape = np.sin(np.linspace(0.0, math.pi, round(bend / TICK_S)))
        speeds += [max(speed, 2.0)] * len(shape)
        rates += (rng.choice([-1.0, 1.0]) * math.pi / 2 * shape / shape.sum() / TICK_S).tolist()
    return np.array(speeds[:ticks]), np.array(rates[:ticks])


def straight(rng: np.random.Generator, seconds: float) -> tuple[Floats, Floats]:
    """A country road, at nearly one speed."""
    times = np.arange(0.0, seconds + 2 * AROUND * TICK_S, TICK_S)
    return 8.0 + 0.3 * np.sin(times / 7.0), 0.01 * np.sin(times / 5.0)


def path_of(ways: Floats, turns: Floats) -> Floats:
    """(T, 3) poses before each tick."""
    yaws = np.concatenate([[0.0], np.cumsum(turns)])[:-1]
    steps = ways[:, None] * np.column_stack([np.cos(yaws + turns / 2), np.sin(yaws + turns / 2)])
    return np.column_stack([np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])[:-1], yaws])


def alike(rng: np.random.Generator, way: Floats, std: float) -> Floats:
    """Errors (N,) of frames along a way, correlated over six metres."""
    kept, error = np.exp(-np.diff(way) / 6.0), rng.normal(0.0, std, len(way))
    for index, share in enumerate(kept, start=1):
        error[index] = share * error[index - 1] + math.sqrt(1.0 - share**2) * error[index]
    return error


def estimates(
    seed: int, late_s: float, errors: Errors = Errors(), seconds: float = 60.0, kind=town, until_s: float = math.inf
) -> Iterator[tuple[float, StampDelay]]:
    """Time (s) and what is known of the delay, frame by frame. until_s: from then on stamps are right."""
    rng = np.random.default_rng(seed)
    speeds, rates = kind(rng, seconds)
    truth, times = path_of(speeds * TICK_S, rates * TICK_S), np.arange(len(speeds)) * TICK_S
    jitters = errors.noise * rng.normal(0.0, 1.0, (2, len(speeds)))
    ways = speeds * TICK_S * (1.0 + rng.normal(0.0, errors.scale)) + 0.02 * np.sqrt(speeds * TICK_S) * jitters[0]
    turns = rates * TICK_S * (1.0 + rng.normal(0.0, errors.turn_scale)) + rng.normal(0.0, errors.gyro) * TICK_S
    turns += (0.002 * np.sqrt(speeds * TICK_S) + 0.007 * np.sqrt(abs(rates) * TICK_S)) * jitters[1]
    led = path_of(ways, turns)
    frames = np.arange(5 * AROUND, len(speeds) - AROUND, EVERY)
    taken = times[frames] - np.where(times[frames] < until_s, late_s, 0.0)
    seen = np.column_stack([np.interp(taken, times, column) for column in truth.T])
    way = np.cumsum(speeds * TICK_S + 10.0 * abs(rates) * TICK_S)[frames]
    beside, cos, sin = rng.normal(0.0, errors.aside, 4), np.cos(seen[:, 2]), np.sin(seen[:, 2])
    seen[:, 0] += beside[0] + cos * beside[2] - sin * beside[3]
    seen[:, 1] += beside[1] + sin * beside[2] + cos * beside[3]
    seen[:, 2] += math.radians(errors.yaw_deg) * rng.normal()
    for axis, std in enumerate((errors.place_m, errors.place_m, math.radians(errors.heading_deg))):
        seen[:, axis] += alike(rng, way, std) + rng.normal(0.0, std, len(frames))
    wrong = rng.random(len(frames)) < errors.wrong
    seen[wrong] += rng.normal(0.0, 1.0, (wrong.sum(), 3)) * (3.0, 3.0, 0.1)
    delay, last = ImageDelay(), None
    for frame, mean in zip(frames.tolist(), seen, strict=True):
        here = PlanarPose(*led[frame])
        step = PlanarPose() if last is None else PlanarPose(*led[last]).inverse() @ here
        distance, turned = ways[last:frame].sum(), abs(turns[last:frame]).sum()
        if last is not None and distance < 0.7 and turned < 0.07 and frame - last < 100:
            continue
        ends = [here.inverse() @ PlanarPose(*led[frame + side]) for side in (-AROUND, AROUND)]
        speed = (ends[1].array() - ends[0].array()) / (2 * AROUND * TICK_S)
        seconds_since = 0.0 if last is None else (frame - last) * TICK_S
        motion = Motion() if last is None else Motion(step, float(distance), float(turned))
        delay.add(FrameReading(mean, STATED), seconds_since, motion, speed)
        last = frame
        yield frame * TICK_S, StampDelay(delay.moments[0], math.hypot(delay.moments[1], SYSTEMATIC_S))


def said_at(seed: int, late_s: float, errors: Errors = Errors(), seconds: float = 60.0, kind=town) -> float:
    """When it is said first (s); inf: never."""
    drive = estimates(seed, late_s, errors, seconds, kind)
    return next((at for at, known in drive if known.differs(SURE)), math.inf)


@pytest.mark.parametrize("late_s", [0.15, -0.15])
def test_a_driver_that_stamps_late_is_found_within_a_minute(late_s: float) -> None:
    for seed in range(6):
        *_, (_, last) = estimates(seed, late_s)
        assert last.seconds == pytest.approx(late_s, abs=3.5 * last.std) and last.std < 0.03
        assert said_at(seed, late_s) <= 60.0


def test_a_twentieth_of_a_second_is_found_in_some_minutes() -> None:
    assert [said_at(seed, 0.05, seconds=300.0) < math.inf for seed in range(3)].count(True) >= 2


def test_a_driver_that_is_mended_underway_is_followed() -> None:
    for seed in range(2):
        *known, (_, last) = estimates(seed, 0.3, seconds=240.0, until_s=60.0)
        assert any(each.differs(SURE) for _, each in known) and abs(last.seconds) < 0.1


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        (Errors(), town),
        (Errors(), straight),
        (Errors(gyro=0.01, turn_scale=0.03, noise=2.0), town),
        (Errors(gyro=0.01, turn_scale=0.03, noise=2.0), straight),
        (Errors(place_m=0.5, heading_deg=1.2), town),
        (Errors(scale=0.15, aside=1.0, yaw_deg=4.0, wrong=0.1), town),
    ],
)
def test_a_camera_that_stamps_the_exposure_is_not_accused(errors: Errors, kind) -> None:
    for seed in range(100, 106):
        assert said_at(seed, 0.0, errors, kind=kind) == math.inf


def test_noise_of_odometry_is_no_delay_on_average() -> None:
    """Speeds from one side of a frame share their noise with the way before or after it: 0.07 s, on a plain road."""
    last = [[*estimates(seed, 0.0, Errors(noise=2.0), kind=straight)][-1][1].seconds for seed in range(8)]
    assert abs(np.mean(last)) < 0.02


def test_the_sentence_says_what_to_set() -> None:
    assert "0.15 +- 0.02 s late" in StampDelay(0.15, 0.02).sentence("camera")
    assert "set camera.delay to 0.15" in StampDelay(0.15, 0.02).sentence("camera")
    further = StampDelay(-0.05, 0.01, 0.2).sentence("camera.left")
    assert "beyond the 0.2 s of camera.left.delay" in further and further.endswith("set camera.left.delay to 0.15")
