"""Messages that were published once and latched, by a publisher that may come before the node or after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # where every distribution has it
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.subscription import Subscription

LOOK_S = 1.0


class Latched:
    """Subscribes to what is latched once there is a publisher that latches.

    Not before: DDS warns both sides of a subscription that asks for more than a publisher offers.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._wanted: list[tuple[str, Callable[[], Subscription]]] = []  # two cameras may have one calibration
        self._made: list[Subscription] = []
        # the computer's own clock: a driver may come while a simulation is paused
        self._timer = node.create_timer(LOOK_S, self.look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def want(self, topic: str, subscribe: Callable[[], Subscription]) -> None:
        """Call `subscribe` once this topic is latched. topic: as it is remapped."""
        self._wanted.append((topic, subscribe))
        self.look()

    def look(self) -> None:
        """Subscribe to what is latched by now."""
        topics = {topic for topic, _ in self._wanted}
        latched = {each for each in topics if _is_latched(self._node.get_publishers_info_by_topic(each))}
        self._made += [subscribe() for topic, subscribe in self._wanted if topic in latched]
        self._wanted = [each for each in self._wanted if each[0] not in latched]

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_timer(self._timer)
        for each in self._made:
            self._node.destroy_subscription(each)


def _is_latched(published: list[Any]) -> bool:
    """Whether a publisher, as the graph describes it, keeps its last message for who comes later."""
    return any(each.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL for each in published)
