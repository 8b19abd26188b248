"""How evidence adds up to support, by hand: with `lost_after` 4 s a second of full denial or proof counts 3."""

from __future__ import annotations

import pytest

from geoflow_ros.tracking.evidence.support import CERTAIN, LOST, MIN_STREAK, SILENT_NS, Support

LOST_AFTER_S = 4.0


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def begun(evidence: float = 5.0, camera: str = "front") -> Support:
    support = Support()
    support.begin(0, evidence, camera)
    return support


def add(support: Support, seconds: float, evidence: float, camera: str = "front", driven_m: float = 0.0) -> float:
    support.add(ns(seconds), evidence, LOST_AFTER_S, camera, driven_m)
    return support.level


@pytest.mark.parametrize(("evidence", "level"), [(-2.0, 0.0), (1.5, 1.5), (9.0, 3.0)])
def test_a_belief_begins_with_what_its_frame_says_within_bounds(evidence: float, level: float) -> None:
    assert begun(evidence).level == level


@pytest.mark.parametrize(
    ("seconds", "evidence", "level"),
    [
        (0.25, 2.0, 2.0),  # a quarter of the 1 s that the evidence of a window takes: 1.5 + 0.25 * 2
        (0.25, 9.0, 2.25),  # no frame proves more than 3
        (0.25, -9.0, 0.75),  # nor denies more
        (1.0, -1.0, 0.5),
        (50.0, 2.0, 3.5),  # one frame after a long while proves no more than one
        (50.0, -9.0, LOST - CERTAIN),  # but denies for as long as nothing was said
        (-1.0, 2.0, 1.5),  # one from before has had its time
    ],
)
def test_evidence_counts_by_the_time_since_the_last_frame(seconds: float, evidence: float, level: float) -> None:
    assert add(begun(1.5), seconds, evidence) == pytest.approx(level)


def test_support_has_a_most_and_full_denial_takes_it_to_lost_in_lost_after() -> None:
    support = begun()
    for tick in range(1, 41):
        add(support, tick / 10, 3.0)
    assert support.level == CERTAIN
    for tick in range(41, 81):
        add(support, tick / 10, -3.0)
    assert support.level == pytest.approx(LOST)


def test_it_is_firm_when_proof_beyond_caution_has_added_up_to_two_in_a_streak() -> None:
    support = begun()
    for seconds, firm in ((0.4, False), (0.8, False), (1.2, False), (1.6, True)):
        add(support, seconds, 3.7)  # 0.4 * (3.7 - 2.3) = 0.56 each: the fourth makes 2.24
        assert support.is_firm is firm
    add(support, 1.7, -0.1)
    assert not support.is_firm  # the streak is broken, though level and proof would do


def test_a_quick_proof_still_wants_a_streak() -> None:
    support = begun()
    add(support, 1.0, 9.0)
    assert not support.is_firm  # proof 3, but two frames only
    add(support, 1.1, 0.1)
    assert support.is_firm is (MIN_STREAK == 3)


def test_proof_is_lost_by_what_falls_short_of_caution_and_never_below_nothing() -> None:
    support = begun()
    for tick in range(1, 31):
        add(support, tick / 10, 0.1)  # 3 s at 2.2 short of caution
    for tick in range(31, 38):
        add(support, tick / 10, 5.3)  # 0.7 s of 3 each: 2.1
    assert support.is_firm
    add(support, 3.9, 0.3)  # 0.2 s at 2 short: 1.7
    assert not support.is_firm


def test_weak_frames_prove_it_if_they_go_on_for_long_enough_and_doubtful_or_standing_ones_never() -> None:
    weak, slow, doubtful, standing = begun(), begun(), begun(), begun()
    for tick in range(1, 402):
        add(weak, tick / 10, 1.5001, driven_m=0.5 * tick)  # a window's 1 s, 5 m, says 1
        add(slow, tick / 10, 1.5001, driven_m=0.2 * tick)  # half as fast as one that says something new all the time
        add(doubtful, tick / 10, 0.45, driven_m=0.5 * tick)
        add(standing, tick / 10, 2.0, driven_m=3.0)
        assert weak.is_firm is (tick >= 180) and slow.is_firm is (tick >= 360)
        assert not doubtful.is_firm and not standing.is_firm


def test_no_evidence_breaks_the_streak_and_is_no_denial() -> None:
    support = begun()
    add(support, 1.0, 9.0)
    add(support, 2.0, 9.0)
    assert support.is_firm
    level = support.level
    assert add(support, 2.1, 0.0) == level and not support.is_firm


@pytest.mark.parametrize(
    ("cameras", "confirming", "proof"), [(2, 2, 2.0), (2, 1, 4.0), (3, 2, 2.0), (3, 1, 8.0), (4, 3, 2.0), (4, 2, 4.0)]
)
def test_the_fewer_cameras_confirm_the_more_must_be_proven(cameras: int, confirming: int, proof: float) -> None:
    support, proven, share = begun(camera="0"), 0.0, 3.0 / 10  # of a tenth of the 1 s that the evidence of 3 takes
    for camera in range(1, cameras):
        add(support, 0.0, 0.0, str(camera))
    for tick in range(1, 200):
        for camera in range(cameras - 1, -1, -1):
            add(support, tick / 10, 9.0 if camera < confirming else -9.0, str(camera))
            proven = max(0.0, proven + (share if camera < confirming else -share / cameras))
        if support.is_firm:
            break
    assert proof <= proven < proof + 3 * share and tick < 199


