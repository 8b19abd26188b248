"""The page in a browser: what is drawn where, in windows of any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import complaints, window
from report_support import opened, report

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.reports.page_data import PoseColumns

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


INK = """
const plot = plots[arguments[0]], { left, top, width, height } = plot.bbox, x = plot.valToPos(arguments[1], "x", true);
const copy = new OffscreenCanvas(1, height - 2).getContext("2d", { willReadFrequently: true });
copy.drawImage(plot.ctx.canvas, -Math.round(x), -top - 1);
const { data } = copy.getImageData(0, 0, 1, height - 2), colours = new Set();
for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(data.slice(i, i + 3).join());
return [...colours];
"""


def test_nothing_is_drawn_where_no_frame_was(browser: Chrome, tmp_path: Path) -> None:
    """Moments 0 to 49 are followed by 30 s of nothing: no way, no curve and no state there."""
    gap = np.where(np.arange(100) < 50, 0.0, 30.0)
    opened(browser, tmp_path / "report.html", report(along=np.arange(100) / 10 + gap))
    assert browser.execute_script("return runs(report.fused).map((run) => [run[0], run.at(-1)])") == [
        [10, 49],
        [50, 99],
    ]
    assert browser.execute_script("return runs(report.truth).length") == 2
    errors, latencies, states = 0, 2, 3
    ink = [
        [set(browser.execute_script(INK, plot, when)) for when in (4.5, 20.2)] for plot in (errors, latencies, states)
    ]
    assert all(there - between for there, between in ink), ink
    assert "16,185,129" in ink[-1][0] and "16,185,129" not in ink[-1][1]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_state_of_the_last_moment_is_seen(browser: Chrome, tmp_path: Path, count: int) -> None:
    """As wide as that of any other."""
    none, unknown = PoseColumns.of([None] * count), np.full(count, np.nan)
    made = replace(
        report(70), along=np.arange(float(count)), is_way=False, axis="sample", fused=none, single=none, prior=none,
        states=["ACCEPTED"] * (count - 1) + ["REFUSED"], reasons=[""] * count, milliseconds=unknown,
        truth=np.full((count, 3), np.nan), snapshots=[],
    )  # fmt: skip
    opened(browser, tmp_path / "report.html", made)
    seen = [browser.execute_script(INK, 0, moment + 0.5) for moment in range(count)]
    assert seen == [["16,185,129"]] * (count - 1) + [["179,0,27"]]
    assert complaints(browser) == []


def test_a_single_frame_is_seen_on_its_street(browser: Chrome, tmp_path: Path) -> None:
    """Not a centimetre of it: and its numbers are in the curves though nothing joins them."""
    opened(browser, tmp_path / "report.html", report(along=np.arange(100) * 1e4, fused=lone(50), single=lone(50)))
    east, north = browser.execute_script(
        "const b = map.getBounds(); return [b.getEast() - b.getWest(), b.getNorth() - b.getSouth()]"
    )
    assert east >= 50.0 and north >= 50.0
    browser.execute_script("show(10)")
    assert "255,159,28" in browser.execute_script(INK, 0, 50e4)  # the reported sigma


def lone(moment: int) -> PoseColumns:
    pose = PoseWithCovariance(0.0, 0.0, 0.0, np.diag([0.04, 0.04, 0.01]))
    return PoseColumns.of([pose if i == moment else None for i in range(100)])


@pytest.mark.parametrize(("width", "height"), [(1280, 780), (800, 600), (390, 844), (2560, 1440)])
def test_nothing_is_cut_off_in_any_window(browser: Chrome, tmp_path: Path, width: int, height: int) -> None:
    tables = {"Reasons": {"frames confirm the pose, its standard deviation is # m; camera rear_left: look": "1806"}}
    with window(browser, width, height):
        opened(browser, tmp_path / "report.html", report(tables=tables, title="Replay of some_long_name_of_a_drive"))
        assert browser.execute_script("return document.scrollingElement.scrollWidth") <= width
        for part in ("#headline", "#clock", "#scale", "#tables td + td", "#moment td"):
            box = browser.find_element("css selector", part).rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 10, part
        cell = browser.find_element("css selector", "#tables td + td")
        assert (
            browser.execute_script(
                "const r = document.createRange(); r.selectNodeContents(arguments[0]);return r.getClientRects().length",
                cell,
            )
            == 1
        )  # digits stay together
        assert browser.find_element("id", "slider").rect["y"] - browser.execute_script("return scrollY") < 2 * height
        nav = browser.execute_script("return document.querySelector('nav').getBoundingClientRect().bottom")
        assert nav <= height  # the slider is in sight with the map


def test_a_narrow_map_is_not_covered_by_the_list_of_its_layers(browser: Chrome, tmp_path: Path) -> None:
    with window(browser, 390, 844):
        opened(browser, tmp_path / "report.html", report())
        shown = browser.find_element("css selector", ".leaflet-control-layers")
        assert shown.rect["width"] < 60 and shown.rect["height"] < 60
        browser.find_element("css selector", ".leaflet-control-layers-toggle").click()
        assert "GNSS fixes" in shown.text and shown.rect["height"] > 100
        assert complaints(browser) == []


def test_numbers_beside_a_curve_leave_room_for_its_label(browser: Chrome, tmp_path: Path) -> None:
    opened(browser, tmp_path / "report.html", report(milliseconds=np.full(100, 15_000.0)))
    written = browser.execute_script("return [15000, -12500, 2000, 0.05, 0.1 + 0.2, 0].map(shortText)")
    assert written == ["15k", "-12.5k", "2000", "0.05", "0.3", "0"]


SIZES = """
const done = arguments[0], box = map.getContainer().getBoundingClientRect(), { x, y } = map.getSize();
requestAnimationFrame(() => done([[Math.round(box.width), Math.round(box.height)], [x, y]]));
"""


def test_the_map_knows_its_size_when_the_legend_wraps(browser: Chrome, tmp_path: Path) -> None:
    """Else what is pressed on it is told beside where it is."""
    opened(browser, tmp_path / "report.html", report())
    browser.execute_script("document.getElementById('legend').style.minHeight = '90px'")
    sizes = [browser.execute_async_script(SIZES) for _ in range(20)]
    assert sizes[-1][0] == sizes[-1][1], sizes
