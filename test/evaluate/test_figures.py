"""What the figures of an evaluation show."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_support import Samples, perfect, two_metres_ahead_and_one_left

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.cases import CAPTION_PX, GAP_PX, PANEL_PX, write_cases
from geoflow_ros.evaluate.outcome import Evaluated, Outcome, Solve, errors_of, evaluate
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.reports.heatmap import GREEN, MAGENTA

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from geoflow_ros.evaluate import figures

CONFIG = LocalizerConfig()


def outcome(truth: tuple[float, float, float], error: tuple[float, float], std: float = 1.0) -> Outcome:
    """A pose off by metres east and north, and by no heading; prior at the origin, looking north."""
    pose = (truth[0] + error[0], truth[1] + error[1], truth[2])
    covariance = np.diag([std**2, std**2, 0.01])
    return Outcome(0, "k", truth, (0.0, 0.0, math.pi / 2), pose, covariance, 1.0, 0.0, 1.0)


def dots(axes: object) -> np.ndarray:
    return np.asarray(axes.collections[0].get_offsets())  # type: ignore[attr-defined]


def labels(axes: object) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_the_distribution_of_errors() -> None:
    # Heading north: north is longitudinal.
    outcomes = [outcome((0.0, 0.0, math.pi / 2), (0.0, float(north))) for north in (1, -2, 3, -4)]
    metres, degrees = figures.error_cdf(errors_of(outcomes), "t").axes
    assert labels(metres) == ["position, median 2.50 m", "longitudinal, median 2.50 m", "lateral, median 0.00 m"]
    assert labels(degrees) == ["heading, median 0.00\N{DEGREE SIGN}"]
    line = metres.get_lines()[0]
    assert line.get_xdata() == pytest.approx([0, 1, 2, 3, 4]) and line.get_ydata() == pytest.approx(
        [0, 0.25, 0.5, 0.75, 1]
    )


def test_a_title_is_no_formula(tmp_path: Path) -> None:
    """A folder may be called anything."""
    outcomes = [outcome((0.0, 0.0, 0.0), (1.0, 0.0))] * 2
    figures.write_figures(tmp_path, outcomes, r"drives/$\nosuch{$ of <b>O'Hara</b>")
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_the_error_map_is_as_the_driver_sees_it() -> None:
    # Heading west: 2 m too far south is to the left, 1 m too far west ahead.
    outcomes = [outcome((3.0, 4.0, math.pi), (-1.0, -2.0))] * 2
    driver, area, *_ = figures.error_map(outcomes, "t").axes
    assert dots(driver)[0] == pytest.approx([-2.0, 1.0])
    # The prior looks north: the camera is 3 m right and 4 m ahead of it.
    assert dots(area)[0] == pytest.approx([3.0, 4.0])


def test_samples_of_one_frame_are_shown_on_a_map() -> None:
    near, far = outcome((0.0, 0.0, 0.0), (0.0, 1.0)), outcome((500.0, 200.0, 0.0), (0.0, 1.0))
    assert len(figures.error_map([near, near], "t").axes) == 3  # two and the colour bar
    axes = figures.error_map([near, far], "t").axes
    assert len(axes) == 4 and dots(axes[2]) == pytest.approx(np.array([[0, 0], [500, 200]]))


def test_stated_and_observed_coverage() -> None:
    # NEES 1, 1, 4 and 25 against 1.39, 4.61 and 5.99.
    outcomes = [outcome((0.0, 0.0, 0.0), (0.0, error)) for error in (1.0, -1.0, 2.0, 5.0)]
    histogram, coverage = figures.reliability(errors_of(outcomes), "t").axes
    position, heading = labels(coverage)
    assert position == "position: 50%, 75%, 75%\nin the regions of 50, 90, 95 %"
    assert heading.startswith("heading: 100%, 100%, 100%")
    heights = [bar.get_height() for bar in histogram.patches]
    assert heights[2] == pytest.approx(1.0) and heights[8] == heights[-1] == pytest.approx(0.5)  # bars of 0.5
    assert labels(histogram)[0].startswith("frames (mean 7.75;")


def test_a_heading_deviates_to_both_sides() -> None:
    # 68.27 % lie within one standard deviation, 95.45 % within two.
    assert figures._two_sided(np.array([1.0, 4.0])) == pytest.approx([0.6827, 0.9545], abs=1e-4)


def test_three_pictures_are_written(tmp_path: Path) -> None:
    figures.write_figures(tmp_path, [outcome((0.0, 0.0, 0.0), (0.5, 1.0))] * 3, "t")
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["error_cdf.png", "error_map.png", "reliability.png"]
    assert all(cv2.imread(str(tmp_path / name)).min() == 0 for name in written)


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="figures need matplotlib: pip install matplotlib"):
        figures.require_matplotlib()


def test_the_best_and_the_worst_are_shown_with_truth_and_estimate(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    class Large(Samples):
        """With patches as large as the density, and a frame of 8 x 4 px."""

        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            patch = dataclasses.replace(sample.patch, image=np.full((100, 100, 3), 90, np.uint8), resolution=0.5)
            return dataclasses.replace(sample, ground=np.full((4, 8, 3), 60, np.uint8), patch=patch)

    def locator(sample: Sample) -> Solve:
        off = two_metres_ahead_and_one_left(sample) if sample.key in ("s1", "s3") else perfect(sample)

        def solve(config: LocalizerConfig, seed: int):  # type: ignore[no-untyped-def]
            asked.append((sample.key, seed))
            return off(config, seed)

        return solve

    (outcomes,) = evaluate(Large(), locator, range(5), 100, [CONFIG])
    asked.clear()
    write_cases(tmp_path, Evaluated(Large(), locator, CONFIG, 100, outcomes))
    assert asked[:3] == [("s0", 100), ("s2", 102), ("s4", 104)]  # the perfect ones
    assert {key for key, _ in asked[4:6]} == {"s1", "s3"}
    worst = cv2.cvtColor(cv2.imread(str(tmp_path / "worst.jpg")), cv2.COLOR_BGR2RGB).astype(int)
    frame_px = PANEL_PX // 2
    assert worst.shape == (CAPTION_PX + frame_px + PANEL_PX, 4 * (PANEL_PX + GAP_PX), 3)
    assert worst[CAPTION_PX + frame_px // 2, PANEL_PX // 2] == pytest.approx([60, 60, 60], abs=3)
    view = worst[-PANEL_PX:, :PANEL_PX]
    rows = {name: np.nonzero(np.abs(view - colour).sum(axis=2) < 90)[0] for name, colour in
            {"truth": MAGENTA, "estimate": GREEN}.items()}  # fmt: skip
    below_legend = {name: found[found > 90].min() for name, found in rows.items()}
    # The true heading is up and the estimate, 2 m ahead, reaches 2 m (of 44 m shown) further up.
    assert (below_legend["truth"] - below_legend["estimate"]) * 44 / PANEL_PX == pytest.approx(2.0, abs=0.6)


@pytest.mark.parametrize("name", ["best.jpg", "worst.jpg", "error_cdf.png", "error_map.png", "reliability.png"])
def test_a_picture_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (outcomes,) = evaluate(Samples(), perfect, range(3), 0, [CONFIG])
    with pytest.raises(InputError, match=f"{name} cannot be written"):
        figures.write_figures(tmp_path, outcomes, "title")
        write_cases(tmp_path, Evaluated(Samples(), perfect, CONFIG, 0, outcomes))
