"""The timeline of a replay says what it shows, and shows nothing that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.replay.play import FrameResult
from geoflow_ros.replay.plots import plot_timeline
from geoflow_ros.replay.results import judge
from geoflow_ros.reports.page_data import STATE_COLOURS
from geoflow_ros.tracking.track import Track, TrackState

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
TRUTH = Trajectory(np.arange(0.0, 100.0, 0.1), np.zeros((1000, 3)))


def frame(seconds: float, yaw_deg: float = 0.0) -> FrameResult:
    pose = PoseWithCovariance(0.3, 0.0, float(np.radians(yaw_deg)), np.diag([0.04, 0.04, 0.01]))
    return FrameResult(round(seconds * 1e9), Track(TrackState.LOCALISED, "", pose), pose, 0.02, None)


def drawn(monkeypatch: pytest.MonkeyPatch, frames: list[FrameResult], truth: Trajectory | None) -> Any:
    """The figure."""
    from matplotlib.figure import Figure

    figures: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: figures.append(self))
    fused = judge(frames, lambda each: each.track.pose, truth)
    plot_timeline(Path("t.png"), frames, fused, judge(frames, lambda each: each.single, truth))
    return figures[0]


def test_without_a_truth_there_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [frame(0.1 * i) for i in range(10)]
    assert [axes.get_ylabel() for axes in drawn(monkeypatch, frames, None).axes] == ["standard deviation [m]", ""]
    labels = [axes.get_ylabel() for axes in drawn(monkeypatch, frames, TRUTH).axes]
    assert labels == ["position error [m]", "heading error [°]", ""]


def test_no_state_is_shown_where_no_frame_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 0 to 1 s and of 61 to 62 s; one comes late."""
    seconds = [*np.arange(0.0, 1.0, 0.1), *np.arange(61.0, 62.0, 0.1)]
    seconds[3], seconds[4] = seconds[4], seconds[3]
    states = drawn(monkeypatch, [frame(each) for each in seconds], TRUTH).axes[-1]
    band = states.collections[list(TrackState).index(TrackState.LOCALISED)]
    assert matplotlib.colors.to_hex(band.get_facecolor()[0]) == STATE_COLOURS["LOCALISED"]
    lengths = [np.ptp(path.vertices[:, 0]) for path in band.get_paths()]
    assert sum(lengths) == pytest.approx(4.0, abs=0.2) and max(lengths) == pytest.approx(2.0)


def test_headings_beyond_the_axis_are_counted_or_the_axis_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [frame(0.1 * i) for i in range(10)]
    far = frame(1.0, 40.0)
    lost = FrameResult(far.stamp_ns, Track(TrackState.LOST, "", None), far.single, 0.02, None)
    yaws = drawn(monkeypatch, [*frames, lost], TRUTH).axes[1]
    assert yaws.get_ylim() == (-10.0, 10.0) and yaws.get_title(loc="right") == "farther off, not shown: 1"
    yaws = drawn(monkeypatch, [*frames, far], TRUTH).axes[1]
    assert yaws.get_ylim()[1] > 40.0 and yaws.get_title(loc="right") == ""


@pytest.mark.parametrize("truth", [TRUTH, None], ids=["with a truth", "without"])
def test_it_is_drawn_by_matplotlib_3_5_too(monkeypatch: pytest.MonkeyPatch, truth: Trajectory | None) -> None:
    """Which Ubuntu 22.04 has, and whose subplots take no ratios, whose legends no ncols."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    subplots, legend = Figure.subplots, Axes.legend

    def older(
        self: Figure, nrows: int = 1, ncols: int = 1, *, sharex: bool = False, gridspec_kw: dict[str, Any] | None = None
    ) -> Any:
        return subplots(self, nrows, ncols, sharex=sharex, gridspec_kw=gridspec_kw)

    def older_legend(self: Axes, *, loc: str, bbox_to_anchor: tuple[float, float], ncol: int, **look: Any) -> Any:
        return legend(self, loc=loc, bbox_to_anchor=bbox_to_anchor, ncol=ncol, **look)

    monkeypatch.setattr(Figure, "subplots", older)
    monkeypatch.setattr(Axes, "legend", older_legend)
    axes = drawn(monkeypatch, [frame(0.1 * i) for i in range(10)], truth).axes
    heights = [each.get_subplotspec().get_gridspec().get_height_ratios() for each in axes]
    assert heights[0][0] == 3 and heights[0][-1] == 0.6
