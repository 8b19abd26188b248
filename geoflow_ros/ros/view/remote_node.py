"""The node `localize` as another process tells it something."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseWithCovarianceStamped
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.ros.conversions import pose_message
from geoflow_ros.ros.endpoints import interface
from geoflow_ros.ros.interfaces import TOPICS, named
from geoflow_ros.ros.view.stated_cameras import StatedCamera, of_topic, parameters_of, rig_of, stated
from geoflow_ros.view.node_commands import SERVICES

ANSWER_S = 3.0
PARAMETERS = ("tiles", "map_frame", "cameras")


class RemoteNode:
    """Services, parameters and `initialpose` of a node; called from threads other than the one that spins `own`."""

    def __init__(self, own: Node, name: str) -> None:
        """name: with its namespace, such as /localize."""
        self._own = own
        self._name = name
        self._initialpose = own.create_publisher(
            interface(named(TOPICS, "initialpose").type), "initialpose", named(TOPICS, "initialpose").qos.depth
        )
        self._clients: dict[str, Any] = {each: own.create_client(Trigger, f"{name}/{each}") for each in SERVICES}
        self._get_parameters: Any = own.create_client(GetParameters, f"{name}/get_parameters")
        self._asked: Any = None
        self._cameras: dict[str, StatedCamera] = {}
        self.map_frame = "map"
        self.tiles = ""

    def set_pose(self, prior: PosePrior) -> str:
        """Publish it on `initialpose`, as of now."""
        topic = self._initialpose.topic_name
        if not self._initialpose.get_subscription_count():
            raise InputError(f"nobody listens on {topic}: is {self._name} running and active?")
        message: PoseWithCovarianceStamped = pose_message(prior, Header(frame_id=self.map_frame))
        self._initialpose.publish(message)  # a stamp of 0 means now by the node's clock
        std, yaw_std = (float(prior.covariance[index, index]) ** 0.5 for index in (0, 2))
        return (
            f"{prior.east:.1f} m east, {prior.north:.1f} m north (std {std:.1f} m), heading "
            f"{math.degrees(prior.yaw):.0f}° (std {math.degrees(yaw_std):.0f}°)"
        )

    def call(self, service: str) -> str:
        """What a service answers; a refusal, or none in time, is an InputError."""
        client, done = self._clients[service], threading.Event()
        if not client.service_is_ready():
            raise InputError(f"nobody offers {self._name}/{service}: is the node running and active?")
        future = client.call_async(Trigger.Request())
        future.add_done_callback(lambda _: done.set())
        if not done.wait(ANSWER_S):
            client.remove_pending_request(future)
            raise InputError(f"{self._name}/{service} did not answer within {ANSWER_S:g} s")
        response = future.result()
        if not response.success:
            raise InputError(response.message)
        return str(response.message)

    def camera(self, topic: str, facts: Mapping[str, str]) -> StatedCamera:
        """What the node states of the camera that listens to a topic. facts: its diagnostics."""
        return of_topic(self._cameras, facts, topic)

    def ask_parameters(self, is_heard: bool) -> None:
        """Ask once for what the page needs of the node's parameters; again when it has gone and come back."""
        if not is_heard:
            self._asked = None
        elif self._asked is None and self._get_parameters.service_is_ready():
            self._asked = self._ask(PARAMETERS, self._on_parameters)

    def _ask(self, names: Sequence[str], take: Callable[[list[ParameterValue]], None]) -> Any:
        """Hand the values to `take`, if the node has all of them."""

        def answered(future: Any) -> None:
            values = list(future.result().values)
            if len(values) == len(names):
                take(values)

        asked = self._get_parameters.call_async(GetParameters.Request(names=list(names)))
        asked.add_done_callback(answered)
        return asked

    def _on_parameters(self, values: list[ParameterValue]) -> None:
        self.tiles, self.map_frame = values[0].string_value, values[1].string_value or self.map_frame
        cameras = rig_of(values[2])
        self._ask(parameters_of(cameras), partial(self._on_cameras, cameras))

    def _on_cameras(self, cameras: list[str], values: list[ParameterValue]) -> None:
        self._cameras = stated(cameras, values)
