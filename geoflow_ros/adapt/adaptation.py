"""Rounds of smoothing, learning and judging, and the weights that come of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geoflow_ros import cli
from geoflow_ros.adapt.cached_samples import CachedSample, Label, cached_samples
from geoflow_ros.adapt.fused_gate import FusedComparison, compare, failed_driving
from geoflow_ros.adapt.gates import HeldOut, Scores, check_judges, failed_gates, judge
from geoflow_ros.adapt.head_training import recipe, train_heads
from geoflow_ros.adapt.held_out_drive import HeldOutDrives, Stretch
from geoflow_ros.adapt.labels import LEAST_LABELS, certain, end_of, held_out_of, labels_of
from geoflow_ros.adapt.mount_check import MountCheck, check_mount
from geoflow_ros.adapt.rehearsal import check_renderable, town_samples
from geoflow_ros.adapt.unlabelled_drive import Agreement, UnlabelledDrive, smoothed
from geoflow_ros.errors import InputError
from geoflow_ros.model.averaging import mean_of
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import CheckpointInfo, load, read, save
from geoflow_ros.smoothing.smoother import Smoothed
from geoflow_ros.smoothing.trajectory_output import write_poses

MOST_SAMPLES, MOST_VARIANTS = 2400, 4  # of cached features: 1.2 MB each
SHARES = (1.0, 0.5, 0.25)
"""Of what was learnt in the mean with the old weights: the first that passes the gates is kept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. out: the checkpoint to write. steps: of a round's training. towns: generated, learnt from."""

    start: Path
    out: Path
    rounds: int
    steps: int
    seed: int
    towns: int

    @property
    def folder(self) -> Path:
        """Of the report, and of what an interrupted run is resumed from."""
        return self.out.with_suffix("").with_name(self.out.with_suffix("").name + "_adapt")


@dataclass(frozen=True, slots=True, eq=False)
class DriveResult:
    """A drive after smoothing."""

    drive: UnlabelledDrive
    smoothed: Smoothed
    agreement: Agreement

    def to_json(self) -> dict[str, Any]:
        """What the smoother found out."""
        bias, bias_std = self.smoothed.bias
        scale, rate = self.smoothed.odometry
        return {
            "way_m": float(self.drive.recorded.way[-1]),
            "frames": len(self.drive.recorded.stamps_ns),
            "nodes": len(self.drive.nodes.frames),
            "position_std_m": float(np.sqrt(np.mean(np.diagonal(self.smoothed.pose_covariances, 0, 1, 2)[:, :2]))),
            "bits_of_the_rest_of_the_drive": self.agreement.mean_bits,
            "fixes_minus_imagery_m": bias.tolist(),
            "fixes_minus_imagery_std_m": bias_std.tolist(),
            "odometry_too_short": scale,
            "odometry_turn_bias_rad_s": rate,
            "temperature": self.smoothed.mixture.temperature,
            "frames_that_say_nothing": self.smoothed.mixture.flat_share,
        }


@dataclass(frozen=True, slots=True)
class Round:
    """What came of a round: scores of the weights before and after it, and the gates that failed.

    labels, town_views: places of the drives, certain to label_std_m, and views of generated towns, learnt from. share:
    of that in the mean with the weights before. fused: None where a gate on single frames has failed.
    """

    labels: int
    label_std_m: float
    town_views: int
    share: float
    before: Scores
    after: Scores
    fused: FusedComparison | None
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What is learnt from: places of each drive, and views of generated towns."""

    results: Sequence[DriveResult]
    labels: list[list[Label]]
    towns: list[CachedSample]


@dataclass(frozen=True, slots=True, eq=False)
class Judges:
    """What weights are judged by: single frames, and how the node drives. stretch: where the smoother has it."""

    frames: list[HeldOut]
    stretch: Stretch
    drives: HeldOutDrives

    def driving(self, old: MatchFlow, new: MatchFlow) -> FusedComparison:
        """How the node drives with new weights; takes a minute for each network not yet driven with."""
        return compare(self.stretch, self.drives.driven(old), self.drives.driven(new))


@dataclass(frozen=True, slots=True, eq=False)
class Adaptation:
    """All that came of it. mounts: of the drives' cameras. is_new: whether `out` holds new weights."""

    drives: list[DriveResult]
    rounds: list[Round]
    mounts: list[MountCheck]
    is_new: bool

    def to_json(self) -> dict[str, Any]:
        """The report."""
        return {
            "adapted": self.is_new,
            "rounds": [asdict(each) for each in self.rounds],
            "drives": {
                each.drive.name: {**each.to_json(), "mount_seems_off": asdict(mount)}
                for each, mount in zip(self.drives, self.mounts, strict=True)
            },
        }


