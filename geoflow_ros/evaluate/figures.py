"""Figures of an evaluation: how large the errors are, where they lie, and whether the covariances are honest."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.outcome import Outcome, errors_of
from geoflow_ros.metrics import COVERAGES, THRESHOLDS, PoseErrors
from geoflow_ros.planar import rotate
from geoflow_ros.whole_files import replace_files

Floats = NDArray[np.float64]
COMMON_FRAME_M = 100.0
"""Truths further apart than this lie in one frame; else every sample has a frame of its own."""
SHOWN = 0.95  # quantile of the errors at which the axes end, so that one outlier does not squeeze the rest
POSITION, LONGITUDINAL, LATERAL, HEADING = "black", "tab:blue", "tab:orange", "tab:purple"


def write_figures(folder: Path, outcomes: Sequence[Outcome], title: str) -> None:
    """Write error_cdf.png, error_map.png and reliability.png of at least one outcome into a folder."""
    errors = errors_of(outcomes)
    for name, figure in {
        "error_cdf": error_cdf(errors, title),
        "error_map": error_map(outcomes, title),
        "reliability": reliability(errors, title),
    }.items():
        png = io.BytesIO()
        figure.savefig(png, format="png")
        replace_files({folder / f"{name}.png": png.getvalue()})


def error_cdf(errors: PoseErrors, title: str) -> Any:
    """A figure of the share of frames below an error: position, lateral, longitudinal; and heading."""
    figure, (metres, degrees) = _figure(title, 2, (10, 4.2))
    parts = {
        "position": (errors.position, POSITION),
        "longitudinal": (np.abs(errors.longitudinal), LONGITUDINAL),
        "lateral": (np.abs(errors.lateral), LATERAL),
    }
    for name, (values, colour) in parts.items():
        _distribution(metres, values, f"{name}, median {np.median(values):.2f} m", colour)
    yaw_deg = np.degrees(np.abs(errors.yaw))
    _distribution(degrees, yaw_deg, f"heading, median {np.median(yaw_deg):.2f}°", HEADING)
    for axes, values, unit in ((metres, errors.position, "m"), (degrees, yaw_deg, "°")):
        axes.set(xlim=(0.0, _reach(values)), ylim=(0.0, 1.01), xlabel=f"error [{unit}]", ylabel="share of frames below")
        for threshold in THRESHOLDS:
            axes.axvline(threshold, color="0.8", linewidth=0.8, zorder=0)
        axes.yaxis.set_major_formatter(_percent())
        axes.legend(loc="lower right")
    return figure


def error_map(outcomes: Sequence[Outcome], title: str) -> Any:
    """A figure of the errors as the driver sees them, of where in the search area they occur, and of where on earth.

    The last part is there only if the samples share a frame.
    """
    errors, truths = errors_of(outcomes), np.array([each.truth for each in outcomes])
    common = float(np.ptp(truths[:, :2], axis=0).max()) > COMMON_FRAME_M
    figure, axes = _figure(title, 3 if common else 2, (15 if common else 10.5, 5.0))
    _as_the_driver_sees(axes[0], errors)
    colour = {"c": errors.position, "cmap": "viridis", "vmin": 0.0, "vmax": _reach(errors.position), "s": 14}
    places = _in_search_area(outcomes)
    points = axes[1].scatter(*places.T, **colour)
    reach = max(float(np.abs(places).max()), 1.0) * 1.05
    axes[1].set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title="where the camera truly was")
    axes[1].set(xlabel="right of the prior [m]", ylabel="ahead of the prior [m]")
    if common:
        axes[2].scatter(*truths[:, :2].T, **colour)
        axes[2].set(xlabel="east [m]", ylabel="north [m]", aspect="equal", title="on the map")
    figure.colorbar(points, ax=axes[-1], label="position error [m]", extend="max", shrink=0.85)
    return figure


def reliability(errors: PoseErrors, title: str) -> Any:
    """A figure of the NEES beside the chi-square it should follow, and of stated against observed coverage."""
    figure, (histogram, coverage) = _figure(title, 2, (10, 4.4))
    edges = np.linspace(0.0, 12.0, 25)
    shown = np.minimum(errors.nees, edges[-1] - 1e-6)
    label = f"frames (mean {errors.nees.mean():.2f}; what is above is in the last bar)"
    histogram.hist(
        shown, edges, weights=np.full(len(shown), 1.0 / len(shown) / edges[1]), color="tab:blue", label=label
    )
    x = np.linspace(0.0, edges[-1], 200)
    histogram.plot(x, 0.5 * np.exp(-x / 2), color="black", label="chi-square, 2 degrees of freedom (mean 2)")
    histogram.set(xlabel="NEES of the position", ylabel="density", xlim=(0.0, edges[-1]))
    histogram.margins(y=0.3)
    histogram.legend()
    coverage.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    stated = {"position": (1.0 - np.exp(-errors.nees / 2), POSITION), "heading": (_two_sided(errors.yaw_nees), HEADING)}
    for name, (levels, colour) in stated.items():
        observed = [float((levels <= share).mean()) for share in COVERAGES]
        label = f"{name}: {', '.join(f'{seen:.0%}' for seen in observed)}\nin the regions of 50, 90, 95 %"
        _distribution(coverage, levels, label, colour)
        coverage.plot(COVERAGES, observed, "o", color=colour, markersize=4)
    coverage.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="stated probability", ylabel="share of truths inside")
    coverage.legend(loc="lower right", fontsize="small")
    coverage.set_title("above the line: too cautious; below: too sure", fontsize="medium")
    return figure


def require_matplotlib() -> None:
    """Raise an InputError that says what to install where figures cannot be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise InputError(f"figures need matplotlib: pip install matplotlib ({error})") from error