def test_what_cameras_prove_adds_up_and_what_they_deny_is_shared() -> None:
    support = begun(0.0)
    add(support, 0.0, 0.0, "rear")
    assert add(support, 0.5, 2.0) == pytest.approx(1.0)
    assert add(support, 0.5, 2.0, "rear") == pytest.approx(2.0)
    assert add(support, 1.0, -2.0) == pytest.approx(1.5)


def test_a_camera_that_is_silent_for_longer_than_a_second_is_not_asked() -> None:
    support = begun()
    add(support, 0.0, 1.0, "rear")
    support.add(SILENT_NS, 1.0, LOST_AFTER_S, "front")
    assert support.cameras == 2
    support.add(SILENT_NS + 1, 1.0, LOST_AFTER_S, "front")
    assert support.cameras == 1


def test_a_frame_that_says_nothing_denies() -> None:
    support = begun(3.0)
    support.miss(ns(0.5), LOST_AFTER_S, "front")
    assert support.level == pytest.approx(1.5) and not support.is_blind
    for seconds in (1.0, 1.5, 2.5):
        add(support, seconds, 9.0)
    assert support.is_firm
    support.miss(ns(2.6), LOST_AFTER_S, "front")
    assert not support.is_firm
    for seconds in (2.65, 2.7):
        add(support, seconds, 9.0)
        assert not support.is_firm  # two in a row are no streak


def test_a_camera_that_shows_nothing_counts_only_when_none_shows_anything() -> None:
    support = begun(3.0)
    add(support, 0.0, 1.0, "rear")
    for seconds in (0.4, 0.5):
        support.miss(ns(seconds), LOST_AFTER_S, "rear", is_blind=True)
    assert support.level == 3.0 and support.cameras == 1 and not support.is_blind
    for seconds in (0.9, 1.0):
        support.miss(ns(seconds), LOST_AFTER_S, "front", is_blind=True)
    assert support.level == pytest.approx(1.5) and support.is_blind and support.cameras == 2
    add(support, 1.1, 1.0, "rear")
    assert not support.is_blind and support.cameras == 1


@pytest.mark.parametrize(("rate_hz", "one_of"), [(10.0, 2), (1.0, 2), (20.0, 3)])
def test_damaged_frames_between_whole_ones_say_nothing(rate_hz: float, one_of: int) -> None:
    support = begun()
    for index in range(1, 10 * one_of):
        seconds = index / rate_hz
        if index % one_of:
            support.miss(ns(seconds), LOST_AFTER_S, "front", is_blind=True)
            assert not support.is_blind
        else:
            add(support, seconds, 9.0)
    assert support.is_firm and support.level > 7.0


def test_once_a_lens_is_covered_all_the_time_counts_in_which_it_was() -> None:
    support = begun()
    support.level = CERTAIN
    for tick in range(1, round(10 * LOST_AFTER_S) + 1):
        support.miss(ns(tick / 10), LOST_AFTER_S, "front", is_blind=True)
        assert (support.level < CERTAIN) == support.is_blind == (tick > 2)
    assert support.level == pytest.approx(LOST)


def test_a_frame_from_before_does_not_turn_the_clock_back() -> None:
    support = begun(0.0)
    add(support, 1.0, 1.0)
    add(support, 0.2, 1.0)
    assert add(support, 1.5, 2.0) == pytest.approx(2.0)  # half a second after the newest


def test_before_any_frame_there_is_one_camera_and_nothing_known() -> None:
    support = Support()
    assert (support.cameras, support.level, support.is_firm) == (1, 0.0, False)
    assert add(support, 7.0, 3.0) == 0.0  # nothing came before, since when it could count
    assert add(support, 7.5, 3.0) == pytest.approx(1.5)


@pytest.mark.parametrize("is_blind", [True, False])
def test_silence_for_a_minute_is_made_good_as_soon_as_that_for_a_second(is_blind: bool) -> None:
    levels = []
    for seconds in (6, 60):
        support = begun()
        support.level = CERTAIN
        for tick in range(1, 2 * seconds):
            support.miss(ns(tick / 2), LOST_AFTER_S, "front", is_blind)
        assert support.level < LOST
        levels.append([add(support, seconds + tick / 2, 3.0) for tick in range(4)])
    assert levels[0] == levels[1] and levels[0][-1] > 0.0


def test_silence_does_not_lift_what_frames_have_denied() -> None:
    support = begun()
    denied = add(support, 30.0, -3.0)
    support.miss(ns(31.0), LOST_AFTER_S, "front")
    assert support.level == denied == LOST - CERTAIN


@pytest.mark.parametrize("silent_s", [1.5, 30.0, 3600.0])
def test_a_camera_that_comes_back_does_not_speak_for_the_time_it_was_silent(silent_s: float) -> None:
    support = begun(8.0)
    add(support, 0.0, 1.0, "rear")
    for tick in range(10):
        add(support, silent_s - 1.0 + tick / 10, 8.0)
    before = support.level
    assert add(support, silent_s, -9.0, "rear") == pytest.approx(before - 3.0)  # a window's, no more
