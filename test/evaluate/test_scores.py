"""Scores of places: by hand, and intervals that shrink with the number of places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from geoflow_ros.evaluate.scores import (
    Matches,
    PlaceScores,
    acceptance,
    accepted_at_5,
    auc,
    summarise_places,
    wrong_accepted,
)


def place(
    right: Sequence[float], wrong: Sequence[float], error: float = 1.0, nees: float = 2.0, name: str = "here",
    elsewhere: tuple[str, ...] = (),
) -> PlaceScores:  # fmt: skip
    views, elsewhere = np.full(len(right), error), elsewhere or tuple(f"elsewhere {i}" for i in range(len(wrong)))
    return PlaceScores(
        views,
        views / 10,
        views / 20,
        3 - views,
        np.full(len(right), nees),
        Matches(name, np.array(right, float), elsewhere, np.array(wrong, float).reshape(-1, len(elsewhere))),
        most_bits=float(len(right)),
        most_within_4m=1.0 / len(right),
    )


def test_auc_counts_pairs_and_ties_half() -> None:
    # (3 > 1, 2), (2 = 2, 2 > 1): 3.5 of 4 pairs
    assert auc([place([3.0], [1.0]), place([2.0], [2.0])]) == pytest.approx(3.5 / 4)
    assert auc([place([0.0, 1.0], [5.0, 6.0])]) == 0.0


def test_acceptance_at_the_threshold_that_lets_one_wrong_in_twenty_pass() -> None:
    wrong = list(range(100))  # the threshold lies between 94 and 95
    assert accepted_at_5([place([200.0, 96.0, 94.0, 10.0], wrong)]) == 0.5


def test_a_threshold_that_is_from_few_wrong_ones_lets_no_more_of_others_pass() -> None:
    random = np.random.default_rng(0)
    like_wrong = np.linspace(0.0, 1.0, 1001).tolist()
    shares = [accepted_at_5([place(like_wrong, random.uniform(0.0, 1.0, 30).tolist())]) for _ in range(400)]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.007)


def test_wrong_places_are_accepted_whose_evidence_is_for_them() -> None:
    assert wrong_accepted([place([1.0], [-1.0, 0.0, 2.0]), place([1.0], [-3.0])]) == 0.5


def test_what_more_evidence_lets_pass_and_how_much_of_it_is_far_off_and_sure() -> None:
    places = [
        place([3.0, 1.0], [2.0, -1.0], error=6.0, nees=9.5),  # beyond 5 m and 3 sigma
        place([4.0], [-2.0], error=6.0, nees=8.5),
        place([5.0], [0.0], error=4.0, nees=20.0),
    ]
    assert acceptance(places, 1.0) == {
        "log_odds": 1.0, "right_accepted": 1.0, "wrong_accepted": 0.25,
        "confident_wrong": {"count": 2, "of": 4, "share": 0.5, "upper_95": pytest.approx(0.902, abs=1e-3)},
    }  # fmt: skip
    stricter = acceptance(places, 2.3)
    assert (stricter["right_accepted"], stricter["wrong_accepted"]) == (0.75, 0.0)
    assert (stricter["confident_wrong"]["count"], stricter["confident_wrong"]["of"]) == (1, 3)
    assert [each["log_odds"] for each in summarise_places(places, seed=0)["acceptance"]] == [
        0.0,
        1.0,
        2.3,
        3.0,
        4.0,
        5.0,
    ]


def test_means_and_intervals() -> None:
    few = [place([1.0], [0.0], error) for error in (1.0, 3.0)]
    figures = summarise_places(few, seed=0)
    assert (figures["places"], figures["views"]) == (2, 2)
    assert figures["mean_error_m"] == 2.0 and figures["information_bits"] == 1.0
    assert figures["probability_within_4m"] == pytest.approx(0.2)
    assert figures["intervals"]["mean_error_m"] == [1.0, 3.0]
    # two views that could come to 2 bits each, and one to 1
    bound = summarise_places([place([1.0, 1.0], [0.0]), place([1.0], [0.0])], seed=0)["ceiling"]
    assert bound == {"information_bits": pytest.approx(5 / 3), "probability_within_4m": pytest.approx(2 / 3)}
    many = summarise_places(few * 50, seed=0)["intervals"]["mean_error_m"]
    assert 1.7 < many[0] < 2.0 < many[1] < 2.3
    assert summarise_places(few, seed=0) == figures


def test_intervals_hold_how_many_places_look_like_all_others() -> None:
    """Imagery of two places in twenty is taken for the right one from everywhere: of others it may be none or five."""
    names = tuple(f"place {number}" for number in range(20))
    busy = {"place 3", "place 11"}
    places = [
        place([5.0], [4.0 if each in busy else -4.0 for each in others], name=name, elsewhere=others)
        for name in names
        for others in [tuple(other for other in names if other != name)]
    ]
    figures = summarise_places(places, seed=0)
    low, high = figures["intervals"]["wrong_accepted"]
    assert figures["wrong_accepted"] == pytest.approx(0.1)
    assert low < 0.02 and 0.2 < high < 0.35
    some = summarise_places(places[:2], seed=0)["intervals"]["wrong_accepted"]  # imagery of others is drawn, too
    assert some[0] < 0.05 < 0.2 < some[1]
