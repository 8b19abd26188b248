"""Numbers of a page: worked out by hand, thinned out without losing what matters."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from numpy.typing import NDArray
from report_support import report

from geoflow_ros.reports.page_data import (
    MAX_MOMENTS,
    STATE_COLOURS,
    kept_moments,
    percentage,
    reason_counts,
    worst_moments,
)
from geoflow_ros.tracking.track import TrackState


def test_columns_are_of_the_moments() -> None:
    document = report().to_json()
    assert document["along"][60] == 6.0 and document["error"][60] == 2.0 and document["error"][61] == 0.1
    assert document["error"][9] is None and document["fused"]["east"][9] is None
    assert document["fused"]["std"][20] == 0.2  # the larger of 0.2 and 0.1 m
    assert (document["prior"]["varEast"][20], document["prior"]["varNorth"][20]) == (4.0, 1.0)
    assert [document["stateNames"][i] for i in document["state"][9:11]] == ["INITIALISING", "LOCALISED"]
    assert document["worst"][0] == 60
    # 89 poses 0.1 m off, one 2 m
    headline = "100 moments · LOCALISED 90%, INITIALISING 10% · error 0.12 m mean, 0.10 m median, 2.00 m at most"
    assert document["headline"] == headline
    assert [each["moment"] for each in document["snapshots"]] == [0, 20, 40, 60, 80]
    json.dumps(document, allow_nan=False)


def test_heading_errors_go_the_short_way_round() -> None:
    made = report()
    made.truth[:, 2] = np.radians(175.0)
    made.fused.poses[20, 2] = np.radians(-175.0)
    assert made.to_json()["yawError"][20] == pytest.approx(10.0)


def test_worst_moments_are_of_different_mishaps() -> None:
    along = np.arange(100) * 0.5
    badness = np.full(100, 0.1)
    badness[[10, 11, 12, 50]] = 3.0, 5.0, 4.0, 2.0
    badness[30] = np.nan
    worst = worst_moments(badness, along, 2.0)
    assert worst[:2] == [11, 50]  # 10 and 12 are half a second from 11
    assert len(worst) == 10 and 30 not in worst
    assert min(abs(along[a] - along[b]) for a in worst for b in worst if a != b) == 2.0


def test_without_a_truth_the_worst_are_the_least_certain() -> None:
    made = report(truth=np.full((100, 3), np.nan))
    made.fused.covariances[70] = np.eye(2) * 9.0
    document = made.to_json()
    assert document["worst"][0] == 70 and set(document["error"]) == {None}


def test_an_hour_is_thinned_out_but_for_what_is_wanted() -> None:
    kept = kept_moments(36_000, [1, 35_999])
    assert len(kept) == MAX_MOMENTS + 2  # every third, and two between
    assert (np.diff(kept) > 0).all() and np.diff(kept).max() == 3 and {1, 35_999} <= set(kept.tolist())
    assert len(kept_moments(MAX_MOMENTS, [])) == MAX_MOMENTS


def test_reasons_are_counted_whatever_numbers_are_in_them() -> None:
    said = ["std is 0.12 m", "no fix", "std is 3 m", "std is -1.5 m"]
    assert list(reason_counts(said).items()) == [("std is # m", "3"), ("no fix", "1")]


BLIND = {
    "none": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""On linear RGB, of full severity (Machado, Oliveira, Fernandes 2009)."""
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of a linear RGB colour under D65."""
    x, y, z = np.cbrt(XYZ @ np.clip(linear, 0.0, 1.0) / [0.9505, 1.0, 1.089])
    return np.array([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


@pytest.mark.parametrize("kind", BLIND)
def test_the_colour_blind_tell_states_apart(kind: str) -> None:
    """10 in CIELAB is easily missed, as LOCALISED was for LOST."""
    rgb = {state: [int(STATE_COLOURS[state.value][i : i + 2], 16) / 255 for i in (1, 3, 5)] for state in TrackState}
    seen = {state: lab(BLIND[kind] @ ((np.array(each) + 0.055) / 1.055) ** 2.4) for state, each in rgb.items()}
    apart = {(a, b): np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(TrackState, 2)}
    assert min(apart.values()) > 30.0, apart


def test_a_little_is_not_nothing() -> None:
    assert [percentage(n, 1000) for n in (0, 1, 5, 6, 500, 995, 999, 1000)] == [
        "0%", "<1%", "<1%", "1%", "50%", ">99%", ">99%", "100%",
    ]  # fmt: skip
