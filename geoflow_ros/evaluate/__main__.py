"""How well a checkpoint localises a dataset: `python -m geoflow_ros.evaluate`."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geoflow_ros import cli
from geoflow_ros.datasets.mount_errors import MountErrors
from geoflow_ros.datasets.photographs.pairs import Pairs
from geoflow_ros.datasets.sample import APART_M, LocalizationDataset
from geoflow_ros.datasets.select import DATASETS, Selection, open_dataset
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.cases import write_cases
from geoflow_ros.evaluate.evaluation_page import evaluation_report
from geoflow_ros.evaluate.figures import require_matplotlib, write_figures
from geoflow_ros.evaluate.headings import wide_size_px
from geoflow_ros.evaluate.locators import locator_of
from geoflow_ros.evaluate.outcome import (
    Evaluated,
    Outcome,
    accepted_elsewhere,
    errors_of,
    evaluate,
    summary_of,
    write_csv,
)
from geoflow_ros.evaluate.pairs_evaluation import PairsEvaluation
from geoflow_ros.evaluate.scores import scores_table
from geoflow_ros.evaluate.sweep import setting_to_json, settings, sweep_table, table
from geoflow_ros.localization.localizer import load_model
from geoflow_ros.localization.localizer_config import LocalizerConfig, Schedule
from geoflow_ros.localization.uncertain_mount import MountsOf, known_mount, unknown_pitch, unknown_tilt
from geoflow_ros.metrics import Rate, integrity
from geoflow_ros.model.config import ModelConfig, Runtime
from geoflow_ros.reports.page import write_page
from geoflow_ros.resources import share_file
from geoflow_ros.whole_files import write_json

PHOTOGRAPHED_DEG = 1.5
"""Standard deviation of a photograph's tilt, as the node takes that of a camera by default."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="geoflow_ros.evaluate", description=__doc__)
    parser.add_argument("--dataset", required=True, choices=sorted(DATASETS))
    parser.add_argument(
        "--root", type=Path, required=True, help="folder of the dataset (town: to keep rendered views in)"
    )
    parser.add_argument("--split", help="; ".join(f"{name}: {', '.join(splits)}" for name, splits in DATASETS.items()))
    parser.add_argument("--checkpoint", type=Path, help="weights; default: the shipped ones")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("out/evaluate.json"),
        help="file to write the summary to (default: %(default)s)",
    )
    parser.add_argument("--csv", type=Path, help="file to write one row a sample and setting to")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="folder to write figures of the first setting to")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="folder to write report.html of the first setting to"
    )
    parser.add_argument(
        "--every", type=cli.positive, default=1, metavar="N", help="take each N-th sample, of pairs each N-th place (1)"
    )
    parser.add_argument("--limit", type=cli.positive, metavar="N", help="take at most N samples; pairs: their places")
    parser.add_argument("--rotation-range-deg", type=_range, help="heading noise: 10, vigor 0 (180: unknown heading)")
    parser.add_argument("--original-labels", action="store_true", help="vigor: the labels before their correction")
    parser.add_argument("--rig", action="store_true", help="pairs: also the views of each place as one observation")
    parser.add_argument(
        "--mount-error-deg", type=_range, default=0.0, metavar="SIGMA",
        help="state the pitch of every camera wrong by a normal error of this deviation, each its own (0)",
    )  # fmt: skip
    parser.add_argument(
        "--mount-sigma-deg", type=_range, metavar="SIGMA",
        help="how well the pitch of every camera is known, of pairs the pitch and the roll: frames are read through "
        f"eleven and thirteen of them (0: one; default 0, pairs {PHOTOGRAPHED_DEG:g})",
    )  # fmt: skip
    parser.add_argument("--mismatch", action="store_true", help="also against imagery of other places")
    _add_refinement(parser)
    parser.add_argument(
        "--runtime", choices=[each.value for each in Runtime], default=Runtime.TORCH.value, metavar="RUNTIME",
        help="what computes the encoders: %(choices)s (%(default)s, the same numbers on any processor; auto: fastest)",
    )  # fmt: skip
    parser.add_argument("--seed", type=cli.natural, default=0, help="of hypotheses and drawn noise (%(default)s)")
    return parser


