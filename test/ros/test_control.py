"""What a user may tell the node, without a running one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.ros.control import Control


class Everything:
    """A node and a pipeline of which only services, parameters and errors are looked at."""

    def __init__(self) -> None:
        self.services: dict[str, Any] = {}
        self.parameters: dict[str, float] = {}
        self.errors: list[str] = []
        self.poses: list[Any] = []
        self.newest_image, self.frame = None, None

    def create_service(self, kind: Any, name: str, callback: Any) -> None:
        self.services[name] = (kind, callback)

    def create_subscription(self, kind: Any, name: str, callback: Any, qos: Any) -> None:
        self.on_initialpose = callback

    @property
    def session(self) -> Everything:
        return self

    def initialise(self, stamp_ns: int, pose: Any) -> None:
        self.poses.append(pose)

    def get_clock(self) -> Any:
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=10**18))

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append, info=print)

    def resolve_topic_name(self, name: str, *, only_expand: bool = False) -> str:
        return f"/{name}"

    def set_parameters_atomically(self, parameters: Sequence[Any]) -> Any:
        values = {each.name: each.value for each in parameters}
        if values["datum.latitude"] > 90.0:
            return SimpleNamespace(successful=False, reason="not on the globe")
        self.parameters |= values
        return SimpleNamespace(successful=True, reason="")


def test_set_datum_of_robot_localization_is_served_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("robot_localization", "robot_localization.srv"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    all_in_one: Any = Everything()
    Control(all_in_one, "map", all_in_one)
    assert "~/set_datum" not in all_in_one.services
    srv: Any = ModuleType("robot_localization.srv")
    srv.SetDatum = object
    monkeypatch.setitem(sys.modules, "robot_localization", ModuleType("robot_localization"))
    monkeypatch.setitem(sys.modules, "robot_localization.srv", srv)
    Control(all_in_one, "map", all_in_one)
    kind, serve = all_in_one.services["~/set_datum"]
    response = object()
    position = SimpleNamespace(latitude=49.0, longitude=8.0, altitude=1.0)
    request = SimpleNamespace(geo_pose=SimpleNamespace(position=position))
    assert kind is object and serve(request, response) is response
    assert all_in_one.parameters == {"datum.latitude": 49.0, "datum.longitude": 8.0, "datum.altitude": 1.0}
    position.latitude = 91.0
    serve(request, response)
    assert all_in_one.parameters["datum.latitude"] == 49.0
    assert all_in_one.errors == ["set_datum refused: not on the globe"]


def test_a_pose_in_a_map_that_has_not_begun_is_refused() -> None:
    """Its origin will be wherever the first fixes are, so that its metres mean nothing yet."""
    all_in_one: Any = Everything()
    Control(all_in_one, "map", all_in_one)
    all_in_one.on_initialpose(ros.initialpose(0, 50.0, 5.0, 1.0))
    (told,) = all_in_one.errors
    assert "where map begins is not known yet: set datum.latitude" in told and not all_in_one.poses
    all_in_one.frame = LocalFrame(Datum(49.0, 8.4))
    all_in_one.on_initialpose(ros.initialpose(0, 50.0, 5.0, 1.0))
    assert [each.east for each in all_in_one.poses] == [50.0]
