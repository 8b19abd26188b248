"""The page of a running node: that of a recorded drive, empty, with a script that fills it."""

from __future__ import annotations

from typing import Any

from geoflow_ros.reports.page import SCRIPTS, WEB, page_text
from geoflow_ros.view.ground_tiles import COARSEST, FINEST
from geoflow_ros.view.live_drive import LiveDrive

SOURCES = "img-src 'self' data:; connect-src 'self'"


def live_page(title: str, drive: LiveDrive) -> bytes:
    """The page without any data."""
    news = drive.since(None)
    assert news is not None
    empty: dict[str, Any] = news[1]["report"]
    data = empty | {"live": {"coarsest": COARSEST, "finest": FINEST}}
    controls = (WEB / "live.html").read_text(encoding="utf-8")
    return page_text(title, data, (*SCRIPTS, "commands.js", "live.js"), controls, SOURCES).encode()
