"""Pictures of a replayed drive: where it went, how far off it was, what it said of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import position_std
from geoflow_ros.replay.play import FrameResult
from geoflow_ros.replay.results import Judged
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.tracker import TrackState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
BACKGROUND_PX = 1200
MARGIN_M = 20.0
NEAR_M = 1000.0
"""Fixes farther off are not shown where nothing else tells where the vehicle was."""
WORST_M = 1.0
"""Error at which the colours of the trajectory end."""
COLOURS = {
    TrackState.INITIALISING: "tab:blue",
    TrackState.LOCALISED: "tab:green",
    TrackState.DEGRADED: "tab:orange",
    TrackState.LOST: "tab:red",
}


def plot_trajectory(
    path: Path, fused: Judged, truth: Floats | None, fixes: Floats, satellite: SatelliteMap, frame: LocalFrame
) -> None:
    """The fused poses on the imagery, coloured by their error; truth (N, 2) and fixes (M, 2) in metres."""
    from matplotlib.figure import Figure

    places = np.array([(pose.east, pose.north) for pose in fused.poses]).reshape(-1, 2)
    driven = [each for each in (places, truth) if each is not None and len(each)]
    shown = np.concatenate(driven) if driven else fixes[np.abs(fixes - np.median(fixes, axis=0)).max(axis=1) < NEAR_M]
    low, high = shown.min(axis=0) - MARGIN_M, shown.max(axis=0) + MARGIN_M
    figure = Figure(figsize=(10, 9), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _draw_imagery(axes, low, high, satellite, frame)
    axes.plot(*fixes.T, "x", color="tab:red", markersize=3, alpha=0.7, label="GNSS fixes")
    if truth is not None:
        axes.plot(*truth.T, "-", color="black", linewidth=1.0, label="truth")
    if fused.errors is None:
        axes.plot(*places.T, ".", color="tab:cyan", markersize=4, label="fused poses")
    else:
        error = fused.errors.position
        x, y = places[:, 0], places[:, 1]
        dots = axes.scatter(x, y, s=10, c=error, cmap="turbo", vmin=0.0, vmax=WORST_M, label="fused poses", zorder=3)
        figure.colorbar(dots, ax=axes, label="error of the fused pose [m]", extend="max", shrink=0.8)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="east [m]", ylabel="north [m]", aspect="equal")
    axes.legend(loc="upper right")
    figure.savefig(path)


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


def _draw_imagery(axes: Axes, low: Floats, high: Floats, satellite: SatelliteMap, frame: LocalFrame) -> None:
    center = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)
    resolution = float((high - low).max()) / BACKGROUND_PX
    patch = satellite.patch(frame, center, 0.0, BACKGROUND_PX, resolution)
    half = patch.size_m / 2
    extent = (center[0] - half, center[0] + half, center[1] - half, center[1] + half)
    axes.imshow(patch.image, extent=extent, alpha=0.75)


def _draw_states(axes: Axes, seconds: Floats, states: list[TrackState]) -> None:
    """A coloured band."""
    ends = np.append(seconds[1:], seconds[-1] + (float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.1))
    for state, colour in COLOURS.items():
        spans = [(start, end - start) for start, end, each in zip(seconds, ends, states, strict=True) if each is state]
        axes.broken_barh(spans, (0, 1), facecolors=colour, label=state.value)
    axes.set(yticks=[], xlabel="time [s]", ylim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.9), ncols=4)