def adapt(drives: Sequence[UnlabelledDrive], plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Adaptation:
    """Rounds while they help; the weights are written as soon as a round has passed the gates.

    tell: is told what is begun, which takes minutes.
    """
    cli.prepare_folder(plan.folder)
    cli.prepare_folder(plan.out.parent)
    towns_folder, towns = plan.folder / "towns", list[CachedSample]()
    check_renderable(towns_folder, plan.towns)
    model = load(plan.start)
    if not isinstance(model, MatchFlow):
        raise InputError(f"{plan.start} is a {model.config.name!r} network: only the default one can be adapted")
    origin, rounds = read(plan.start)[0], list[Round]()
    fingerprint, held_out = origin.sha256, HeldOutDrives(drives)
    for number in range(1, plan.rounds + 1):
        tell(f"round {number} of {plan.rounds}: looking where the drives were")
        results = _smoothed(drives, model, plan)
        held_out_frames = [held_out_of(result.drive, result.smoothed, model) for result in results]
        frames = [frame for each in held_out_frames for frame in each]
        check_judges(frames)
        judges = Judges(frames, held_out.stretch([result.smoothed for result in results]), held_out)
        labels = _labels(results)
        if number == 1 and plan.towns:
            tell(f"rendering {plan.towns} towns in the look of that, which are learnt from beside it")
            learnt_from = list(zip(drives, labels, strict=True))
            towns = town_samples(learnt_from, model, towns_folder, plan.towns, plan.seed)
        tell(f"round {number} of {plan.rounds}: learning from that, and judging what is learnt")
        learnt, outcome = _round(Lesson(results, labels, towns), model, judges, plan, fingerprint)
        rounds.append(outcome)
        if outcome.failed:
            break
        model = learnt
        fingerprint = save(model, plan.out, _card(origin, outcome)).sha256
    return Adaptation(results, rounds, [check_mount(model, each) for each in held_out_frames], not rounds[0].failed)


def _round(lesson: Lesson, model: MatchFlow, judges: Judges, plan: Plan, fingerprint: str) -> tuple[MatchFlow, Round]:
    """The weights that a network becomes, and what came of it. fingerprint: of the network's weights."""
    seed = plan.seed + int(fingerprint[:4], 16)  # every round draws anew, and a resumed one the same
    before, samples = judge(model, judges.frames), _samples(lesson, model, seed)
    kinds = [samples, lesson.towns] if lesson.towns else [samples]
    state = plan.folder / f"from_{fingerprint[:12]}_on_{_digest(lesson)}.pt"
    learnt = train_heads(model, kinds, recipe(plan.steps, seed), state)
    flat = [label for each in lesson.labels for label in each]
    for share in SHARES:
        candidate = mean_of([model, learnt], [1.0 - share, share])
        after = judge(candidate, judges.frames)
        failed = failed_gates(before, after)
        fused = None if failed else judges.driving(model, candidate)
        failed += failed_driving(fused) if fused else []
        outcome = Round(len(flat), certain(flat), len(lesson.towns), share, before, after, fused, tuple(failed))
        if not outcome.failed:
            break
    return candidate, outcome


def _labels(results: Sequence[DriveResult]) -> list[list[Label]]:
    """What is learnt from, of each drive: nothing of a street where another one judges."""
    ends = [end_of(result.drive, result.smoothed) for result in results]
    labels = [
        labels_of(result.drive, result.smoothed, [end for end in ends if end is not own])
        for result, own in zip(results, ends, strict=True)
    ]
    if (count := sum(map(len, labels))) < LEAST_LABELS:
        raise InputError(
            f"{count} places of the drives are apart from the end of every drive, which judges, {LEAST_LABELS} are "
            "needed: give drives that do not begin where others end"
        )
    return labels


def _digest(lesson: Lesson) -> str:
    """A few letters that are others where other drives, other places of them, or other towns are learnt from."""
    learnt = [
        (result.drive.name, result.drive.recorded.stamps_ns[[0, -1]].tolist(), [label.node for label in own])
        for result, own in zip(lesson.results, lesson.labels, strict=True)
    ]
    return hashlib.sha256(repr((learnt, len(lesson.towns))).encode()).hexdigest()[:8]


def _samples(lesson: Lesson, model: MatchFlow, seed: int) -> list[CachedSample]:
    """Cached features of all labels, as many variants of each as memory allows; of too many labels every so manieth."""
    count = sum(map(len, lesson.labels))
    every, variants = max(1, math.ceil(count / MOST_SAMPLES)), min(MOST_VARIANTS, max(1, MOST_SAMPLES // count))
    return [
        sample
        for result, own in zip(lesson.results, lesson.labels, strict=True)
        for sample in cached_samples(result.drive, own[::every], model, variants, seed)
    ]


def _smoothed(drives: Sequence[UnlabelledDrive], model: MatchFlow, plan: Plan) -> list[DriveResult]:
    """Where the drives were; those of which frames and imagery do not agree are an InputError."""
    results = []
    for drive in drives:
        result, agreement = smoothed(drive, model)
        if agreement.reason:
            raise InputError(f"{drive.name}: {agreement.reason}")
        write_poses(plan.folder / f"{drive.name}.tum", drive.recorded, drive.nodes, result)
        results.append(DriveResult(drive, result, agreement))
    return results


def _card(origin: CheckpointInfo, outcome: Round) -> dict[str, Any]:
    """What is told of the weights: where they come from, and what they were judged by."""
    return {
        "description": "adapted to unlabelled drives (docs/ADAPT.md)",
        "adapted_from": origin.sha256,
        "start": dict(origin.card),
        "held_out": asdict(outcome),
    }
