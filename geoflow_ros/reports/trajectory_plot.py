"""A picture of where a drive went, on the imagery."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.reports.ground import near_fixes
from geoflow_ros.satellite.mosaic import SatelliteMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
BACKGROUND_PX = 1200
MARGIN_M = 20.0
WORST_M = 1.0
"""Error at which the colours of the poses end."""


def plot_trajectory(
    path: Path, poses: Floats, truth: Floats | None, fixes: Floats, satellite: SatelliteMap, frame: LocalFrame,
    errors: Floats | None = None, name: str = "fused poses",
) -> None:  # fmt: skip
    """Write a picture of poses (K, 2), truth (N, 2) and fixes (M, 2), east and north in metres.

    errors: (K,) of the poses, metres; they are coloured by them. name: what the legend calls the poses.
    """
    from matplotlib.figure import Figure

    driven = [each for each in (poses, truth) if each is not None and len(each)]
    shown = np.concatenate(driven) if driven else near_fixes(fixes)
    low, high = shown.min(axis=0) - MARGIN_M, shown.max(axis=0) + MARGIN_M
    figure = Figure(figsize=(10, 9), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    credit = _draw_imagery(axes, low, high, satellite, frame)
    if len(fixes):
        axes.plot(*fixes.T, "x", color="tab:red", markersize=3, alpha=0.7, label="GNSS fixes")
    if truth is not None:
        axes.plot(*truth.T, "-", color="white", linewidth=3)
        axes.plot(*truth.T, "-", color="black", linewidth=1.5, label="truth")
    if errors is not None:
        x, y = poses.T
        dots = axes.scatter(x, y, s=10, c=errors, cmap="turbo", vmin=0.0, vmax=WORST_M, label=name, zorder=3)
        figure.colorbar(dots, ax=axes, label=f"error of the {name} [m]", extend="max", shrink=0.8)
    elif len(poses):
        axes.plot(*poses.T, ".", color="tab:cyan", markersize=4, label=name)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="east [m]", ylabel="north [m]", aspect="equal")
    _draw_scale(axes, low, high)
    axes.legend(loc="upper right")
    figure.supxlabel(credit, fontsize=7, wrap=True, parse_math=False)
    figure.savefig(path)


def _draw_imagery(axes: Axes, low: Floats, high: Floats, satellite: SatelliteMap, frame: LocalFrame) -> str:
    """Whose imagery it is."""
    east, north = ((low + high) / 2).tolist()
    patch = satellite.patch(frame, (east, north), 0.0, BACKGROUND_PX, float((high - low).max()) / BACKGROUND_PX)
    half = patch.size_m / 2
    axes.imshow(patch.image, extent=(east - half, east + half, north - half, north + half), alpha=0.75)
    return patch.credit


def _draw_scale(axes: Axes, low: Floats, high: Floats) -> None:
    from matplotlib.patheffects import withStroke

    length_m = 10.0 ** math.floor(math.log10(max(high - low) / 3))
    x, y = low + 0.04 * (high - low)
    rim = [withStroke(linewidth=2, foreground="black")]
    axes.plot([x, x + length_m], [y, y], color="black", linewidth=6, solid_capstyle="butt")
    axes.plot([x, x + length_m], [y, y], color="white", linewidth=4, solid_capstyle="butt")
    axes.annotate(f"{length_m:g} m", (x, y), xytext=(0, 6), textcoords="offset points", color="white", path_effects=rim)
