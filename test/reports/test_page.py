"""The page in a browser: it works, asks for nothing, shows what it is of, and is small and quick enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import complaints, requests, text
from report_support import opened, picture, report

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.reports import ground
from geoflow_ros.reports.ground import Cell, Ground
from geoflow_ros.reports.page import write_page
from geoflow_ros.reports.page_data import PoseColumns, Snapshot
from geoflow_ros.reports.thumbnails import data_uri, jpeg, thumbnail

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
HOUR = 36_000
MAX_BYTES = 30_000_000
MAX_SECONDS = 3.0


def test_slider_layers_colours_and_links(browser: Chrome, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, tmp_path / "report.html", report())
    find = browser.find_element
    assert "2.00 m at most" in text(browser, "#headline")
    seen = []
    for moves in (0, 20, 20):
        find("id", "slider").send_keys(Keys.ARROW_RIGHT * moves)
        pictures = [find("css selector", name).get_attribute("src") for name in ("#cameras img", "#heatmap")]
        seen.append((text(browser, "#clock"), *pictures))
    assert [each[0] for each in seen] == ["0.00 s", "2.00 s", "4.00 s"]
    assert len({each[1] for each in seen}) == len({each[2] for each in seen}) == 3
    find("css selector", "#worst a").click()
    assert text(browser, "#clock") == "6.00 s" and "2.00 m, heading" in text(browser, "#moment")
    switches = browser.find_elements("css selector", ".leaflet-control-layers-selector")
    assert len(switches) == 9
    for number, layer in enumerate(switches):
        before = layer.is_selected()
        layer.click()
        assert layer.is_selected() is not before, f"layer {number}"
    assert browser.find_elements("css selector", ".leaflet-image-layer") == []
    for name in ("sigma", "state", "error"):
        find("css selector", f"#colour option:nth-child({['error', 'sigma', 'state'].index(name) + 1})").click()
        assert ("LOCALISED" in text(browser, "#scale")) is (name == "state")
    assert text(browser, ".leaflet-control-attribution") == "(c) the makers of the tiles"
    assert complaints(browser) == []
    assert set(requests(browser)) - {"about:blank"} == {(tmp_path / "report.html").as_uri()}


def test_a_click_into_a_curve_moves_the_slider(browser: Chrome, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    opened(browser, tmp_path / "report.html", report())
    curve = browser.find_element("css selector", ".u-over")
    ActionChains(browser).move_to_element(curve).click().perform()  # its middle
    assert browser.execute_script("return current.moment") == pytest.approx(49.5, abs=2.0)


def test_each_camera_of_a_rig_has_its_newest_picture(browser: Chrome, tmp_path: Path) -> None:
    """The rear camera begins later, and its name is as hostile as names can be."""
    pictures = [{"front": picture(i, 0, 0)} | ({EVIL: picture(i, 200, 0)} if i else {}) for i in (0, 20, 40)]
    shots = [Snapshot(20 * k, each, None, np.empty((0, 3))) for k, each in enumerate(pictures)]
    opened(browser, tmp_path / "report.html", report(snapshots=shots))
    sources = "return [...document.querySelectorAll('#cameras img')].map((each) => each.src)"
    assert browser.execute_script(sources) == [data_uri(pictures[1][EVIL]), data_uri(pictures[0]["front"])]
    assert text(browser, "#cameras").splitlines() == [f"{EVIL}, of 2.00 s", "front"]
    browser.execute_script("show(40)")
    assert browser.execute_script(sources) == [data_uri(pictures[2][EVIL]), data_uri(pictures[2]["front"])]
    figure = browser.find_element("css selector", "#cameras figure")
    width = figure.size["width"]
    figure.click()
    assert figure.size["width"] > 1.9 * width
    assert browser.execute_script("return window.hacked === undefined") is True and complaints(browser) == []


def test_hypotheses_are_those_of_the_heatmap_beside(browser: Chrome, tmp_path: Path) -> None:
    """One a snapshot, an arrow and a dot; that of moment 20 is at 20 m east."""
    opened(browser, tmp_path / "report.html", report())
    drawn = (
        "show(arguments[0]); return layers.hypotheses.getLayers().filter((each) => each.getLatLng)"
        ".map((each) => [each.getLatLng().lng, each.getLatLng().lat, each.options.color])"
    )
    assert browser.execute_script(drawn, 20) == [[20.0, 0.5, "#fff"]]
    assert browser.execute_script(drawn, 23) == [[20.0, 0.5, "#b8bcc4"]]
    assert "heatmap, the nearest picture is of 2.00 s" in text(browser, "#thought")


@pytest.mark.parametrize("field", ["title", "states", "reasons", "attribution", "tables", "axis"])
def test_names_are_text_and_nothing_else(browser: Chrome, tmp_path: Path, field: str) -> None:
    values: dict[str, Any] = {
        "title": EVIL, "states": [EVIL] * 100, "reasons": [EVIL] * 100, "axis": EVIL, "tables": {EVIL: {EVIL: EVIL}},
    }  # fmt: skip
    changed = {"ground": Ground((), EVIL)} if field == "attribution" else {field: values[field]}
    opened(browser, tmp_path / "report.html", report(**changed))
    assert browser.execute_script("return window.hacked === undefined") is True
    assert EVIL in browser.execute_script("return document.body.textContent + document.title")
    assert complaints(browser) == []


def test_a_drive_without_poses_truth_pictures_or_imagery(browser: Chrome, tmp_path: Path) -> None:
    none = PoseColumns.of([None] * 3)
    made = replace(
        report(70), along=np.arange(3.0), states=["LOST"] * 3, reasons=["no fix"] * 3, milliseconds=np.full(3, np.nan),
        fused=none, single=none, prior=none, truth=np.full((3, 3), np.nan), fixes=np.empty((0, 2)), snapshots=[],
        ground=Ground(), tables={},
    )  # fmt: skip
    opened(browser, tmp_path / "report.html", made)
    assert "LOST" in text(browser, "#moment") and "no frame was localised" in text(browser, "#thought")
    assert text(browser, "#cameras") == "no camera picture was kept"
    assert browser.find_elements("css selector", ".leaflet-control-layers-selector") == []
    assert [each.text for each in browser.find_elements("css selector", "#colour option")] == ["state"]
    assert complaints(browser) == []


def test_a_moment_without_a_unit_says_what_it_is_the_number_of(browser: Chrome, tmp_path: Path) -> None:
    opened(browser, tmp_path / "report.html", report(axis="sample", along=np.arange(100.0), is_way=False))
    assert text(browser, "#clock") == "sample 0" and text(browser, "#worst li").startswith("sample 60, ")
    browser.find_element("css selector", "#worst a").click()
    assert text(browser, "#clock") == "sample 60"


@pytest.mark.parametrize(
    ("link", "clock"), [("#6", "6.00 s"), ("#1e9", "9.90 s"), ("#-5", "0.00 s"), ("#x%F0", "0.00 s")]
)
def test_a_link_leads_to_its_moment_and_one_to_nowhere_harms_nothing(
    browser: Chrome, tmp_path: Path, link: str, clock: str
) -> None:
    from selenium.webdriver.common.keys import Keys

    write_page(tmp_path / "report.html", report())
    browser.get("about:blank")
    browser.get((tmp_path / "report.html").as_uri() + link)
    assert text(browser, "#clock") == clock and complaints(browser) == []
    browser.find_element("id", "slider").send_keys(Keys.END)
    assert text(browser, "#clock") == "9.90 s"
    browser.execute_script("togglePlay()")
    assert browser.execute_script("return [current.moment, playing > 0]") == [0, True]


def test_without_a_truth_there_is_no_error(browser: Chrome, tmp_path: Path) -> None:
    opened(browser, tmp_path / "report.html", report(truth=np.full((100, 3), np.nan)))
    browser.execute_script("show(50)")
    assert "50.00 m east" in text(browser, "#moment") and "error" not in text(browser, "#moment")
    assert browser.execute_script("return plots[0].axes[1].label") == "sigma [m]"
    assert "error" not in text(browser, "#plots")
    browser.execute_script("show(0)")
    assert text(browser, "#moment").splitlines()[2:4] == ["place –", "heading –"]


def test_an_hour_is_small_and_quick(browser: Chrome, tmp_path: Path) -> None:
    """36,000 frames, as many pictures and as much imagery as are ever kept, all of them noise."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (360, 360, 3), dtype=np.uint8)
    shot = thumbnail(noise, 360, 20_000)
    cell = jpeg(noise[:240, :240], 70)
    cells = [Cell(100.0 * i, 0.0, 100.0, cell) for i in range(min(ground.MAX_BYTES // len(cell), ground.MAX_CELLS))]
    angle = np.linspace(0.0, 40.0, HOUR)
    poses = [PoseWithCovariance(5e3 * np.cos(a), 5e3 * np.sin(a), 0.1, np.diag([0.1, 0.2, 0.01])) for a in angle]
    columns = PoseColumns.of(poses)
    hypotheses = rng.normal(0.0, 1.0, (48, 3))
    made = report(
        HOUR, fused=columns, single=columns, prior=columns, truth=columns.poses + rng.normal(0.0, 0.2, (HOUR, 3)),
        snapshots=[Snapshot(i, {"": shot}, shot, hypotheses) for i in range(0, HOUR, HOUR // 249)],
        ground=Ground(tuple(cells)), fixes=rng.normal(0.0, 5e3, (HOUR, 2)),
        states=["LOCALISED", "DEGRADED"] * (HOUR // 2),
    )  # fmt: skip
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    opened(browser, tmp_path / "hour.html", made)
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    busy = {each["name"]: each["value"] for each in metrics}
    assert (tmp_path / "hour.html").stat().st_size < MAX_BYTES
    assert busy["TaskDuration"] < MAX_SECONDS, busy
    assert complaints(browser) == []
