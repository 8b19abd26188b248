"""What a user may tell the node, without a running one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.ros import control
from geoflow_ros.ros.control import Control, initial_prior


def test_the_initial_pose_is_that_of_the_message() -> None:
    prior = initial_prior(ros.initialpose(0, 3.0, 4.0, 2.0), "map")
    assert (prior.east, prior.north, prior.yaw) == pytest.approx((3.0, 4.0, 2.0))
    assert prior.covariance == pytest.approx(np.diag([0.25, 0.25, 0.07]))


def test_an_initial_pose_of_another_frame_or_without_covariance_is_refused() -> None:
    with pytest.raises(InputError, match="its frame is 'odom', expected 'map'"):
        initial_prior(ros.initialpose(0, 3.0, 4.0, 2.0, frame="odom"), "map")
    certain = ros.initialpose(0, 3.0, 4.0, 2.0)
    certain.pose.covariance = [0.0] * 36
    with pytest.raises(InputError, match="not positive definite"):
        initial_prior(certain, "map")
    nowhere = ros.initialpose(0, float("nan"), 4.0, 2.0)
    with pytest.raises(InputError, match="not finite"):
        initial_prior(nowhere, "map")


class Everything:
    """A node and a pipeline of which only the services, the datum and the errors are looked at."""

    def __init__(self) -> None:
        self.services: dict[str, Any] = {}
        self.datum: Datum | None = None
        self.errors: list[str] = []

    def create_service(self, _: Any, name: str, callback: Any) -> None:
        self.services[name] = callback

    def create_subscription(self, *_: Any) -> None:
        """Not looked at."""

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append)

    def begin_map_at(self, datum: Datum) -> None:
        self.datum = datum


def test_set_datum_of_robot_localization_is_served_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    all_in_one: Any = Everything()
    monkeypatch.setattr(control, "SetDatum", None)
    Control(all_in_one, "map", all_in_one)
    assert "~/set_datum" not in all_in_one.services
    monkeypatch.setattr(control, "SetDatum", object)
    Control(all_in_one, "map", all_in_one)
    serve, response = all_in_one.services["~/set_datum"], object()
    request = SimpleNamespace(
        geo_pose=SimpleNamespace(position=SimpleNamespace(latitude=49.0, longitude=8.0, altitude=1.0))
    )
    assert serve(request, response) is response
    assert all_in_one.datum == Datum(49.0, 8.0, 1.0)
    request.geo_pose.position.latitude = 91.0
    serve(request, response)
    assert (
        all_in_one.datum == Datum(49.0, 8.0, 1.0) and "set_datum refused: datum latitude 91.0" in all_in_one.errors[0]
    )
