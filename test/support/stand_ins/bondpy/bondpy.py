"""A bond as bondpy has it: the same signature, states, messages, threads and faults.

Written after bondpy 4.0.0 (github.com/ros/bond_core, branch ros2 at e6d0fc2, bondpy/bondpy/bondpy.py and BondSM_sm.py,
bond/msg). Kept, because the node must live with them: `shutdown` destroys publisher and
subscription without telling the node, and a heartbeat timeout declares its parameter, whether or not it is declared.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

from bond.msg import Constants, Status
from rclpy.node import Node

WAITING, ALIVE, AWAITING_DEATH, DEAD = "WaitingForSister", "Alive", "AwaitSisterDeath", "Dead"


class Timeout:
    """A timer that begins anew at every reset."""

    def __init__(self, seconds: float, on_timeout: Callable[[], None]) -> None:
        self._seconds, self._on_timeout = seconds, on_timeout
        self._timer = threading.Timer(0.0, on_timeout)

    def reset(self) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(self._seconds, self._on_timeout)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()


class Bond:
    """As bondpy.bondpy.Bond."""

    def __init__(
        self,
        node: Node,
        topic: str,
        bond_id: str,
        on_broken: Callable[[], None] | None = None,
        on_formed: Callable[[], None] | None = None,
    ) -> None:
        self.node, self.topic, self.id = node, topic, bond_id
        self.on_broken, self.on_formed = on_broken, on_formed
        self.instance_id, self.sister_instance_id = str(uuid.uuid4()), ""
        self.is_shutdown, self.sister_died_first = False, False
        self.state = WAITING
        self.lock = threading.RLock()
        self.condition = threading.Condition(self.lock)
        self.heartbeat_period = Constants.DEFAULT_HEARTBEAT_PERIOD
        self.set_heartbeat_timeout(Constants.DEFAULT_HEARTBEAT_TIMEOUT)
        self.connect_timer = Timeout(Constants.DEFAULT_CONNECT_TIMEOUT, self._on_end)
        self.disconnect_timer = Timeout(Constants.DEFAULT_DISCONNECT_TIMEOUT, self._on_end)
        self.pub = node.create_publisher(Status, topic, 1)

    def set_heartbeat_period(self, per: float) -> None:
        self.heartbeat_period = per

    def set_heartbeat_timeout(self, dur: float) -> None:
        self.heartbeat_timeout = dur
        self.heartbeat_timer = Timeout(dur, self._on_heartbeat_timeout)

    def set_broken_callback(self, on_broken: Callable[[], None] | None) -> None:
        with self.lock:
            self.on_broken = on_broken

    def start(self) -> None:
        with self.lock:
            self.connect_timer.reset()
            self.sub = self.node.create_subscription(Status, self.topic, self._on_bond_status, 1)
            threading.Thread(target=self._publish_regularly, daemon=True).start()

    def wait_until_formed(self, timeout: Any) -> bool:
        """timeout: an rclpy Duration."""
        with self.lock:
            self.condition.wait_for(lambda: self.state != WAITING, timeout.nanoseconds * 1e-9)
            return self.state != WAITING

    def is_broken(self) -> bool:
        with self.lock:
            return self.state == DEAD

    def break_bond(self) -> None:
        with self.lock:
            if self.state == ALIVE:
                self.heartbeat_timer.cancel()
                self.disconnect_timer.reset()
                self.state = AWAITING_DEATH
            elif self.state == WAITING:
                self._die()
            self._publish(False)

    def shutdown(self) -> None:
        if self.is_shutdown:
            return
        self.sub.destroy()
        with self.lock:
            self.is_shutdown = True
            if self.state != DEAD:
                self.break_bond()
            self.pub.destroy()
            self.condition.notify_all()
            self.connect_timer.cancel()

    def __del__(self) -> None:
        self.shutdown()

    def _on_end(self) -> None:
        with self.lock:
            if self.state != ALIVE:
                self._die()

    def _on_heartbeat_timeout(self) -> None:
        self.node.declare_parameter(Constants.DISABLE_HEARTBEAT_TIMEOUT_PARAM, False)
        if self.node.get_parameter(Constants.DISABLE_HEARTBEAT_TIMEOUT_PARAM).value:
            return
        with self.lock:
            if self.state == ALIVE:
                self._die()

    def _on_bond_status(self, message: Any) -> None:
        if message.id != self.id or message.instance_id == self.instance_id:
            return
        with self.lock:
            self.sister_instance_id = self.sister_instance_id or message.instance_id
            if message.instance_id != self.sister_instance_id:
                self.node.get_logger().error(f"more than two use the bond {self.id} on {self.topic}")
            elif message.active:
                self._on_sister_alive()
            else:
                self._on_sister_dead()

    def _on_sister_alive(self) -> None:
        if self.state == WAITING:
            self.connect_timer.cancel()
            self.state = ALIVE
            self.condition.notify_all()
            if self.on_formed:
                self.on_formed()
        elif self.state == ALIVE:
            self.heartbeat_timer.reset()

    def _on_sister_dead(self) -> None:
        self.sister_died_first = self.sister_died_first or self.state in (WAITING, ALIVE)
        if self.state != DEAD:
            self._die()
        if self.sister_died_first:
            self._publish(False)

    def _die(self) -> None:
        was_dead, self.state = self.state == DEAD, DEAD
        self.condition.notify_all()
        self.heartbeat_timer.cancel()
        self.disconnect_timer.cancel()
        if self.on_broken and not was_dead:
            self.on_broken()

    def _publish(self, active: bool) -> None:
        message = Status(id=self.id, instance_id=self.instance_id, active=active)
        message.header.stamp = self.node.get_clock().now().to_msg()
        message.heartbeat_timeout, message.heartbeat_period = self.heartbeat_timeout, self.heartbeat_period
        self.pub.publish(message)

    def _publish_regularly(self) -> None:
        with self.lock:
            while not self.is_shutdown and self.state in (WAITING, ALIVE):
                self._publish(True)
                self.condition.wait(self.heartbeat_period)
            while not self.is_shutdown and self.state == AWAITING_DEATH:
                self._publish(False)
                self.condition.wait(Constants.DEAD_PUBLISH_PERIOD)
