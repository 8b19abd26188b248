"""A round of adaptation: what is kept when all that was learnt is too much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geoflow_ros.adapt import adaptation
from geoflow_ros.adapt.adaptation import Plan, _round
from geoflow_ros.adapt.gates import Scores
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import build

BEFORE = Scores(30, 5.0, -1.0, 0.5, 0.0, 0.95, 1.0, 0.5, 2.0)
BETTER, CONFIDENT = replace(BEFORE, information_bits=6.0), replace(BEFORE, information_bits=6.5, nees=9.0)


@pytest.mark.parametrize(
    ("scores", "share", "failed"),
    [
        ([BETTER], 1.0, 0),
        ([CONFIDENT, BETTER], 0.5, 0),
        ([CONFIDENT, CONFIDENT], 0.5, 1),
    ],
)
def test_the_mean_with_the_old_weights_is_tried_where_a_gate_fails(
    scores: list[Scores], share: float, failed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, learnt = build(DefaultConfig()), build(DefaultConfig())
    assert isinstance(model, MatchFlow)
    answers = iter([BEFORE, *scores])
    monkeypatch.setattr(adaptation, "judge", lambda *_: next(answers))
    monkeypatch.setattr(adaptation, "train_heads", lambda *_: learnt)
    monkeypatch.setattr(adaptation, "_samples", lambda *_: [])
    monkeypatch.setattr(adaptation, "certain", lambda _: 0.1)
    plan = Plan(Path("old"), Path("new"), rounds=1, steps=1, seed=0)
    kept, outcome = _round([], model, [], plan, "abcd" * 16)
    assert (outcome.share, len(outcome.failed)) == (share, failed)
    name = next(iter(dict(model.named_parameters())))
    old, new, found = (dict(each.named_parameters())[name] for each in (model, learnt, kept))
    assert found.detach().allclose((1 - share) * old.detach() + share * new.detach(), atol=1e-6)
