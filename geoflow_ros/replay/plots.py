"""Pictures of a replayed drive: how far off it was, what it said of itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import position_std
from geoflow_ros.metrics import PoseErrors
from geoflow_ros.replay.play import FrameResult
from geoflow_ros.replay.results import Judged
from geoflow_ros.reports.page_data import STATE_COLOURS
from geoflow_ros.tracking.track import TrackState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
FLOOR_M = 0.01
REACH_DEG = 10.0
"""Where an axis of heading errors ends, unless the fused poses go farther."""
LONGEST_S = 2.0
"""How long a frame's state is shown where no frame follows."""
LOOKS = {"single frame": ("tab:gray", 2), "fused": ("tab:blue", 3)}


def plot_timeline(path: Path, frames: list[FrameResult], fused: Judged, single: Judged) -> None:
    """Errors of the fused and of the single-frame poses over time, above the states; without a truth, only sigma."""
    from matplotlib.figure import Figure

    seconds = np.array([frame.stamp_ns - frames[0].stamp_ns for frame in frames]) * 1e-9
    errors = {
        name: (seconds[each.frames], each.errors)
        for name, each in zip(LOOKS, (single, fused), strict=True)
        if each.errors is not None
    }
    figure = Figure(figsize=(11, 7 if errors else 5), dpi=120, layout="constrained")
    heights = (3, 2, 0.6) if errors else (3, 0.6)
    # By gridspec_kw: subplots itself takes height_ratios from matplotlib 3.6 on.
    places, *yaws, states = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    _draw_errors(places, seconds, fused, errors)
    for axes in yaws:
        _draw_yaws(axes, errors)
    _draw_states(states, seconds, [frame.track.state for frame in frames])
    figure.savefig(path)


def _draw_errors(axes: Axes, seconds: Floats, fused: Judged, errors: dict[str, tuple[Floats, PoseErrors]]) -> None:
    """Of the place, and what the fused poses report of theirs."""
    for name, (when, each) in errors.items():
        colour, size = LOOKS[name]
        floored = np.maximum(each.position, FLOOR_M)
        axes.plot(when, floored, ".", color=colour, markersize=size, label=f"{name} poses")
    if fused.poses:
        std = [position_std(pose.covariance) for pose in fused.poses]
        axes.plot(
            seconds[fused.frames], std, ".", color="tab:orange", markersize=2, label="reported standard deviation"
        )
    most = max((float(np.max(each.get_ydata())) for each in axes.lines), default=1.0)
    top_m = 10.0 ** math.ceil(math.log10(max(most, 2 * FLOOR_M)))  # a decade has a number beside the axis
    axes.set(yscale="log", ylabel="position error [m]" if errors else "standard deviation [m]", ylim=(FLOOR_M, top_m))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.grid(alpha=0.3, which="both")
    if axes.lines:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncol=3, markerscale=3, frameon=False)


def _draw_yaws(axes: Axes, errors: dict[str, tuple[Floats, PoseErrors]]) -> None:
    """Errors of the heading; how many single frames lie beyond the axis is told."""
    degrees = {name: np.degrees(each.yaw) for name, (_, each) in errors.items()}
    reach = max(REACH_DEG, 1.05 * float(np.abs(degrees.get("fused", np.zeros(1))).max()))
    for name, (when, _) in errors.items():
        colour, size = LOOKS[name]
        axes.plot(when, degrees[name], ".", color=colour, markersize=size)
    outside = sum(int((np.abs(values) > reach).sum()) for values in degrees.values())
    if outside:
        axes.set_title(f"farther off, not shown: {outside}", loc="right", fontsize="small")
    axes.set(ylabel="heading error [°]", ylim=(-reach, reach))
    axes.grid(alpha=0.3)


def _draw_states(axes: Axes, seconds: Floats, states: list[TrackState]) -> None:
    """A coloured band, with holes where there were no frames."""
    order = np.argsort(seconds, kind="stable")  # frames may come late
    starts = seconds[order]
    usual = float(np.median(np.diff(starts))) if len(starts) > 1 else 0.1
    lengths = np.minimum(np.append(np.diff(starts), usual), max(LONGEST_S, 5 * usual))
    for state in TrackState:
        spans = [(starts[i], lengths[i]) for i, moment in enumerate(order) if states[moment] is state]
        axes.broken_barh(spans, (0, 1), facecolors=STATE_COLOURS[state.value], label=state.value)
    axes.set(yticks=[], xlabel="time [s]", ylim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.9), ncol=4)
