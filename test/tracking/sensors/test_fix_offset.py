"""Fixes that lie to one side for minutes, by what is added to a check fix by fix; the vehicle drives in circles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.town.noise import gauss_markov
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.prior import Fix, HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.sensors.fix_offset import SIGNIFICANT, SYSTEMATIC_M, FixOffset, FixOffsetCheck
from geoflow_ros.tracking.track import BeliefConfig, Track, TrackerConfig, TrackState
from geoflow_ros.tracking.tracker import Tracker

TAU_S = 30.0
CIRCLE = sim.Drive()


class Feed:
    """Adds fixes to a check, second by second."""

    def __init__(self, sigma: float, hz: float = 1.0) -> None:
        self.check = FixOffsetCheck(TAU_S)
        self.sigma, self.hz, self.fixes = sigma, hz, 0

    def add(
        self,
        errors: np.ndarray,
        velocity: tuple[float, float] | None = None,
        delay_s: float = 0.0,
        unsure_m: float = 0.0,
        antenna: tuple[float, float] = (0.0, 0.0),
    ) -> FixOffset:
        """errors: (N, 2) of N further fixes. velocity: of a straight drive."""
        for error in errors:
            seconds = self.fixes / self.hz
            here = CIRCLE.pose(seconds) if velocity is None else (*(seconds * np.array(velocity)), 0.0)
            fix = Fix(sim.stamp(seconds), 0.0, 0.0, 0.0, self.sigma**2 * np.eye(2), 1.0, antenna)
            self.check.add(fix, error, (np.array(here), np.diag([0.01, 0.01, 1e-4])), delay_s, unsure_m)
            self.fixes += 1
        return self.check.found


def steady(east: float, north: float, count: int) -> np.ndarray:
    return np.tile([east, north], (count, 1))


def drifting(seed: int, count: int, tau: float) -> np.ndarray:
    """The errors of a plain receiver, at 1 Hz: 6.2 m that drift and 1.5 m that do not, on each axis."""
    rng, times = np.random.default_rng(seed), np.arange(count, dtype=float)
    return np.column_stack([gauss_markov(rng, times, 6.2, tau) for _ in range(2)]) + rng.normal(0.0, 1.5, (count, 2))


def test_how_well_the_mean_of_correlated_fixes_is_known() -> None:
    # 1 + T / (2 tau), tau = 60 s: in 240 s three independent ones; the oldest have lost a tenth of their weight
    found = Feed(4.0).add(steady(3.0, 0.0, 241))
    assert found.mean == pytest.approx((3.0, 0.0), abs=1e-3)
    assert found.std**2 == pytest.approx(16.01 / 3.0 + SYSTEMATIC_M**2, rel=0.08)
    assert not found.is_significant and found.sentence == "" and not found.doubt.any()


def test_an_offset_to_the_north_east_is_said_and_is_in_the_covariance() -> None:
    found = Feed(3.0).add(steady(7.0, 7.0, 300))
    assert found.sentence.startswith("GNSS fixes of the last 299 s lie 9.9 +- 1.9 m to the north-east of where frames")
    first = replace(found, seconds=0.0)
    assert first.sentence.startswith("the newest GNSS fixes lie 9.9 +- 1.9 m to the north-east of where frames")
    assert found.doubt == pytest.approx(np.full((2, 2), 49.0) + 1.9**2 * np.eye(2), abs=0.2)
    expected = {"east_m": 7.0, "north_m": 7.0, "std_m": 1.9, "seconds": 299.0, "is_significant": True}
    assert found.to_json() == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("tau", [TAU_S, 2 * TAU_S])
def test_a_receiver_whose_error_drifts_is_not_called_off(tau: float) -> None:
    for seed in range(4):
        feed = Feed(6.4)
        assert not any(feed.add(error[None]).is_significant for error in drifting(seed, 900, tau))


def test_an_offset_among_drifting_errors_takes_minutes_and_is_found_within_its_error() -> None:
    feed = Feed(6.4)
    assert not feed.add(drifting(1, 240, TAU_S) + [0.0, -15.0]).is_significant
    found = feed.add(drifting(2, 960, TAU_S) + [0.0, -15.0])
    assert found.is_significant and " to the south of " in found.sentence
    assert np.linalg.norm(found.mean - [0.0, -15.0]) < 3.0 * found.std


def test_what_the_imagery_is_stated_to_be_off_by_is_expected() -> None:
    assert Feed(3.0).add(steady(0.0, 10.0, 600)).is_significant
    assert not Feed(3.0).add(steady(0.0, 10.0, 600), unsure_m=5.0).is_significant


@pytest.mark.parametrize("hz", [0.2, 5.0])
def test_how_often_fixes_come_matters_little(hz: float) -> None:
    every, seldom = (Feed(4.0, each).add(steady(6.0, 0.0, round(300 * each) + 1)) for each in (1.0, hz))
    assert seldom.std == pytest.approx(every.std, rel=0.02)
    assert seldom.seconds == pytest.approx(300.0)


def test_half_a_metre_of_a_wrong_lever_is_no_offset_even_of_fixes_to_the_centimetre() -> None:
    assert not Feed(0.02).add(steady(0.5, 0.5, 1200)).is_significant


def test_another_belief_or_antenna_begins_anew() -> None:
    feed = Feed(3.0)
    assert feed.add(steady(-9.0, 0.0, 300)).is_significant
    assert feed.add(steady(-9.0, 0.0, 1), antenna=(0.4, 0.0)).is_significant  # a mast that sways
    assert not feed.add(steady(-9.0, 0.0, 1), antenna=(2.0, 0.0)).is_significant
    assert feed.add(steady(-9.0, 0.0, 300), antenna=(2.0, 0.0)).is_significant
    feed.check.restart()
    assert feed.check.found.seconds == 0.0 and feed.check.found.std == pytest.approx(1000.0)


def test_a_glitch_is_not_an_offset() -> None:
    feed = Feed(3.0)
    feed.add(steady(0.0, 0.0, 120))
    assert not feed.add(steady(0.0, 800.0, 8)).is_significant


def test_imagery_that_a_track_begins_on_far_from_every_fix_is_not_believed_beside_them() -> None:
    """A map 30 m off and fixes of 8 m: 26 m away each alone passes the gate of the tracker."""
    feed = Feed(8.0)
    found = feed.add(steady(26.0, 0.0, 1))
    assert found.is_significant and found.doubt[0, 0] > 26.0**2
    assert feed.add(steady(20.0, 0.0, 90)).is_significant  # as errors drift
    assert not feed.add(steady(0.0, 0.0, 600)).is_significant


def test_a_track_that_begins_far_from_fixes_along_its_way_is_not_excused_by_a_delay_that_nobody_knows() -> None:
    feed = Feed(6.4, hz=5.0)
    assert feed.add(steady(-27.0, 0.0, 50), velocity=(9.0, 0.0), delay_s=1.0).is_significant
    assert not Feed(0.02, hz=5.0).add(steady(-2.0, 0.0, 50), velocity=(9.0, 0.0), delay_s=1.0).is_significant


def test_the_first_fix_does_not_hold_the_mean_where_all_that_follow_lie_further_away() -> None:
    feed = Feed(6.4, hz=5.0)
    assert not feed.add(steady(17.0, 0.0, 1)).is_significant
    found = feed.add(steady(22.0, 0.0, 75))
    assert found.mean[0] > 19.5
    assert found.is_significant


def test_a_delay_that_may_be_is_no_agreement_with_a_track_that_begins_far_from_fixes() -> None:
    """Imagery 30 m off along the way; until the clock is known, half a second of it is excused."""
    feed = Feed(6.4, hz=5.0)
    assert not feed.add(steady(17.0, 0.0, 10), velocity=(9.0, 0.0), delay_s=1.0).is_significant
    assert feed.add(steady(23.0, 0.0, 75), velocity=(9.0, 0.0), delay_s=0.2).is_significant


@pytest.mark.parametrize("first", [1.0, 15.0])
def test_fixes_that_agreed_with_a_track_once_may_drift(first: float) -> None:
    feed = Feed(8.0)
    feed.add(steady(first, 0.0, 1))
    assert not feed.add(steady(26.0, 0.0, 20)).is_significant


def test_a_first_fix_that_is_a_glitch_is_forgotten_with_the_next_that_agrees() -> None:
    feed = Feed(8.0)
    assert feed.add(steady(40.0, 0.0, 1)).is_significant
    assert not feed.add(steady(5.0, 0.0, 1)).is_significant


def test_fixes_that_are_refused_for_long_are_suspected_however_they_began() -> None:
    feed = Feed(8.0)
    assert not feed.add(steady(18.0, 0.0, 1)).is_significant
    assert not feed.add(steady(32.0, 0.0, 20)).is_significant
    feed.check.suspect()
    assert feed.add(steady(32.0, 0.0, 60)).is_significant
    feed = Feed(8.0)
    feed.add(steady(0.0, 0.0, 300))
    feed.check.suspect()
    assert not feed.add(steady(40.0, 0.0, 10)).is_significant  # a fault of fixes that were right for minutes


def test_late_fixes_on_a_straight_road_are_told_from_an_offset_only_across_it() -> None:
    # 0.5 s late at 20 m/s: 10 m behind
    behind, beside = steady(-10.0, 0.0, 900), steady(0.0, -10.0, 900)
    assert not Feed(3.0).add(behind, velocity=(20.0, 0.0), delay_s=0.3).is_significant
    assert Feed(3.0).add(beside, velocity=(20.0, 0.0), delay_s=0.3).is_significant
    assert Feed(3.0).add(behind, delay_s=0.3).is_significant  # in circles it is no delay


def test_it_ends_when_fixes_lie_about_the_pose_again_but_not_at_once() -> None:
    feed = Feed(3.0)
    feed.add(steady(10.0, 0.0, 240))
    assert feed.add(steady(0.0, 0.0, 20)).is_significant
    found = feed.add(steady(0.0, 0.0, 280))
    assert not found.is_significant
    assert found.mean @ np.linalg.solve(found.covariance, found.mean) < SIGNIFICANT / 2


@pytest.mark.parametrize("sigma", [1e-3, 1e6, 1e150])
def test_however_good_or_bad_fixes_are_the_offset_is_a_number(sigma: float) -> None:
    feed = Feed(sigma)
    found = feed.add(np.random.default_rng(0).normal(0.0, min(sigma, 1e5), (50, 2)))
    assert np.isfinite(found.mean).all() and math.isfinite(found.std) and not found.is_significant


def test_fixes_that_do_not_go_on_in_time_are_left_out() -> None:
    feed = Feed(3.0)
    before = feed.add(steady(1.0, 0.0, 10))
    feed.fixes = 5
    assert feed.add(steady(50.0, 0.0, 4)) is before


def localised(seconds: int, sigma: float = 3.0, imagery_sigma: float = 0.0) -> Iterator[tuple[Tracker, Track]]:
    """A vehicle at rest at the origin; every second a frame that fits there, and a fix 10 m to the west."""
    motions = MotionBuffer()
    sensors = PriorBuffer(PriorConfig(), HeadingConfig(), sim.DATUM, motions)
    config = TrackerConfig(BeliefConfig(particles=100), imagery_sigma=imagery_sigma)
    tracker = Tracker(config, 0, sensors, motions)
    tracker.initialise(sim.stamp(0.0), PosePrior(0.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.01])))
    latitude, longitude, _ = sim.FRAME.to_geodetic([-10.0, 0.0])
    for second in range(seconds):
        sensors.add_fix(Fix(sim.stamp(second), float(latitude), float(longitude), 0.0, sigma**2 * np.eye(2), 9.0))
        tracker.advance(sim.stamp(second), 0.1)
        proposal = tracker.propose(sim.stamp(second))
        assert not isinstance(proposal, Rejection)
        tracker.see(sim.stamp(second), sim.estimate(np.zeros(3), 0.3, 0.02), proposal.origin)
        yield tracker, tracker.track(sim.stamp(second))


def test_a_pose_that_fixes_lie_beside_for_minutes_is_not_called_localised() -> None:
    steps = list(localised(540, sigma=4.0))
    early, (tracker, late) = steps[60][1], steps[-1]
    assert early.state is TrackState.LOCALISED and late.state is TrackState.DEGRADED
    assert early.pose is not None and late.pose is not None
    assert "GNSS fixes of the last 5" in late.reason and " m to the west of where frames put" in late.reason
    widened = (late.pose.covariance - early.pose.covariance)[:2, :2]
    assert widened == pytest.approx(np.diag([100.0, 0.0]) + tracker.fixes.offset.covariance, abs=3.0)
    tracker.initialise(sim.stamp(300.0), PosePrior(0.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.01])))
    assert tracker.fixes.offset.seconds == 0.0


@pytest.mark.parametrize(("sigma", "seconds"), [(3.0, 200), (0.05, 60)])
def test_a_pose_beside_fixes_is_localised_where_the_imagery_is_stated_to_be_off(sigma: float, seconds: int) -> None:
    *_, (_, track) = localised(seconds, sigma, imagery_sigma=8.0)
    assert track.state is TrackState.LOCALISED and track.pose is not None
    assert track.pose.east == pytest.approx(0.0, abs=0.3)  # not drawn to fixes that are right elsewhere


def test_a_fix_to_the_centimetre_that_lies_elsewhere_contradicts_the_pose_where_the_imagery_is_not() -> None:
    *_, (_, track) = localised(60, 0.05)
    assert track.state is TrackState.DEGRADED and " m to the west of where frames put" in track.reason
