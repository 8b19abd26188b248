"""A bond that only says on `bond_stand_in` when it is started and when it is broken."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String


class Bond:
    """As bondpy.bondpy.Bond."""

    def __init__(self, topic: str, id: str, node: Node) -> None:
        self._name = f"{topic} {id}"
        self._settings: list[float] = []
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._publisher = node.create_publisher(String, "bond_stand_in", latched)

    def set_heartbeat_period(self, seconds: float) -> None:
        self._settings.append(seconds)

    def set_heartbeat_timeout(self, seconds: float) -> None:
        self._settings.append(seconds)

    def start(self) -> None:
        self._publisher.publish(String(data=f"{self._name} started {self._settings}"))

    def break_bond(self) -> None:
        self._publisher.publish(String(data=f"{self._name} broken"))

    def shutdown(self) -> None:
        """The publisher stays, for its latched messages."""
