"""A round of adaptation: what is kept when all that was learnt is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from small_disk import disk_of

from geoflow_ros.adapt import __main__ as command
from geoflow_ros.adapt import adaptation
from geoflow_ros.adapt.adaptation import Adaptation, DriveResult, Judges, Lesson, Plan, Round, _round
from geoflow_ros.adapt.adaptation_report import markdown, verdict, write_report
from geoflow_ros.adapt.cached_samples import CachedSample, Label
from geoflow_ros.adapt.fused_gate import FusedComparison, FusedScores
from geoflow_ros.adapt.gates import Scores
from geoflow_ros.adapt.mount_check import MountCheck
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import build

BEFORE = Scores(30, 5.0, -1.0, 0.5, 0.0, 0.95, 1.0, 0.5, 2.0)
BETTER, CONFIDENT = replace(BEFORE, information_bits=6.0), replace(BEFORE, information_bits=6.5, nees=9.0)


FUSED = FusedScores(1.0, 0.2, 1.0)
AS_WELL = FusedComparison(60, 100.0, 5, 5, FUSED, FUSED, 0.22, 0.22, 0.24)
WORSE = replace(AS_WELL, rms_after_m=0.31)


@pytest.mark.parametrize(
    ("scores", "driving", "share", "failed"),
    [
        ([BETTER], [AS_WELL], 1.0, 0),
        ([CONFIDENT, BETTER], [AS_WELL], 0.5, 0),
        ([CONFIDENT, CONFIDENT, CONFIDENT], [], 0.25, 1),
        ([BETTER, CONFIDENT, BETTER], [WORSE, AS_WELL], 0.25, 0),
        ([BETTER, BETTER, BETTER], [WORSE, WORSE, WORSE], 0.25, 1),
    ],
)
def test_all_that_was_learnt_is_kept_and_less_is_tried_where_a_gate_fails(
    scores: list[Scores],
    driving: list[FusedComparison],
    share: float,
    failed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, learnt = build(DefaultConfig()), build(DefaultConfig())
    assert isinstance(model, MatchFlow)
    answers, driven = iter([BEFORE, *scores]), iter(driving)
    monkeypatch.setattr(adaptation, "judge", lambda *_: next(answers))
    monkeypatch.setattr(adaptation, "train_heads", lambda *_: learnt)
    monkeypatch.setattr(adaptation, "_samples", lambda *_: [])
    monkeypatch.setattr(adaptation, "certain", lambda _: 0.1)
    plan = Plan(Path("old"), Path("new"), rounds=1, steps=1, seed=0, towns=0)
    judges = cast(Judges, SimpleNamespace(frames=[], driving=lambda old, new: next(driven)))
    kept, outcome = _round(Lesson([], [], []), model, judges, plan, "abcd" * 16)
    assert (outcome.share, len(outcome.failed)) == (share, failed)
    assert next(driven, None) is None, "only weights that pass alone are driven with"
    name = next(iter(dict(model.named_parameters())))
    old, new, found = (dict(each.named_parameters())[name] for each in (model, learnt, kept))
    assert found.detach().allclose((1 - share) * old.detach() + share * new.detach(), atol=1e-6)


def _drive(name: str, stamps: Sequence[int]) -> DriveResult:
    recorded = SimpleNamespace(stamps_ns=np.array(stamps))
    return cast(DriveResult, SimpleNamespace(drive=SimpleNamespace(name=name, recorded=recorded), smoothed=None))


def test_a_run_that_stopped_is_gone_on_with_by_the_same_drives_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it learnt from one drive and half from another would be of neither."""
    model, states = build(DefaultConfig()), list[Path]()
    assert isinstance(model, MatchFlow)

    def stopped(model: MatchFlow, samples: object, config: object, state: Path) -> None:
        states.append(state)
        raise KeyboardInterrupt

    monkeypatch.setattr(adaptation, "judge", lambda *_: BEFORE)
    monkeypatch.setattr(adaptation, "train_heads", stopped)
    monkeypatch.setattr(adaptation, "_samples", lambda *_: [])
    label = Label(0, np.zeros(3), np.eye(3))
    plan, judges = Plan(Path("old"), Path("new"), 1, 1, 0, 0), cast(Judges, SimpleNamespace(frames=[]))
    later = [label, replace(label, node=7)]
    town = cast(CachedSample, None)
    for drive, labels, towns in ((("a", [5, 9]), [label], []), (("a", [5, 8]), [label], []),
                                 (("b", [5, 9]), [label], []), (("a", [5, 9]), later, []),
                                 (("a", [5, 9]), [label], [town]), (("a", [5, 9]), [label], [])):  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            _round(Lesson([_drive(*drive)], [labels], towns), model, judges, plan, "abcd" * 16)
    assert states[0] == states[-1] and len(set(states)) == 5


