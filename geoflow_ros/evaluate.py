"""How well a checkpoint localises a dataset: `python -m geoflow_ros.evaluate`."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from geoflow_ros import cli
from geoflow_ros.datasets.base import LocalizationDataset, Sample
from geoflow_ros.datasets.select import DATASETS, Selection, open_dataset
from geoflow_ros.errors import InputError
from geoflow_ros.hypotheses import Schedule
from geoflow_ros.localizer import LocalizerConfig, load_model, locate
from geoflow_ros.metrics import THRESHOLDS, EvaluationSummary, PoseErrors, pose_errors, summarise
from geoflow_ros.pose import PoseEstimate

Locator = Callable[[Sample, int], PoseEstimate]
"""Estimate of the camera's pose in the patch's frame, from a sample and a seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one sample. milliseconds: of localising, without reading the sample."""

    key: str
    truth: tuple[float, float, float]
    estimate: PoseEstimate
    milliseconds: float


def evaluate(dataset: LocalizationDataset, locator: Locator, indices: Sequence[int], seed: int) -> list[Outcome]:
    """The outcome of every sample in `indices`; sample i is localised with the seed `seed + i`."""
    outcomes = []
    for index in tqdm(indices, unit="frame", disable=None):
        sample = dataset[index]
        start = time.perf_counter()
        estimate = locator(sample, seed + index)
        outcomes.append(Outcome(sample.key, sample.truth, estimate, 1e3 * (time.perf_counter() - start)))
    return outcomes


def refused_fraction(dataset: LocalizationDataset, locator: Locator, indices: Sequence[int], seed: int) -> float:
    """How many samples are told apart from a patch of another place: that of the sample half the set away."""
    refused = 0
    for position, index in enumerate(tqdm(indices, unit="frame", desc="mismatched", disable=None)):
        elsewhere = dataset[indices[(position + len(indices) // 2) % len(indices)]].patch
        estimate = locator(dataclasses.replace(dataset[index], patch=elsewhere), seed + index)
        refused += estimate.match < LocalizerConfig().min_match
    return refused / len(indices)


def errors_of(outcomes: Sequence[Outcome]) -> PoseErrors:
    """Errors of at least one outcome."""
    if not outcomes:
        raise InputError("there is nothing to evaluate: the dataset, --every and --limit leave no sample")
    poses = [(each.estimate.east, each.estimate.north, each.estimate.yaw) for each in outcomes]
    return pose_errors(poses, [each.truth for each in outcomes], [each.estimate.covariance for each in outcomes])


def summary_of(outcomes: Sequence[Outcome]) -> EvaluationSummary:
    """Summary of at least one outcome; the time is the median, which the first frame's warming up does not move."""
    return summarise(errors_of(outcomes), statistics.median(each.milliseconds for each in outcomes))


def write_csv(path: Path, outcomes: Sequence[Outcome]) -> None:
    """One row a sample: key, truth, estimate, errors (metres, degrees), NEES, milliseconds."""
    errors = errors_of(outcomes)
    header = (
        "key,match,true_east,true_north,true_yaw_deg,east,north,yaw_deg,error_m,longitudinal_m,lateral_m,yaw_error_deg"
    )
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*header.split(","), "nees", "ms"])
        for i, each in enumerate(outcomes):
            east, north, yaw = each.truth
            estimate = (each.estimate.east, each.estimate.north, math.degrees(each.estimate.yaw))
            error = (errors.position[i], errors.longitudinal[i], errors.lateral[i], math.degrees(errors.yaw[i]))
            numbers = (east, north, math.degrees(yaw), *estimate, *error, errors.nees[i], each.milliseconds)
            writer.writerow([each.key, f"{each.estimate.match:.4f}", *(f"{number:.4f}" for number in numbers)])


