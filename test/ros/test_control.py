"""What a user may tell the node, without a running one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.ros.control import Control


class Everything:
    """A node and a pipeline of which only services, parameters and errors are looked at."""

    def __init__(self) -> None:
        self.services: dict[str, Any] = {}
        self.parameters: dict[str, float] = {}
        self.errors: list[str] = []

    def create_service(self, kind: Any, name: str, callback: Any) -> None:
        self.services[name] = (kind, callback)

    def create_subscription(self, *_: Any) -> None:
        """Not looked at."""

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append)

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