def _add_refinement(parser: argparse.ArgumentParser) -> None:
    defaults = LocalizerConfig()
    several = parser.add_argument_group("refinement", "several values of these are compared in one run")
    several.add_argument(
        "--hypotheses", type=cli.positive, nargs="+", default=[defaults.hypotheses], help=f"({defaults.hypotheses})"
    )
    several.add_argument("--steps", type=cli.positive, nargs="+", default=[defaults.steps], help=f"({defaults.steps})")
    several.add_argument(
        "--schedule", choices=[each.value for each in Schedule], nargs="+", default=[defaults.schedule.value],
        metavar="SCHEDULE", help=f"%(choices)s ({defaults.schedule.value})",
    )  # fmt: skip


def _range(text: str) -> float:
    if not 0.0 <= float(text) <= 180.0:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 to 180 degrees")
    return float(text)


def _mounts(dataset: str, sigma_deg: float) -> MountsOf | None:
    """Which mounts a camera may have, by how well they are known; None if exactly."""
    if sigma_deg == 0.0:
        return None
    return partial(unknown_tilt if dataset == "pairs" else unknown_pitch, sigma=math.radians(sigma_deg))


def _prepare(arguments: argparse.Namespace) -> None:
    """Make the output files and folders."""
    for path in filter(None, (arguments.json, arguments.csv)):
        cli.prepare_file(path)
    if arguments.report:
        cli.prepare_folder(arguments.report)
    if arguments.figures:
        require_matplotlib()
        cli.prepare_folder(arguments.figures)


def _beyond(config: ModelConfig, rotation_range_deg: float | None) -> bool:
    """Whether headings are asked for that a network that searches them does not see at once."""
    return config.searches_heading and (rotation_range_deg or 0.0) > config.yaw_range_deg


def _open(arguments: argparse.Namespace, config: ModelConfig, any_heading: bool) -> LocalizationDataset:
    by_place = arguments.dataset == "pairs"  # whose views are scored together, and by the other places' imagery
    selection = Selection(
        name=arguments.dataset,
        root=arguments.root,
        split=arguments.split,
        size_px=wide_size_px(config.satellite_px) if any_heading else config.satellite_px,
        resolution=config.satellite_resolution,
        north_up=config.lift_shape is None,  # only a network that lifts reads the heading from the patch
        count=arguments.limit and arguments.limit * (1 if by_place else arguments.every),
        every=arguments.every if by_place else 1,
        rotation_range_deg=arguments.rotation_range_deg,
        corrected=not arguments.original_labels,
        seed=arguments.seed,
    )
    return open_dataset(selection)


def _mounted(samples: LocalizationDataset, arguments: argparse.Namespace) -> LocalizationDataset:
    """The samples, their cameras mounted as they say or not."""
    if not arguments.mount_error_deg:
        return samples
    if isinstance(samples, Pairs):
        raise InputError("--mount-error-deg is not for the dataset pairs: its cameras' mounts are not known exactly")
    return MountErrors(samples, math.radians(arguments.mount_error_deg), arguments.seed)


def run(arguments: argparse.Namespace) -> None:
    """Evaluate as the command line says."""
    if arguments.rig and arguments.dataset != "pairs":
        raise InputError("--rig is for the dataset pairs, whose views of one place can be combined")
    if arguments.original_labels and arguments.dataset != "vigor":
        raise InputError("--original-labels is for the dataset vigor, whose labels were corrected")
    if arguments.mount_sigma_deg is None:
        arguments.mount_sigma_deg = PHOTOGRAPHED_DEG if arguments.dataset == "pairs" else 0.0
    arguments.checkpoint = arguments.checkpoint or share_file("models/default.safetensors")
    model = load_model(arguments.checkpoint, Runtime(arguments.runtime))
    any_heading = _beyond(model.config, arguments.rotation_range_deg)
    if any_heading and arguments.dataset == "pairs":
        raise InputError(
            f"--rotation-range-deg {arguments.rotation_range_deg:g} is more than the {model.config.yaw_range_deg:g} "
            "degrees the network looks to each side, and pairs are scored by what it says at once: lower it"
        )
    samples = _mounted(_open(arguments, model.config, any_heading), arguments)
    indices = range(0, len(samples), 1 if isinstance(samples, Pairs) else arguments.every)[: arguments.limit]
    _prepare(arguments)
    configs = settings(arguments.hypotheses, arguments.steps, [Schedule(name) for name in arguments.schedule])
    mounts = _mounts(arguments.dataset, arguments.mount_sigma_deg)
    locator = locator_of(model, any_heading, mounts)
    runs = evaluate(samples, locator, indices, arguments.seed, configs)
    document = _document(arguments, configs, runs)
    if isinstance(samples, Pairs):
        places = PairsEvaluation(model, samples, configs[0], arguments.seed, mounts or known_mount)
        document |= places.document(arguments.rig)
        print(scores_table(document))
    else:
        document["information_bits"] = _information(runs[0])
    if arguments.mismatch:
        document |= _mismatched(accepted_elsewhere(samples, locator, indices, arguments.seed, configs[0]))
    write_json(arguments.json, document)
    if arguments.csv:
        write_csv(arguments.csv, configs, runs)
    named = " ".join(filter(None, (arguments.dataset, arguments.split)))
    title = f"{named}, {arguments.checkpoint.name}, {len(runs[0])} frames"
    evaluated = Evaluated(samples, locator, configs[0], arguments.seed, runs[0])
    if arguments.report:
        write_page(arguments.report / "report.html", evaluation_report(title, evaluated, document))
    if arguments.figures:
        write_figures(arguments.figures, runs[0], title)
        write_cases(arguments.figures, evaluated)
    print(f"wrote {', '.join(_written(arguments))}")