def table(summary: EvaluationSummary) -> str:
    """The summary for the terminal."""
    recalls = {
        "position": (summary.position_recall, "m"),
        "lateral": (summary.lateral_recall, "m"),
        "longitudinal": (summary.longitudinal_recall, "m"),
        "heading": (summary.yaw_recall, "deg"),
    }
    lines = [
        f"frames          {summary.count}",
        f"error           mean {summary.mean_error_m:.2f} m, median {summary.median_error_m:.2f} m",
        f"heading error   mean {summary.yaw_mean_deg:.2f} deg, median {summary.yaw_median_deg:.2f} deg",
    ]
    for name, (shares, unit) in recalls.items():
        cells = ", ".join(f"{share:6.1%} < {limit:g} {unit}" for limit, share in zip(THRESHOLDS, shares, strict=True))
        lines.append(f"{name:<16}{cells}")
    lines += [
        f"covariance      NEES {summary.nees_mean:.2f} (honest: 2); inside the 50/90/95 % ellipses: "
        f"{summary.coverage_50:.1%}, {summary.coverage_90:.1%}, {summary.coverage_95:.1%}",
        f"time            {summary.ms_per_frame:.1f} ms a frame",
    ]
    return "\n".join(lines)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    defaults = LocalizerConfig()
    parser = argparse.ArgumentParser(prog="geoflow_ros.evaluate", description=__doc__)
    parser.add_argument("--dataset", required=True, choices=sorted(DATASETS))
    parser.add_argument(
        "--root", type=Path, required=True, help="folder of the dataset (town: to keep rendered views in)"
    )
    parser.add_argument("--split", help="; ".join(f"{name}: {', '.join(splits)}" for name, splits in DATASETS.items()))
    parser.add_argument("--checkpoint", type=Path, required=True, help="weights, as geoflow_ros.checkpoint writes them")
    parser.add_argument("--json", type=Path, required=True, help="file to write the summary to")
    parser.add_argument("--csv", type=Path, help="file to write one row a sample to")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="take each N-th sample (1)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="take at most N samples")
    parser.add_argument("--rotation-range-deg", type=float, help="heading noise: 10, vigor 0 (180: unknown heading)")
    parser.add_argument("--original-labels", action="store_true", help="vigor: the labels before their correction")
    parser.add_argument("--mismatch", action="store_true", help="also against imagery of other places")
    parser.add_argument("--hypotheses", type=_positive, default=defaults.hypotheses, help="(%(default)s)")
    parser.add_argument("--steps", type=_positive, default=defaults.steps, help="refinement steps (%(default)s)")
    parser.add_argument("--schedule", choices=[each.value for each in Schedule], default=defaults.schedule.value)
    parser.add_argument("--seed", type=_natural, default=0, help="of the hypotheses and of drawn noise (%(default)s)")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def _natural(text: str) -> int:
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return int(text)


def _prepare(path: Path) -> None:
    """Make the folder of an output file, so that a long run does not end without one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def run(arguments: argparse.Namespace) -> None:
    """Evaluate as the command line says."""
    model = load_model(arguments.checkpoint)
    selection = Selection(
        name=arguments.dataset,
        root=arguments.root,
        split=arguments.split,
        size_px=model.config.satellite_px,
        resolution=model.config.satellite_resolution,
        north_up=model.config.lift_shape is None,  # only a network that lifts reads the heading from the patch
        count=None if arguments.limit is None else arguments.limit * arguments.every,
        rotation_range_deg=arguments.rotation_range_deg,
        corrected=not arguments.original_labels,
        seed=arguments.seed,
    )
    opened = open_dataset(selection)
    indices = range(0, len(opened.samples), arguments.every)[: arguments.limit]
    for path in filter(None, (arguments.json, arguments.csv)):
        _prepare(path)
    config = LocalizerConfig(arguments.hypotheses, arguments.steps, Schedule(arguments.schedule))

    def locator(sample: Sample, seed: int) -> PoseEstimate:
        estimate = locate(model, sample.ground, sample.camera, sample.patch, None, config, seed)
        return dataclasses.replace(estimate, yaw=estimate.yaw + opened.heading_in_crop)

    outcomes = evaluate(opened.samples, locator, indices, arguments.seed)
    summary = summary_of(outcomes)
    missing = statistics.fmean(each.estimate.patch.missing for each in outcomes)
    if arguments.csv:
        write_csv(arguments.csv, outcomes)
    setup = {name: str(getattr(arguments, name)) for name in ("dataset", "split", "checkpoint", "schedule")}
    setup |= {name: getattr(arguments, name) for name in ("hypotheses", "steps", "seed", "every", "limit")}
    accepted = statistics.fmean(each.estimate.match >= config.min_match for each in outcomes)
    document = summary.to_json() | setup | {"missing_mean": missing, "accepted": accepted}
    print(table(summary))
    print(f"match           {accepted:.1%} of the frames accepted")
    if arguments.mismatch:
        document["mismatch_refused"] = refused_fraction(opened.samples, locator, indices, arguments.seed)
        print(f"mismatch        {document['mismatch_refused']:.1%} of frames before imagery of another place refused")
    arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if missing > 0.01:
        print(f"note            {missing:.0%} of the patches is outside the dataset's imagery")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
