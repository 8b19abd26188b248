"""The documents: their links lead somewhere, the Python files they name exist, and the README stays a first page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
FILE = re.compile(r"`([\w/.-]+\.py)`")


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.name))
def test_links_lead_somewhere(document: Path) -> None:
    for path, fragment in LINK.findall(document.read_text(encoding="utf-8")):
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name} links to {path}"
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if fragment else []
        assert not fragment or fragment in map(anchor, headings), f"{document.name} links to {path}#{fragment}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.name))
def test_files_that_are_named_exist(document: Path) -> None:
    there = [f"/{file.relative_to(ROOT)}" for folder in ("geoflow_ros", "test", "launch") for file in _python(folder)]
    there.append("/setup.py")
    named = {name for name in FILE.findall(document.read_text(encoding="utf-8")) if "NAME" not in name}
    assert [name for name in sorted(named) if not any(path.endswith(f"/{name}") for path in there)] == []


def _python(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_the_readme_is_a_first_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
