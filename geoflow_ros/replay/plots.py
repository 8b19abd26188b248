"""Pictures of a replayed drive: how far off it was, what it said of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import position_std
from geoflow_ros.replay.play import FrameResult
from geoflow_ros.replay.results import Judged
from geoflow_ros.tracking.track import TrackState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
COLOURS = {
    TrackState.INITIALISING: "tab:blue",
    TrackState.LOCALISED: "tab:green",
    TrackState.DEGRADED: "tab:orange",
    TrackState.LOST: "tab:red",
}


def plot_timeline(path: Path, frames: list[FrameResult], fused: Judged, single: Judged) -> None:
    """Errors of the fused and of the single-frame poses over time, above the states."""
    from matplotlib.figure import Figure

    seconds = np.array([frame.stamp_ns - frames[0].stamp_ns for frame in frames]) * 1e-9
    figure = Figure(figsize=(11, 7), dpi=120, layout="constrained")
    errors, yaws, states = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 0.6))
    for judged, label, colour, size in ((single, "single frame", "tab:gray", 2), (fused, "fused", "tab:blue", 3)):
        if judged.errors is not None:
            when = seconds[judged.frames]
            floor = np.maximum(judged.errors.position, 0.01)
            errors.plot(when, floor, ".", color=colour, markersize=size, label=f"{label} poses")
            yaws.plot(when, np.degrees(judged.errors.yaw), ".", color=colour, markersize=size)
    if fused.poses:
        std = [position_std(pose.covariance) for pose in fused.poses]
        errors.plot(
            seconds[fused.frames], std, ".", color="tab:orange", markersize=2, label="reported standard deviation"
        )
    errors.set(yscale="log", ylabel="position error [m]", ylim=(0.01, None))
    errors.yaxis.set_major_formatter("{x:g}")
    errors.yaxis.set_minor_formatter("")
    errors.grid(alpha=0.3, which="both")
    if errors.lines:
        errors.legend(loc="upper right", ncols=3)
    yaws.set(ylabel="heading error [deg]", ylim=(-10, 10))
    yaws.grid(alpha=0.3)
    _draw_states(states, seconds, [frame.track.state for frame in frames])
    figure.savefig(path)


def _draw_states(axes: Axes, seconds: Floats, states: list[TrackState]) -> None:
    """A coloured band."""
    ends = np.append(seconds[1:], seconds[-1] + (float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.1))
    for state, colour in COLOURS.items():
        spans = [(start, end - start) for start, end, each in zip(seconds, ends, states, strict=True) if each is state]
        axes.broken_barh(spans, (0, 1), facecolors=colour, label=state.value)
    axes.set(yticks=[], xlabel="time [s]", ylim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.9), ncols=4)