def test_drives_that_begin_where_the_others_end_leave_nothing_to_learn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {"a": np.array([[48.0, 11.0]]), "b": np.array([[48.1, 11.0]])}
    told = dict[str, list[float]]()

    def labels_of(drive: UnlabelledDrive, smoothed: object, other_ends: Sequence[np.ndarray]) -> list[Label]:
        told[drive.name] = [float(end[0, 0]) for end in other_ends]
        return [Label(0, np.zeros(3), np.eye(3))] * 14

    monkeypatch.setattr(adaptation, "end_of", lambda drive, smoothed: ends[drive.name])
    monkeypatch.setattr(adaptation, "labels_of", labels_of)
    with pytest.raises(InputError, match="28 places of the drives are apart from the end of every drive, .* 30 are"):
        adaptation._labels([_drive("a", [0, 1]), _drive("b", [0, 1])])
    assert told == {"a": [48.1], "b": [48.0]}


def test_the_verdict_says_how_the_node_drives_with_what_is_kept() -> None:
    better = replace(AS_WELL, after=FusedScores(1.0, 0.15, 1.0))
    kept = Round(50, 0.1, 288, 1.0, BEFORE, BETTER, better, ())
    refused = replace(kept, fused=WORSE, failed=("it drives worse",))
    told = verdict(Adaptation([], [kept, refused], [], True), Path("mine"))
    assert told == (
        "New weights: mine; driven on the held-out 100 m the node is 0.15 m off the smoother's poses and LOCALISED in "
        "100% of the frames, with the weights before 0.20 m off the smoother's poses and LOCALISED in 100% of the "
        "frames. A further round was not kept: it drives worse."
    )


def test_ctrl_c_says_what_became_of_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = SimpleNamespace(name="a", config=SimpleNamespace(checkpoint_path=Path("old")))
    monkeypatch.setattr(command, "open_unlabelled", lambda path, arguments: drive)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "adapt", interrupted)
    out = tmp_path / "mine.safetensors"
    arguments = ["a", "--tiles", "t", "--out", str(out)]
    assert command.main(arguments) == 130
    assert capsys.readouterr().err == f"stopped: {out} was not written; the same command goes on from here\n"
    out.touch()
    assert command.main(arguments) == 130
    assert "holds what passed the gates before" in capsys.readouterr().err


@pytest.mark.parametrize(("short", "words"), [(0.018, "1.8% too short"), (-0.018, "1.8% too long")])
def test_odometry_that_is_too_long_is_not_called_too_short(short: float, words: str) -> None:
    found = {
        "way_m": 1.0, "frames": 2, "position_std_m": 0.1, "bits_of_the_rest_of_the_drive": 1.0,
        "fixes_minus_imagery_m": [0.0, 0.0], "fixes_minus_imagery_std_m": [0.1, 0.2], "odometry_too_short": short,
    }  # fmt: skip
    drive = cast(DriveResult, SimpleNamespace(drive=SimpleNamespace(name="a"), to_json=lambda: found))
    alone = Round(50, 0.1, 288, 0.5, BEFORE, CONFIDENT, None, ("it is too sure",))
    page = markdown(Adaptation([drive], [alone], [MountCheck(None, None, None)], False), Path("m"))
    assert f"odometry's distances are {words}" in page


def test_a_full_disk_leaves_the_old_report_and_weights(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("old")
    alone = Round(50, 0.1, 288, 0.5, BEFORE, CONFIDENT, None, ("it is too sure",))
    drive = cast(DriveResult, SimpleNamespace(drive=SimpleNamespace(name="a"), to_json=lambda: {"way_m": 1.0}))
    adaptation_ = Adaptation([drive], [alone], [MountCheck(None, None, None)], False)
    with disk_of(200), pytest.raises(InputError, match="report.json cannot be written: File too large"):
        write_report(tmp_path, adaptation_, Path("m"))
    assert (tmp_path / "report.json").read_text() == "old"


def test_the_report_tells_a_round_that_was_not_driven_from_one_that_was() -> None:
    driven = Round(50, 0.1, 288, 0.5, BEFORE, BETTER, WORSE, ("it drives worse",))
    alone = Round(50, 0.1, 288, 0.5, BEFORE, CONFIDENT, None, ("it is too sure",))
    pages = [markdown(Adaptation([], [each], [], False), Path("m")) for each in (driven, alone)]
    assert "| after round 1 | 1 | 0.2 | 1 | 0.31 | 0.24 |" in pages[0]
    assert "| round 1: not driven, its single frames have failed |" in pages[1]
