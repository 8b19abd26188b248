"""What the node says about itself: is it answering, if not why not, and its counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # where every distribution has it
from rclpy.node import Node

from geoflow_ros.errors import described
from geoflow_ros.ros.endpoints import publisher

SILENCE_S = 2.0  # without an image that came to an answer or to none, after which that is the news
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass(frozen=True, slots=True)
class Facts:
    """What others know. values: shown as they are. warnings: sentences that make a good state a warning."""

    values: Mapping[str, str]
    warnings: Sequence[str]


class Diagnostics:
    """Publishes `/diagnostics` at 1 Hz and at once when the state changes; thread-safe."""

    def __init__(self, node: Node, facts: Callable[[], Facts]) -> None:
        """facts: called whenever something is published."""
        self._node = node
        self._facts = facts
        self._lock = threading.Lock()
        self._answered = 0
        self._withheld = 0
        self._last_image: float | None = None
        self._state: tuple[bytes, str] = (WARN, "not configured")
        self._latency_s: float | None = None
        self._publisher = publisher(node, "/diagnostics")
        # the computer's own clock: a paused simulation must not silence the diagnostics
        self._timer = node.create_timer(1.0, self._publish_regularly, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def answered(self, level: bytes, message: str, latency_s: float | None) -> None:
        """A pose was published this long after its image's stamp; None if no clock says so."""
        with self._lock:
            self._answered += 1
            self._latency_s = latency_s
            self._last_image = time.monotonic()
        self.enter(level, message)

    def withheld(self, level: bytes, reason: str) -> None:
        """No pose was published for an image."""
        with self._lock:
            self._withheld += 1
            self._last_image = time.monotonic()
        self.enter(level, reason)

    def expect_images(self, expected: bool) -> None:
        """Whether silence is worth a warning from now on."""
        with self._lock:
            self._last_image = time.monotonic() if expected else None

    def enter(self, level: bytes, message: str) -> None:
        """The state from now on; published at once if it is another one."""
        with self._lock:
            changed = self._state != (level, message)
            self._state = (level, message)
        if changed:
            self._publish(level, message)

    def _publish_regularly(self) -> None:
        with self._lock:
            (level, message), last = self._state, self._last_image
        silence_s = 0.0 if last is None else time.monotonic() - last
        if silence_s > SILENCE_S:
            level, message = max(level, WARN), f"no image answered for {silence_s:.0f} s (last: {message})"
        self._publish(level, message)

    def _publish(self, level: bytes, message: str) -> None:
        try:
            facts = self._facts()
        except Exception as error:  # of one fact: the node, which publishes in a timer, must outlive that
            facts = Facts({}, [f"internal error in the diagnostics, {described(error)}"])
        with self._lock:
            values = {"answered": str(self._answered), "withheld": str(self._withheld)}
            if self._latency_s is not None:
                values["latency of the last pose [ms]"] = f"{self._latency_s * 1e3:.1f}"
        if facts.warnings:
            level, message = max(level, WARN), "; ".join([message, *facts.warnings])
        status = DiagnosticStatus(
            level=level,
            name=f"{self._node.get_fully_qualified_name().lstrip('/')}: localisation",
            message=message,
            hardware_id=self._node.get_name(),
            values=[KeyValue(key=key, value=value) for key, value in {**values, **facts.values}.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
