"""Where a frame is looked for, and when frames are support enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.evidence.support import CERTAIN, DENIAL, DOUBTFUL, LOST, PROOF, Support
from geoflow_ros.tracking.measurements import imu_heading, to_fix
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.prior import HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.search import HEADINGS, MAX_STD, MAX_YAW_STD, Origin, Proposal, Search, bounded

BELIEF = PosePrior(1.0, 2.0, 0.3, np.eye(3) * 0.01)
NOW = sim.stamp(0.0)


def sensors(heading: bool) -> PriorBuffer:
    buffer = PriorBuffer(PriorConfig(), HeadingConfig(), sim.DATUM, MotionBuffer())
    buffer.add_fix(to_fix(sim.fix(0.0, 10.0, 20.0), 0.0))
    if heading:
        buffer.add_heading(imu_heading(sim.imu(0.0, 1.0), 0.0))
    return buffer


def proposals(search: Search, belief: PosePrior | None, buffer: PriorBuffer, count: int) -> list[Proposal]:
    found = [search.next(NOW, belief, buffer) for _ in range(count)]
    assert all(isinstance(each, Proposal) for each in found)
    return found  # type: ignore[return-value]


def test_a_belief_is_followed_until_three_frames_in_a_row_miss() -> None:
    search, buffer = Search(), sensors(heading=True)
    for _ in range(2):
        search.missed()
    assert proposals(search, BELIEF, buffer, 1)[0].origin is Origin.BELIEF
    search.missed()
    origins = [each.origin for each in proposals(search, BELIEF, buffer, 6)]
    assert origins == 2 * [Origin.SENSORS, Origin.GUESS, Origin.BELIEF]
    search.confirmed()
    assert proposals(search, BELIEF, buffer, 1)[0].origin is Origin.BELIEF


def test_without_a_heading_every_direction_is_looked_at() -> None:
    found = proposals(Search(), None, sensors(heading=False), HEADINGS)
    assert {each.origin for each in found} == {Origin.GUESS}
    yaws = np.sort([each.prior.yaw for each in found])
    assert np.diff(yaws) == pytest.approx(np.full(HEADINGS - 1, math.radians(20.0)))
    assert all(each.prior.east == pytest.approx(10.0, abs=1e-3) for each in found)
    steps = [abs(wrap_angle(b.prior.yaw - a.prior.yaw)) for a, b in zip(found, found[1:], strict=False)]
    assert min(steps) > math.radians(90.0)


def test_where_nothing_is_known_the_reason_is_told() -> None:
    empty = PriorBuffer(PriorConfig(), HeadingConfig(), sim.DATUM, MotionBuffer())
    assert Search().next(NOW, None, empty) == Rejection("no GNSS fix received yet")
    search = Search()
    search.found()
    search.missed()
    assert {each.origin for each in proposals(search, BELIEF, empty, 6)} == {Origin.BELIEF}


def test_bounds_keep_the_axes_of_the_covariance() -> None:
    turn = np.array([[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]])
    covariance = np.zeros((3, 3))
    covariance[:2, :2], covariance[2, 2] = turn @ np.diag([10000.0, 0.01]) @ turn.T, 4.0
    held = bounded(PosePrior(0.0, 0.0, 0.0, covariance), 3.0, 0.07).covariance
    assert held[:2, :2] == pytest.approx(turn @ np.diag([MAX_STD**2, 9.0]) @ turn.T)
    assert held[2, 2] == pytest.approx(MAX_YAW_STD**2)
    assert bounded(BELIEF, 3.0, 0.2).covariance == pytest.approx(np.diag([9.0, 9.0, MAX_YAW_STD**2]))


def support(confirms: list[bool], step_s: float) -> Support:
    counted = Support()
    for tick, each in enumerate(confirms):
        counted.add(round(tick * step_s * 1e9), PROOF if each else DENIAL, 2.0)
    return counted


@pytest.mark.parametrize("step_s", [0.03, 0.1, 1.0])
def test_support_grows_and_falls_in_the_same_time_at_every_frame_rate(step_s: float) -> None:
    long = round(6.0 / step_s)
    assert support([True] * long, step_s).is_firm
    assert support([True] * long, step_s).level == CERTAIN
    misses = round(2.0 / step_s)
    assert support([True] * long + [False] * misses, step_s).level == pytest.approx(LOST, rel=0.2)


def test_one_frame_is_never_enough_however_long_the_pause() -> None:
    counted = support([False, False], 100.0)
    counted.add(10**13, PROOF, 2.0)
    counted.add(2 * 10**13, PROOF, 2.0)
    counted.add(3 * 10**13, DENIAL, 2.0)
    counted.add(4 * 10**13, 100.0, 2.0)
    assert not counted.is_firm


def test_one_frame_in_ten_is_no_support() -> None:
    assert support(([True] + [False] * 9) * 20, 0.1).level < DOUBTFUL
    assert not support(([False] * 9 + [True]) * 20, 0.1).is_firm


def test_weak_frames_that_mostly_agree_add_up() -> None:
    counted = Support()
    for tick in range(100):
        counted.add(tick * 10**8, -1.0 if tick % 3 == 0 else 1.0, 2.0)
    assert counted.level > CERTAIN / 2 and not counted.is_firm  # but they do not begin a track


def test_a_frame_that_says_nothing_counts_by_the_time_since_the_last() -> None:
    counted = support([True] * 60, 0.1)
    for tick in range(60, 81):
        counted.miss(round(tick * 1e8), 2.0)
    assert counted.level == pytest.approx(LOST, rel=0.2)
