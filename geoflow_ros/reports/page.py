"""Writes a report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from string import Template

from geoflow_ros.reports.page_data import Report

WEB = Path(__file__).parent / "web"
STYLES = ("vendor/leaflet.css", "vendor/uplot.css", "page.css")
SCRIPTS = ("vendor/leaflet.js", "vendor/uplot.js", "moments.js", "map.js", "plots.js", "page.js")
ELSEWHERE = re.compile(r"url\(images/[^)]*\)|^//# sourceMappingURL=.*$", re.MULTILINE)
"""What vendored files ask for beside themselves: pictures of marks that the page does not draw, maps for debuggers."""
ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
"""Letters that could end a block of data, as JSON writes them just as well."""


def write_page(path: Path, report: Report) -> None:
    """Write the page."""
    scripts = [_with_licence(name) for name in SCRIPTS]
    data = json.dumps(report.to_json(), separators=(",", ":"), allow_nan=False).translate(ESCAPED)
    page = Template((WEB / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(report.title),
        policy=" ".join(_fingerprint(script) for script in scripts),
        styles="\n".join(_with_licence(name) for name in STYLES),
        data=data,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _with_licence(name: str) -> str:
    """A style or script, below the licence that comes with it."""
    file = WEB / name
    text = ELSEWHERE.sub("none" if file.suffix == ".css" else "", file.read_text(encoding="utf-8"))
    licence = file.with_suffix(".LICENSE")
    return f"/*\n{licence.read_text(encoding='utf-8')}*/\n{text}" if licence.is_file() else text


def _fingerprint(script: str) -> str:
    """How a page's policy allows this script and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"
