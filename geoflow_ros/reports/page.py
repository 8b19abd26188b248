"""Writes a report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from geoflow_ros.reports.page_data import Report
from geoflow_ros.whole_files import write_text

WEB = Path(__file__).parent / "web"
STYLES = ("vendor/leaflet.css", "vendor/uplot.css", "page.css")
SCRIPTS = ("vendor/leaflet.js", "vendor/uplot.js", "moments.js", "map.js", "plots.js", "page.js")
ELSEWHERE = re.compile(r"url\(images/[^)]*\)|^//# sourceMappingURL=.*$", re.MULTILINE)
"""What vendored files ask for beside themselves: pictures of marks that the page does not draw, maps for debuggers."""
ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
"""Letters that could end a block of data, as JSON writes them just as well."""


def write_page(path: Path, report: Report) -> None:
    """Write the page."""
    write_text(path, page_text(report.title, report.to_json()))


def page_text(
    title: str,
    data: Mapping[str, Any],
    scripts: Sequence[str] = SCRIPTS,
    controls: str = "",
    sources: str = "img-src data:",
) -> str:
    """The page. data: as `Report.to_json` makes it. controls: HTML below the title. sources: more of its policy."""
    texts = [_with_licence(name) for name in scripts]
    return Template((WEB / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        policy=f"{sources}; script-src {' '.join(_fingerprint(text) for text in texts)}",
        styles="\n".join(_with_licence(name) for name in STYLES),
        controls=controls,
        data=json.dumps(data, separators=(",", ":"), allow_nan=False).translate(ESCAPED),
        scripts="\n".join(f"<script>{text}</script>" for text in texts),
    )


def _with_licence(name: str) -> str:
    """A style or script, below the licence that comes with it."""
    file = WEB / name
    text = ELSEWHERE.sub("none" if file.suffix == ".css" else "", file.read_text(encoding="utf-8"))
    licence = file.with_suffix(".LICENSE")
    return f"/*\n{licence.read_text(encoding='utf-8')}*/\n{text}" if licence.is_file() else text


def _fingerprint(script: str) -> str:
    """How a page's policy allows this script and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"
