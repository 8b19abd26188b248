"""The picture of a drive's trajectory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.reports.trajectory_plot import plot_trajectory
from geoflow_ros.satellite.patch import SatellitePatch

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
LINE = np.linspace([0.0, 0.0], [50.0, 30.0], 20)


class GreyMap:
    """Imagery of one grey, and what was asked of it."""

    def patch(self, frame: LocalFrame, center: tuple[float, float], yaw: float, px: int, m: float) -> SatellitePatch:
        self.asked = center, px * m
        return SatellitePatch(np.full((px, px, 3), 120, np.uint8), center, m, yaw)


def picture(path: Path, grey: GreyMap, truth: NDArray[np.float64] | None, errors: NDArray[np.float64] | None) -> object:
    fixes = np.concatenate([LINE + 5.0, [[9e3, 9e3]]])  # one that is far off
    frame = LocalFrame(Datum(48.0, 11.0))
    plot_trajectory(path / "t.png", LINE, truth, fixes, grey, frame, errors)  # type: ignore[arg-type]
    return cv2.imread(str(path / "t.png"))


def test_poses_and_truth_fill_the_picture_and_a_far_fix_does_not(tmp_path: Path) -> None:
    grey = GreyMap()
    shown = picture(tmp_path, grey, LINE + 1.0, None)
    assert isinstance(shown, np.ndarray) and shown.shape[0] > 500 and np.ptp(shown) == 255
    assert grey.asked[0] == pytest.approx((25.5, 15.5)) and grey.asked[1] == pytest.approx(51.0 + 2 * 20.0)


def test_errors_colour_the_poses(tmp_path: Path) -> None:
    good, bad = (
        picture(tmp_path, GreyMap(), None, np.full(20, error)) for error in (0.0, 0.5)
    )  # the ends of the scale are both dark
    assert isinstance(good, np.ndarray) and isinstance(bad, np.ndarray)
    assert good.shape == bad.shape and np.abs(good.astype(int) - bad).max() > 100


def labels(
    monkeypatch: pytest.MonkeyPatch, path: Path, poses: NDArray[np.float64], fixes: NDArray[np.float64]
) -> list[str]:
    """What the legend names."""
    from matplotlib.figure import Figure

    shown: list[str] = []
    monkeypatch.setattr(
        Figure, "savefig", lambda self, path: shown.extend(each.get_text() for each in self.axes[0].get_legend().texts)
    )
    frame = LocalFrame(Datum(48.0, 11.0))
    plot_trajectory(path / "t.png", poses, LINE, fixes, GreyMap(), frame, None, "smoothed poses")  # type: ignore[arg-type]
    return shown


def test_the_legend_names_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    none = np.empty((0, 2))
    assert labels(monkeypatch, tmp_path, LINE, LINE) == ["GNSS fixes", "truth", "smoothed poses"]
    assert labels(monkeypatch, tmp_path, none, LINE) == ["GNSS fixes", "truth"]
    assert labels(monkeypatch, tmp_path, LINE, none) == ["truth", "smoothed poses"]


def test_two_far_fixes_and_nothing_else(tmp_path: Path) -> None:
    fixes, none = np.array([[0.0, 0.0], [5e3, 0.0]]), np.empty((0, 2))
    plot_trajectory(tmp_path / "t.png", none, None, fixes, GreyMap(), LocalFrame(Datum(48.0, 11.0)))  # type: ignore[arg-type]
    assert (tmp_path / "t.png").stat().st_size > 1000