def _written(arguments: argparse.Namespace) -> Iterator[str]:
    """Where the results are."""
    yield str(arguments.json)
    if arguments.csv:
        yield str(arguments.csv)
    if arguments.report:
        yield f"{arguments.report / 'report.html'} (open it in a browser)"
    if arguments.figures:
        yield f"pictures in {arguments.figures}"


def _document(
    arguments: argparse.Namespace, configs: Sequence[LocalizerConfig], runs: Sequence[Sequence[Outcome]]
) -> dict[str, Any]:
    """What goes into the JSON file, printed on the terminal too; its top level is of the first setting."""
    summaries = [summary_of(outcomes) for outcomes in runs]
    rows = [setting_to_json(config) | summary.to_json() for config, summary in zip(configs, summaries, strict=True)]
    print(table(summaries[0]))
    document = rows[0] | _setup(arguments) | _acceptance(runs[0], configs[0].min_match)
    if len(configs) > 1:
        print(sweep_table(configs, summaries))
    missing = statistics.fmean(each.missing for each in runs[0])
    print(f"missing         {missing:.1%} of the patches is outside the dataset's imagery")
    return document | {"missing_mean": missing, "sweep": rows}


def _information(outcomes: Sequence[Outcome]) -> float | None:
    """Mean of what the densities say about the truths; None where only poses are known."""
    bits = [each.information_bits for each in outcomes if each.information_bits is not None]
    if not bits:
        return None
    print(f"information     {statistics.fmean(bits):+.2f} bit a frame about the position, 0 is the prior's")
    return statistics.fmean(bits)


def _mismatched(accepted: Rate) -> dict[str, Any]:
    """How often imagery of another place is taken for the right one; None where none of the samples is elsewhere."""
    refused = 1.0 - accepted.count / accepted.of if accepted.of else None
    if refused is None:
        print(f"mismatch        not known: no two of the samples are {APART_M:g} m apart")
    else:
        print(f"mismatch        {refused:.1%} of {accepted.of} frames before imagery of another place refused")
    return {"mismatch_refused": refused, "mismatch_accepted": accepted.to_json()}


def _setup(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the numbers were measured with, beside the setting of the refinement."""
    given = {name: getattr(arguments, name) for name in ("dataset", "split", "checkpoint", "runtime")}
    setup: dict[str, Any] = {name: None if value is None else str(value) for name, value in given.items()}
    names = ("seed", "every", "limit", "rotation_range_deg", "mount_error_deg", "mount_sigma_deg")
    return setup | {name: getattr(arguments, name) for name in names}


def _acceptance(outcomes: Sequence[Outcome], min_match: float) -> dict[str, Any]:
    """How many frames a localiser would answer, and how well it would answer those."""
    accepted = [each for each in outcomes if each.match >= min_match]
    summary = summary_of(accepted) if accepted else None
    share = len(accepted) / len(outcomes)
    errors = f", their mean error {summary.mean_error_m:.2f} m" if summary else ""
    print(f"match           {share:.1%} of the frames accepted{errors}")
    return {"accepted": share, "of_accepted": summary and summary.to_json(), **_integrity(accepted)}


def _integrity(accepted: Sequence[Outcome]) -> dict[str, Any]:
    """How often an accepted answer is far off."""
    if not accepted:
        return integrity(np.empty(0), np.empty(0))
    errors = errors_of(accepted)
    document = integrity(errors.position, errors.nees)
    wrong, upper = document["confident_wrong"]["count"], document["confident_wrong"]["upper_95"]
    print(
        f"integrity       {wrong} of {len(accepted)} accepted are beyond 5 m and 3 sigma, with 95 % below {upper:.2%}"
    )
    return document


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
