"""The live page in a browser: it follows, shows what is wrong, tells the node what was clicked, asks nobody else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import drive_folder
import numpy as np
import pytest
from browser import chromium, complaints, requests, text
from report_support import picture
from view_support import NotedCommands, moment, serving

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.view.live_drive import LiveDrive, Picture
from geoflow_ros.view.page_server import PageServer

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


@pytest.fixture
def drive() -> LiveDrive:
    made = LiveDrive("/localize", 0.1)  # 6 s
    made.set_datum(drive_folder.DATUM)
    made.set_status(state="LOCALISED", notice="")
    return made


@pytest.fixture
def page(browser: Chrome, drive: LiveDrive) -> Iterator[PageServer]:
    with serving(drive) as server:
        browser.get(server.address)
        assert browser.execute_script("return document.documentElement.dataset.ready") == "yes", complaints(browser)
        yield server
        assert [each for each in complaints(browser) if "/initialpose" not in each and "/pause" not in each] == []
        asked = [each for each in requests(browser) if not each.startswith("about:")]
        assert asked and all(each.startswith(server.address) for each in asked)
        browser.get("about:blank")


def wait(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def test_it_follows_and_forgets(browser: Chrome, page: PageServer, drive: LiveDrive) -> None:
    for index in range(30):
        drive.add(moment(index))
    drive.add_picture(Picture("camera", 30, picture(200, 0, 0), "rear"))
    wait(lambda: text(browser, "#clock") == "2.90 s", "the newest moment")
    assert "29.00 m east" in text(browser, "#moment") and text(browser, "#now") == "LOCALISED"
    wait(lambda: browser.find_element("css selector", "#cameras img").get_attribute("src"), "the picture")
    for index in range(30, 90):
        drive.add(moment(index))
    for name in ("front", "rear"):
        drive.add_picture(Picture("camera", 90, picture(0, 0, 200), name))
    drive.add_picture(Picture("heatmap", 90, picture(0, 200, 0), hypotheses=np.array([[88.0, 1.0, 0.5]])))
    wait(lambda: text(browser, "#clock") == "8.90 s", "the newest moment")
    assert browser.execute_script("return report.along[0]") == pytest.approx(2.9)
    assert browser.execute_script("return map.getBounds().contains(at(report.fused, count() - 1))")
    wait(lambda: browser.find_element("id", "heatmap").get_attribute("src"), "the heatmap")
    assert text(browser, "#cameras").splitlines() == ["front", "rear"]
    lefts = "return [slider, plots[0].over].map((each) => each.getBoundingClientRect().left)"
    wait(lambda: np.ptp(browser.execute_script(lefts)) < 10, "the slider above the curves")
    dot = "const { lat, lng } = layers.hypotheses.getLayers()[1].getLatLng(); return [lng, lat]"
    assert browser.execute_script(dot) == [88.0, 1.0]
    assert browser.execute_script("return [report.along.length, report.state.length, slider.max]") == [61, 61, "60"]
    wait(lambda: browser.execute_script("return plots[0].data[0].length") == 61, "the curves")


def test_the_past_stays_in_view_while_it_is_looked_at(browser: Chrome, page: PageServer, drive: LiveDrive) -> None:
    from selenium.webdriver.common.keys import Keys

    for index in range(20):
        drive.add(moment(index))
    wait(lambda: text(browser, "#clock") == "1.90 s", "the newest moment")
    browser.find_element("id", "slider").send_keys(Keys.ARROW_LEFT * 5)
    assert text(browser, "#clock") == "1.40 s"
    for index in range(20, 70):
        drive.add(moment(index))
    wait(lambda: browser.execute_script("return report.along.at(-1)") == pytest.approx(6.9), "what is new")
    assert text(browser, "#clock") == "1.40 s"
    browser.find_element("id", "follow").click()
    assert text(browser, "#clock") == "6.90 s"


def test_what_is_wrong_is_in_a_banner(browser: Chrome, page: PageServer, drive: LiveDrive) -> None:
    assert not browser.find_element("id", "notice").is_displayed()
    drive.set_status(notice="no pose heard on /pose since 5 s: LOST, no imagery", trouble="no tiles")
    wait(lambda: "since 5 s: LOST, no imagery; no tiles" in text(browser, "#notice"), "the banner")
    drive.set_status(notice="", trouble="")
    wait(lambda: not browser.find_element("id", "notice").is_displayed(), "the banner to go")


def test_a_map_that_was_dragged_stays_there(browser: Chrome, page: PageServer, drive: LiveDrive) -> None:
    from selenium.webdriver import ActionChains

    drive.add(moment(0))
    wait(lambda: browser.execute_script("return live.hasPose"), "the first pose")
    browser.execute_script("map.setZoom(6, { animate: false })")
    there = "return map.getBounds().contains([0, 0])"
    drag = ActionChains(browser).move_to_element(browser.find_element("id", "map"))
    for _ in range(3):
        drag.click_and_hold().move_by_offset(-150, 100).release().move_by_offset(150, -100)
    drag.perform()
    drive.add(moment(1, fused=None))
    drive.add(moment(2, fused=drive_pose()))
    wait(lambda: text(browser, "#clock") == "0.20 s", "the newest moment")
    assert browser.execute_script(there) is False
    browser.find_element("id", "follow").click()
    assert browser.execute_script(there) is True


def drive_pose() -> PoseWithCovariance:
    return PoseWithCovariance(0.0, 0.0, 0.0, np.eye(3))


@pytest.mark.parametrize("zoom", [2, 4])
def test_a_pose_is_told_as_it_was_drawn(browser: Chrome, page: PageServer, drive: LiveDrive, zoom: int) -> None:
    """Zoom 2 is 4 pixels a metre. A drag of 40 px right and 30 px up: 50 px along atan(3 / 4)."""
    from selenium.webdriver import ActionChains

    drive.add(moment(0))
    wait(lambda: browser.execute_script("return live.hasPose"), "the first pose")
    browser.find_element("id", "initialpose").click()
    browser.execute_script("map.setView([20, 10], arguments[0], { animate: false })", zoom)
    middle = ActionChains(browser).move_to_element(browser.find_element("id", "map"))
    middle.click_and_hold().move_by_offset(40, -30).release().perform()
    node = page.site.node
    assert isinstance(node, NotedCommands)
    wait(lambda: node.poses, "the pose")
    (prior,) = node.poses
    assert (prior.east, prior.north) == pytest.approx((10.0, 20.0), abs=0.6 * 4 / 2**zoom)
    assert prior.yaw == pytest.approx(math.atan2(3.0, 4.0), abs=0.02)
    std, yaw_std = (prior.covariance[index, index] ** 0.5 for index in (0, 2))
    assert std == pytest.approx(max(6 / 2**zoom, 0.5), rel=1e-3)
    assert yaw_std == pytest.approx(math.atan2(6, 50), rel=0.03)
    wait(lambda: text(browser, "#said") == "initialpose: told", "the answer")
    assert browser.execute_script("return map.getCenter().lat") == pytest.approx(20.0), "the map was dragged"


def test_a_click_without_a_direction_is_no_pose(browser: Chrome, page: PageServer) -> None:
    from selenium.webdriver import ActionChains

    browser.find_element("id", "initialpose").click()
    ActionChains(browser).move_to_element(browser.find_element("id", "map")).click().perform()
    assert "drag from the place" in text(browser, "#said")
    node = page.site.node
    assert isinstance(node, NotedCommands) and node.poses == []


def test_buttons_and_what_the_node_answers(browser: Chrome, page: PageServer) -> None:
    for name, answer in (
        ("relocalise", "relocalise: relocalise done"), ("pause", "pause refused: not now"),
        ("resume", "resume: resume done"),
    ):  # fmt: skip
        browser.find_element("id", name).click()
        wait(lambda answer=answer: text(browser, "#said") == answer, answer)


def test_imagery_that_is_known_later(browser: Chrome, page: PageServer, drive: LiveDrive, tmp_path: Path) -> None:
    drive_folder.write_tiles(tmp_path / "tiles.mbtiles")
    drive.add(moment(0))
    wait(lambda: browser.execute_script("return live.hasPose"), "the first pose")
    browser.execute_script("map.setZoom(2.25, { animate: false })")
    page.site.ground.show(SatelliteMap(open_store(tmp_path / "tiles.mbtiles")))
    drive.set_status(attribution="(c) the makers & <b>others</b>")
    wait(lambda: text(browser, ".leaflet-control-attribution") == "(c) the makers & <b>others</b>", "the attribution")
    widths = "return [...document.querySelectorAll('.leaflet-tile-loaded')].map((each) => each.naturalWidth)"
    wait(lambda: browser.execute_script(widths).count(256) > 2, "the imagery")
    assert drive.frame is not None and drive.frame.datum == LocalFrame(drive_folder.DATUM).datum


def test_names_are_text_and_nothing_else(browser: Chrome, drive: LiveDrive) -> None:
    drive.set_status(state=EVIL, notice=EVIL, trouble=EVIL, attribution=EVIL, facts={EVIL: EVIL})
    drive.add(moment(0, state=EVIL, reason=EVIL))
    with serving(drive, title=EVIL) as server:
        browser.get(server.address)
        wait(lambda: EVIL in text(browser, "#notice"), "the banner")
        wait(lambda: EVIL in text(browser, "#tables"), "the table")
        assert browser.execute_script("return window.hacked === undefined") is True
        assert text(browser, "#now") == EVIL and browser.title == EVIL
        assert complaints(browser) == []
        browser.get("about:blank")


def test_a_view_that_has_ended_is_said(browser: Chrome, drive: LiveDrive) -> None:
    with serving(drive) as server:
        browser.get(server.address)
        wait(lambda: server.watching, "the page")
    wait(lambda: "does not answer" in text(browser, "#notice"), "the banner")
    browser.get("about:blank")
    complaints(browser), requests(browser)


def test_a_browser_with_the_token(browser: Chrome, drive: LiveDrive) -> None:
    with serving(drive, token="sesame-and-more") as server:
        drive.add(moment(3))
        browser.get(server.address)
        assert "token" not in browser.current_url
        wait(lambda: text(browser, "#clock") == "0.30 s", "the moment")
        browser.find_element("id", "relocalise").click()
        wait(lambda: "done" in text(browser, "#said"), "the answer")
        assert complaints(browser) == []
        browser.get("about:blank")
