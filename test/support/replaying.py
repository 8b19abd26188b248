"""Replays of a drive folder, and the sentence with which one ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geoflow_ros.replay import __main__ as replay


def replayed(folder: Path, out: Path, *options: str) -> dict[str, Any]:
    """The figures of a replay."""
    told = ["--tiles", str(folder / "tiles.mbtiles"), "--truth", str(folder / "truth.tum")]
    status = replay.main([str(folder / "drive"), *told, "--out", str(out), "--json", str(out / "out.json"), *options])
    assert status == 0
    document: dict[str, Any] = json.loads((out / "out.json").read_text())
    return document


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence on stderr of a replay that ends with 2, after what it plays, what came of it, what it wrote."""
    assert replay.main(list(arguments)) == 2
    *before, sentence = capsys.readouterr().err.splitlines()
    begins = [word for each in before if (word := each.partition(" ")[0]) not in ("none", "warning,")]
    assert begins in ([], ["playing"], ["playing", "wrote"], ["playing", "poses", "wrote"])
    assert sentence.startswith("geoflow_ros.replay: ")
    return sentence
