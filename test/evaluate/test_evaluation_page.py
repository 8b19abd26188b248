"""An evaluation's page: errors as the camera sees them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation_support import Samples, two_metres_ahead_and_one_left

from geoflow_ros.evaluate import evaluation_page as module
from geoflow_ros.evaluate.evaluation_page import evaluation_report
from geoflow_ros.evaluate.outcome import Evaluated, evaluate
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.reports.page_data import Report

CONFIG = LocalizerConfig()


def made() -> Report:
    (outcomes,) = evaluate(Samples(), two_metres_ahead_and_one_left, range(5), 0, [CONFIG])
    figures = {"mean_error_m": 2.236068, "sweep": [1, 2], "dataset": "made up"}
    return evaluation_report("five", Evaluated(Samples(), two_metres_ahead_and_one_left, CONFIG, 0, outcomes), figures)


def test_every_sample_is_seen_from_its_camera() -> None:
    page = made()
    # ahead is up, left is left, whatever the heading
    assert page.fused.poses[:, :2] == pytest.approx(np.tile([-1.0, 2.0], (5, 1)))
    assert page.errors == pytest.approx(np.full(5, math.sqrt(5.0)))
    document = page.to_json()
    assert document["yawError"] == pytest.approx([3.5] * 5, abs=0.01)
    assert [shot["hypotheses"][0][:2] for shot in document["snapshots"]] == [[-1.0, 2.0]] * 5
    assert document["tables"]["Figures"] == [("mean_error_m", "2.236"), ("dataset", "made up")]


def test_ellipses_are_turned_with_the_camera() -> None:
    (outcomes,) = evaluate(Samples(), two_metres_ahead_and_one_left, [0], 0, [CONFIG])
    outcomes[0].covariance[:2, :2] = [[9.0, 1.0], [1.0, 4.0]]  # heading east: 3 m ahead, 2 m aside
    seen = module._in_camera_axes(outcomes).covariances[0]
    # east becomes up and north left
    assert seen == pytest.approx(np.array([[4.0, -1.0], [-1.0, 9.0]]))


def test_some_and_the_worst_have_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PICTURED", 2)
    monkeypatch.setattr(module, "worst_moments", lambda badness, along, apart: [4, 1])
    assert [each.moment for each in made().snapshots] == [0, 1, 3, 4]
