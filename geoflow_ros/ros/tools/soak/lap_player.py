"""Plays a drive lap after lap, with a fault at times."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.ros.tools.player import Player, Recorded, is_image, type_of
from geoflow_ros.ros.tools.soak.faults import Fault, changed

FIRST_S, EVERY_S, LASTS_S, LAST_S = 5.0, 4.5, 1.5, 20.0
"""When in a lap the first fault begins, how far apart they are, how long each lasts, when the last begins (s)."""


@dataclass(order=True)
class _Due:
    at_ns: int
    number: int
    topic: str = field(compare=False)
    message: Any = field(compare=False)


class LapPlayer(Player):
    """Publishes a lap in real time, in its own thread; `fault` is done to what is taken while it is set."""

    def __init__(self, node: Node, messages: Sequence[Recorded], seed: int) -> None:
        super().__init__(node, messages)
        self._rng, self._numbers = random.Random(seed), itertools.count()
        self._first: dict[str, Any] = {}
        self._fault: Fault | None = None
        self.sent: dict[int, float] = {}
        self.frames = 0

    def start(self) -> None:
        """Begin a lap."""
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def disturb(self, fault: Fault | None) -> None:
        """Do this to what comes from now on; None ends it."""
        self._first, self._fault = {}, fault

    def _play(self) -> None:
        due: list[_Due] = []
        for message, shift_ns in self._lap():
            self._publish_until(due, message.recorded_ns + shift_ns)
            live = deserialize_message(message.restamped(shift_ns), type_of(message.topic))
            if message.topic not in self._first:
                self._first[message.topic] = deserialize_message(message.data, type_of(message.topic))
            delays = changed(self._fault, message.topic, live, self._first[message.topic], self._rng)
            if is_image(message.topic) and delays:
                self.frames += len(delays)
                self.sent[stamp_ns(live.header.stamp)] = message.stamp_ns * 1e-9
            for delay_s in delays:
                at_ns = message.recorded_ns + shift_ns + round(delay_s * 1e9)
                heapq.heappush(due, _Due(at_ns, next(self._numbers), message.topic, live))
        self._publish_until(due, time.time_ns() + 10**10)

    def _lap(self) -> Iterator[tuple[Recorded, int]]:
        shift_ns = time.time_ns() - self._messages[0].recorded_ns
        for message in self._messages:
            yield message, shift_ns

    def _publish_until(self, due: list[_Due], end_ns: int) -> None:
        """Publish what is due before `end_ns`, each at its time, and wait for that."""
        while due and due[0].at_ns <= end_ns:
            each = heapq.heappop(due)
            _wait_until(each.at_ns)
            self._publishers[each.topic].publish(each.message)
        if not due or due[0].at_ns > end_ns:
            _wait_until(min(end_ns, time.time_ns() + 10**9))


def _wait_until(at_ns: int) -> None:
    wait_ns = at_ns - time.time_ns()
    if wait_ns > 0:
        time.sleep(wait_ns * 1e-9)
