"""What the page of a replay has beside its poses."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest
from report_support import report

from geoflow_ros.camera import Mount
from geoflow_ros.configuration import configured
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.replay import replay_page
from geoflow_ros.replay.play import Played
from geoflow_ros.replay.replay_page import on_ground, parameter_table
from geoflow_ros.reports.ground import Ground
from geoflow_ros.reports.page_data import PoseColumns
from geoflow_ros.satellite.mosaic import SatelliteMap

FRAME = LocalFrame(Datum(48.0, 11.0))


def test_without_any_pose_the_imagery_is_where_the_fixes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(replay_page, "ground_along", lambda places, *others: asked.append(places) or Ground())
    nowhere = report(fused=PoseColumns.of([None] * 100), truth=np.full((100, 3), np.nan))
    fixes = [(48.0001, 11.0), (48.0002, 11.0), (0.0, 0.0)]
    for made in (nowhere, report()):
        on_ground(made, Played([], fixes, {}, {}), cast(SatelliteMap, None), FRAME)
    assert asked[0] == pytest.approx(np.array([[0.0, 11.12], [0.0, 22.24]]), abs=0.1)
    assert np.nanmax(asked[1][:, 0]) == 99.0  # of the poses


def test_parameters_are_written_as_a_file_has_them() -> None:
    mount = {f"camera.{name}": value for name, value in asdict(Mount(left=8.6e-17, yaw=-3.141592653589793)).items()}
    table = parameter_table(configured({"tiles": "area.mbtiles", **mount}))
    assert (table["tiles"], table["cameras"], table["camera.from_tf"]) == ("area.mbtiles", "[]", "false")
    assert (table["camera.left"], table["camera.yaw"]) == ("0.0", "-3.141592654")
    assert table["camera.frame"] == '""' and json.loads(table["localizer.min_match"]) > 0.0
