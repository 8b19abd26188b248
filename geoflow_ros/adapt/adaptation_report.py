"""What an adaptation came to, as JSON, as a page of Markdown, and in two pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from geoflow_ros.adapt.adaptation import Adaptation, DriveResult, Round
from geoflow_ros.adapt.gates import Scores
from geoflow_ros.adapt.mount_check import MountCheck
from geoflow_ros.errors import InputError
from geoflow_ros.reports.trajectory_plot import plot_trajectory
from geoflow_ros.whole_files import write_json, write_text


def write_report(folder: Path, adaptation: Adaptation, out: Path) -> None:
    """Write report.json, report.md, and the pictures trajectory.png and information.png."""
    first = adaptation.drives[0]
    try:
        write_json(folder / "report.json", adaptation.to_json())
        write_text(folder / "report.md", markdown(adaptation, out))
        _draw_drive(folder / "trajectory.png", first)
        _draw_information(folder / "information.png", first)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error


def verdict(adaptation: Adaptation, out: Path) -> str:
    """Whether there are new weights, and if not or not all, why, and how the node drives with those that are kept."""
    reason = "; ".join(adaptation.rounds[-1].failed)
    if not adaptation.is_new:
        return f"The old weights stay: {reason}."
    kept = [each for each in adaptation.rounds if not each.failed][-1]
    more = f" A further round was not kept: {reason}." if reason else ""
    return f"New weights: {out}; {kept.fused}.{more}"


def markdown(adaptation: Adaptation, out: Path) -> str:
    """The report as a page."""
    lines = ["# Adaptation", "", verdict(adaptation, out), ""]
    names = list(asdict(adaptation.rounds[0].before))
    lines += ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for number, each in enumerate(adaptation.rounds, 1):
        lines += [_row(f"before round {number}", each.before), _row(f"after round {number}", each.after)]
    lines += ["", "The node on the held-out stretch, against the smoother's poses:", "", *_driving(adaptation.rounds)]
    lines += ["", *(_labels(number, each) for number, each in enumerate(adaptation.rounds, 1)), ""]
    for result, mount in zip(adaptation.drives, adaptation.mounts, strict=True):
        lines += [f"## {result.drive.name}", *_findings(result), _off(mount), ""]
    lines += ["![the first drive](trajectory.png)", "![what its frames say](information.png)", ""]
    return "\n".join(lines)


def _row(label: str, scores: Scores) -> str:
    return f"| {label} | {_cells(*asdict(scores).values())} |"


def _cells(*values: float | None) -> str:
    return " | ".join("" if value is None else f"{value:.4g}" for value in values)


def _driving(rounds: list[Round]) -> list[str]:
    """A table of the rounds; rms: of the blocks where both have poses, and the most that passes."""
    lines = ["| | localised | mean_error_m | nees | rms_m | most_rms_m |", "|---" * 6 + "|"]
    for number, fused in enumerate((each.fused for each in rounds), 1):
        if fused is None:
            lines.append(f"| round {number}: not driven, its single frames have failed |" + " |" * 5)
            continue
        before, after = (_cells(*asdict(each).values()) for each in (fused.before, fused.after))
        lines.append(f"| before round {number} | {before} | {_cells(fused.rms_before_m)} | |")
        lines.append(f"| after round {number} | {after} | {_cells(fused.rms_after_m, fused.limit_m)} |")
    return lines


def _labels(number: int, each: Round) -> str:
    return (
        f"Round {number} learnt from {each.labels} places, certain to {each.label_std_m:.2f} m, and from "
        f"{each.town_views} views of generated towns; {each.share:.0%} of it in the mean with the weights before."
    )


def _findings(result: DriveResult) -> list[str]:
    found = result.to_json()
    east, north = found["fixes_minus_imagery_m"]
    short = found["odometry_too_short"]
    std = max(found["fixes_minus_imagery_std_m"])
    return [
        f"- {found['way_m']:.0f} m, {found['frames']} frames; poses certain to {found['position_std_m']:.2f} m",
        f"- a frame says {found['bits_of_the_rest_of_the_drive']:.1f} bit about where the rest of the drive is",
        f"- fixes lie {east:+.1f} m east and {north:+.1f} m north of the imagery (+- {std:.1f} m): their bias and a "
        "constant offset of the imagery together, which one receiver cannot tell apart",
        f"- odometry's distances are {abs(short):.1%} too {'short' if short >= 0.0 else 'long'}",
    ]


def _off(mount: MountCheck) -> str:
    told = ", ".join(f"{name} {value:+.2f}" for name, value in asdict(mount).items() if value is not None)
    return f"- its camera's mount, by how much it seems to be off: {told or 'the frames do not tell'}"


def _draw_drive(path: Path, result: DriveResult) -> None:
    recorded = result.drive.recorded
    fixes = np.array([recorded.frame.to_enu(fix.latitude, fix.longitude)[:2] for fix in recorded.fixes])
    smoothed = result.smoothed.poses[:, :2]
    plot_trajectory(path, smoothed, None, fixes, result.drive.satellite, recorded.frame, name="smoothed poses")


def _draw_information(path: Path, result: DriveResult) -> None:
    """What each frame says where the others expect it, along the way, and how sure the poses are."""
    from matplotlib.figure import Figure

    way = result.drive.recorded.way[result.drive.nodes.frames]
    bits = result.smoothed.bits
    nodes = sorted(bits)
    figure = Figure(figsize=(10, 5), dpi=110, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(way[nodes], [bits[node] for node in nodes], ".", markersize=3)
    upper.set(ylabel="what a frame says [bit]")
    std = np.sqrt(np.diagonal(result.smoothed.pose_covariances, 0, 1, 2)[:, :2])
    lower.plot(way, std, label=("east", "north"))
    lower.set(xlabel="way driven [m]", ylabel="standard deviation [m]", ylim=(0.0, None))
    lower.legend(loc="lower right")
    figure.savefig(path)
