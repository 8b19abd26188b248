"""A headless Chromium that opens pages; whatever it asks the network for, or complains of, is found out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

WINDOW = (1280, 800)
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--no-first-run",
)  # fmt: skip


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """The browser with a window of 1280 x 800; skips where there is none. profile: an empty folder."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={WINDOW[0]},{WINDOW[1]}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        _resize(chrome, *WINDOW)
        chrome.get_log("performance")  # of the empty page that it opens with
        yield chrome
    finally:
        chrome.quit()


@contextmanager
def window(chrome: Chrome, width: int, height: int) -> Iterator[None]:
    """Of this size (px) for a while."""
    _resize(chrome, width, height)
    try:
        yield
    finally:
        _resize(chrome, *WINDOW)


def _resize(chrome: Chrome, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def text(chrome: Chrome, selector: str) -> str:
    """What is read in the first element that a CSS selector finds."""
    return str(chrome.find_element("css selector", selector).text)


def complaints(chrome: Chrome) -> list[str]:
    """Everything on the console since the last time."""
    return [f"{each['level']} {each['message']}" for each in chrome.get_log("browser")]


def requests(chrome: Chrome) -> list[str]:
    """Addresses that were asked for since the last time, but for those that hold their data themselves."""
    events: list[dict[str, Any]] = [json.loads(each["message"])["message"] for each in chrome.get_log("performance")]
    sent = [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
    return [address for address in sent if not address.startswith("data:")]
