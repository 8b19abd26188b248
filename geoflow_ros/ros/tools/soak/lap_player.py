"""Plays a drive lap after lap, with a fault at times."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.ros.tools.player import Player, Recorded, is_image, type_of
from geoflow_ros.ros.tools.soak.faults import Fault, changed

BETWEEN_LAPS_S = 1.5


@dataclass(order=True)
class _Due:
    at_ns: int
    number: int
    topic: str = field(compare=False)
    message: Any = field(compare=False)


class LapPlayer(Player):
    """Publishes laps in real time, in its own thread; the fault is done to what is taken while it is set.

    between: called before a lap begins, which is elsewhere than where the last one ended. sent: the truth's stamp (s)
    by the live stamp (ns) of an image. frames: how many images were sent. rest_ns: when a lap ended; None in one.
    """

    def __init__(self, node: Node, messages: Sequence[Recorded], seed: int, between: Callable[[], object]) -> None:
        super().__init__(node, messages)
        self._rng, self._numbers = random.Random(seed), itertools.count()
        self._first: dict[str, Any] = {}
        self._fault: Fault | None = None
        self._between, self._is_over = between, threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.lap_seconds = (messages[-1].recorded_ns - messages[0].recorded_ns) * 1e-9
        self.sent: dict[int, float] = {}
        self.frames, self.lap, self._began = 0, 0, math.inf
        self.rest_ns: int | None = None

    @property
    def at_s(self) -> float:
        """Seconds since the lap began, negative before the first."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with the lap."""
        self._is_over.set()

    def disturb(self, fault: Fault | None) -> None:
        """Do this to what comes from now on; None ends it."""
        self._first, self._fault = {}, fault

    def _play(self) -> None:
        while not self._is_over.is_set():
            self._between()
            time.sleep(BETWEEN_LAPS_S)
            self.lap, self._began, self.rest_ns = self.lap + 1, time.monotonic(), None
            self._play_lap()
            self.rest_ns = time.time_ns()

    def _play_lap(self) -> None:
        due: list[_Due] = []
        shift_ns = time.time_ns() - self._messages[0].recorded_ns
        for message in self._messages:
            recorded_ns = message.recorded_ns + shift_ns
            self._publish_until(due, recorded_ns)
            live, delays = self._live(message, shift_ns)
            if is_image(message.topic):
                self.frames += len(delays)
            for delay_s in delays:
                at_ns = recorded_ns + round(delay_s * 1e9)
                heapq.heappush(due, _Due(at_ns, next(self._numbers), message.topic, live))
        self._publish_until(due, time.time_ns() + 10**10)

    def _live(self, message: Recorded, shift_ns: int) -> tuple[Any, Sequence[float]]:
        """The message as if it were taken now, with the fault in it, and when (s) each copy of it is to be sent."""
        fault, serialised, taken_ns = self._fault, message.restamped(shift_ns), message.stamp_ns + shift_ns
        live: Any = serialised
        delays: Sequence[float] = (0.0,)
        if fault is not None and message.topic in fault.topics:
            kind = type_of(message.topic)
            live = deserialize_message(serialised, kind)
            first = self._first.setdefault(message.topic, deserialize_message(message.data, kind))
            delays = changed(fault, message.topic, live, first, self._rng)
            taken_ns = stamp_ns(live.header.stamp)
        if is_image(message.topic) and delays:
            self.sent[taken_ns] = message.stamp_ns * 1e-9
        return live, delays

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
