"""A drive to replay, and a localiser that knows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tracking_support as sim
from circle_drive import DRIVE, write_circle_drive

from geoflow_ros.replay import command_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive folder: bag, tiles, truth and description."""
    return write_circle_drive(tmp_path_factory.mktemp("drive"))


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> sim.KnowingLocalizer:
    localizer = sim.KnowingLocalizer(DRIVE)
    monkeypatch.setattr(command_line, "load_model", lambda path, runtime: None)
    monkeypatch.setattr(command_line, "Localizer", lambda model, satellite, frame, config: localizer)
    return localizer
