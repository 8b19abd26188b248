"""What the node says about itself: is it answering, if not why not, and its counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # where every distribution has it
from rclpy.node import Node

SILENCE_S = 2.0  # without an image, after which that is the news


class Diagnostics:
    """Publishes `/diagnostics` at 1 Hz and at once when the state changes; thread-safe."""

    def __init__(self, node: Node, facts: Callable[[], Mapping[str, str]]) -> None:
        """facts: called for the values that are not this class's own."""
        self._node = node
        self._facts = facts
        self._lock = threading.Lock()
        self._answered = 0
        self._withheld = 0
        self._last_image = time.monotonic()
        self._state: tuple[bytes, str] = (DiagnosticStatus.WARN, "no image received yet")
        self._latency_s: float | None = None
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # the computer's own clock: a paused simulation must not silence the diagnostics
        self._timer = node.create_timer(1.0, self._publish_regularly, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def answered(self, latency_s: float) -> None:
        """A pose was published this long after its image's stamp."""
        with self._lock:
            self._answered += 1
            self._latency_s = latency_s
        self._enter(DiagnosticStatus.OK, "localised")

    def withheld(self, reason: str, is_fault: bool = False) -> None:
        """No pose was published for an image; a fault is ours, everything else is the input's."""
        with self._lock:
            self._withheld += 1
        self._enter(DiagnosticStatus.ERROR if is_fault else DiagnosticStatus.WARN, reason)

    def _enter(self, level: bytes, message: str) -> None:
        with self._lock:
            self._last_image = time.monotonic()
            changed = self._state != (level, message)
            self._state = (level, message)
        if changed:
            self._publish(level, message)

    def _publish_regularly(self) -> None:
        with self._lock:
            (level, message), silence_s = self._state, time.monotonic() - self._last_image
        if silence_s > SILENCE_S:
            level, message = DiagnosticStatus.WARN, f"no image for {silence_s:.0f} s (last: {message})"
        self._publish(level, message)

    def _publish(self, level: bytes, message: str) -> None:
        with self._lock:
            values = {"answered": str(self._answered), "withheld": str(self._withheld)}
            if self._latency_s is not None:
                values["latency of the last pose [ms]"] = f"{self._latency_s * 1e3:.1f}"
        values.update(self._facts())
        status = DiagnosticStatus(
            level=level,
            name=f"{self._node.get_fully_qualified_name().lstrip('/')}: localisation",
            message=message,
            hardware_id=self._node.get_name(),
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