def _figure(title: str, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=130, layout="constrained")
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure, figure.subplots(1, columns)


def _percent() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0, decimals=0)


def _reach(values: Floats) -> float:
    """Where an axis of errors ends."""
    return max(1.2 * float(np.quantile(values, SHOWN)), 1.2 * THRESHOLDS[0])


def _distribution(axes: Any, values: Floats, label: str, colour: str) -> None:
    """The empirical distribution, from 0 to 1 in steps of one frame."""
    ordered, shares = np.append(0.0, np.sort(values)), np.arange(len(values) + 1) / len(values)
    axes.plot(ordered, shares, color=colour, label=label, drawstyle="steps-post")


def _as_the_driver_sees(axes: Any, errors: PoseErrors) -> None:
    reach = _reach(errors.position)
    angle = np.linspace(0.0, 2.0 * math.pi, 181)
    for radius in (each for each in THRESHOLDS if each < reach):
        axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="0.75", linewidth=0.8)
        axes.annotate(f"{radius:g} m", (0.0, radius), ha="center", va="bottom", color="0.5", fontsize="small")
    axes.scatter(-errors.lateral, errors.longitudinal, s=8, color="tab:blue", alpha=0.5, linewidth=0)
    outside = int((np.maximum(np.abs(errors.lateral), np.abs(errors.longitudinal)) > reach).sum())
    note = f" ({outside} outside)" if outside else ""
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"estimate about the truth{note}")
    axes.set(xlabel="to the right [m]", ylabel="ahead [m]")


def _in_search_area(outcomes: Sequence[Outcome]) -> Floats:
    """Right, ahead (n, 2) in metres of the truths from their priors."""
    truth, prior = (np.array([getattr(each, name) for each in outcomes]) for name in ("truth", "prior"))
    return rotate(math.pi / 2 - prior[:, 2], (truth - prior)[:, :2])


def _two_sided(yaw_nees: Floats) -> Floats:
    """Probability of a smaller squared deviation: chi-square with 1 degree of freedom."""
    return np.array([math.erf(math.sqrt(value / 2)) for value in yaw_nees])
