"""What is kept of a drive that goes on: bounded, and every page gets each thing once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report_support import picture
from view_support import moment

from geoflow_ros.geodesy import Datum
from geoflow_ros.reports.page_data import MAX_POINTS
from geoflow_ros.reports.thumbnails import data_uri
from geoflow_ros.view.live_drive import MAX_PICTURES, LiveDrive, Moment, Picture
from geoflow_ros.view.recent import Cursor, Recent


def drive(minutes: float = 10.0) -> LiveDrive:
    return LiveDrive("/localize", minutes)


def news(live: LiveDrive, seen: Cursor | None = None) -> tuple[Cursor, dict[str, Any]]:
    found = live.since(seen)
    assert found is not None
    return found


def test_a_page_gets_everything_once() -> None:
    live = drive()
    for index in range(3):
        live.add(moment(index))
    live.add_fix(1.0, 2.0)
    seen, first = news(live)
    assert first["report"]["fused"]["east"] == [0.0, 1.0, 2.0] and first["report"]["fixes"] == [[1.0, 2.0]]
    assert first["report"]["fused"]["std"] == [0.2] * 3 and first["report"]["ms"] == [40.0] * 3
    live.add(moment(3, state="LOST", fused=None))
    seen, second = news(live, seen)
    assert (second["first"], second["oldest"]) == (3, 0) and second["report"]["fused"]["east"] == [None]
    assert second["report"]["stateNames"] == ["LOST"] and second["headline"] == "LOCALISED 75%, LOST 25%"
    assert second["report"]["fixes"] == [] and news(live, seen)[1]["report"]["along"] == []


def test_what_is_older_than_the_minutes_goes() -> None:
    live = drive(minutes=0.1)  # 6 s
    for index in range(100):
        live.add(moment(index))
    _, all_there = news(live)
    assert all_there["report"]["along"][0] == pytest.approx(9.9 - 6.0) and all_there["oldest"] == 39
    _, rest = news(live, Cursor(news(live)[0].epoch, moments=5))  # slower than what is kept
    assert rest["first"] == rest["oldest"] == 39


def test_pictures_belong_to_the_moment_of_their_image() -> None:
    live = drive()
    live.add_picture(Picture("camera", 2, picture(1, 2, 3), "front"))
    live.add_picture(Picture("camera", 2, picture(4, 5, 6), "rear"))  # before its moment, whose stamp is 2
    live.add(moment(0))
    assert news(live)[1]["pictures"] == []
    live.add(moment(1))
    live.add(moment(2))
    live.add_picture(Picture("heatmap", 2, picture(1, 2, 3), hypotheses=np.array([[1.234, 2.0, 0.5]])))  # after it
    front, rear, heatmap = news(live)[1]["pictures"]
    assert front == {"moment": 1, "cameras": {"front": data_uri(picture(1, 2, 3))}, "heatmap": None, "hypotheses": []}
    assert rear["cameras"] == {"rear": data_uri(picture(4, 5, 6))}
    assert (heatmap["moment"], heatmap["cameras"], heatmap["hypotheses"]) == (1, {}, [[1.23, 2.0, 0.5]])
    live.add_picture(Picture("camera", 9, picture(1, 2, 3)))  # of an image that is never answered
    live.add(Moment(1.0, 0, "LOST", "no imagery"))
    assert news(live)[1]["pictures"][-1]["moment"] == 3


def test_memory_is_bounded() -> None:
    live = drive(minutes=60.0)
    jpeg = picture(1, 2, 3)
    for index in range(MAX_PICTURES + 50):
        live.add(moment(index))
        live.add_picture(Picture("camera", index + 1, jpeg))
    for _ in range(MAX_POINTS + 10):
        live.add_fix(0.0, 0.0)
    _, update = news(live)
    assert len(update["pictures"]) == MAX_PICTURES and len(update["report"]["fixes"]) == MAX_POINTS
    few = Recent[int](3)
    for number in range(5):
        few.add(number)
    assert few.since(0) == [2, 3, 4] and few.since(4) == [4] and few.since(5) == few.since(9) == []


def test_another_datum_is_another_map() -> None:
    live = drive()
    live.set_datum(Datum(48.0, 11.0))
    live.add(moment(0))
    seen, _ = news(live)
    live.set_datum(Datum(48.0, 11.0))
    assert live.since(seen) is not None
    live.set_datum(Datum(48.1, 11.0))
    assert live.since(seen) is None and news(live)[1]["report"]["along"] == []


def test_a_cursor_survives_its_text() -> None:
    seen, _ = news(drive())
    assert Cursor.parse(str(seen)) == seen
    for text in ("", "1-2-3", "1-2-3-x", "1-2-3-4-5", "-1-2-3-4", "²-1-1-1", "9" * 30 + "-1-1-1"):
        assert Cursor.parse(text) is None
