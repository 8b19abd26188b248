"""A pipeline of which one part cannot be made, as often as a lifecycle manager tries, or does nothing any more."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.ros import pipeline as module
from geoflow_ros.ros.loaded import Loaded
from geoflow_ros.ros.publishing.announcer import CEASED, HANGS
from geoflow_ros.tracking.settings import CameraConfig

PARTS = ("Announcer", "MountAnnouncer")


@pytest.mark.parametrize("failing", ["session", *PARTS])
def test_what_was_made_before_a_part_that_cannot_be_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    live, transforms, cannot = MagicMock(), MagicMock(), MagicMock(side_effect=InputError("it cannot be made"))
    made = {name: MagicMock(side_effect=cannot if name == failing else None) for name in ("session", *PARTS)}
    monkeypatch.setattr(module, "Transforms", lambda node: transforms)
    for name in PARTS:
        monkeypatch.setattr(module, name, made[name])
    config = NodeConfig(tiles="unused", camera=CameraConfig(0.0, 0.0, 1.6, 0.0, 0.0, 0.0))
    loaded, nothing = Loaded(MagicMock(), lambda: (), live), MagicMock()
    with pytest.raises(InputError, match="it cannot be made"):
        module.Pipeline(nothing, config, loaded, nothing, made["session"])
    taken_back = {"live": live, "transforms": transforms, "Announcer": made["Announcer"].return_value}
    before = {"session": {"live"}, "Announcer": {"live", "transforms"}, "MountAnnouncer": {*taken_back}}
    assert {name for name, part in taken_back.items() if part.close.called} == before[failing]


@pytest.mark.parametrize(
    ("in_vain_s", "silent_s", "said"), [(0.0, 0.5, ""), (9.0, 0.1, ""), (11.0, 0.1, HANGS), (0.0, 2.5, CEASED)]
)
def test_a_network_that_hangs_is_no_silence_of_the_cameras(in_vain_s: float, silent_s: float, said: str) -> None:
    seen = SimpleNamespace(arrived_ns=time.time_ns() - round(silent_s * 1e9))
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=time.time_ns()))
    pipeline: Any = SimpleNamespace(
        _is_open=True,
        newest_image=seen,
        _config=NodeConfig(tiles="unused", camera=CameraConfig(0.0, 0.0, 1.6, 0.0, 0.0, 0.0)),
        _worker=SimpleNamespace(in_vain_s=in_vain_s),
        _node=SimpleNamespace(get_clock=lambda: clock),
    )
    assert module.Pipeline.silence.fget(pipeline) == said  # type: ignore[attr-defined]
