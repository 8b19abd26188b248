"""The bond by which Nav2's lifecycle manager notices that the node has died, and the node that the manager has."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

try:
    from bondpy.bondpy import Bond
except ImportError:
    Bond = None

TOPIC = "bond"
HEARTBEAT_PERIOD_S, HEARTBEAT_TIMEOUT_S = 0.1, 4.0  # as Nav2's own nodes set them
DISABLE_TIMEOUT_PARAMETER = "/bond_disable_heartbeat_timeout"
"""Declared by bondpy when a heartbeat is overdue; the slash is part of the name."""
MISSING = (
    "no bond: bondpy is not installed: install it, or set the lifecycle manager's bond_timeout to 0.0, "
    "otherwise it ends the bring-up"
)
BROKEN = (
    "the lifecycle manager has ended or does not answer any more; the node stays active: a new manager takes it over "
    "with RESET, then STARTUP"
)


class ManagerBond:
    """Held between activation and deactivation."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._bond: Any = None
        self._is_broken = False

    @property
    def warnings(self) -> list[str]:
        """What is wrong with it, as sentences."""
        return [BROKEN] if self._is_broken else []

    def form(self) -> None:
        """Start the heartbeat; a warning where bondpy is missing."""
        if Bond is None:
            self._node.get_logger().warning(MISSING)
            return
        if self._node.has_parameter(DISABLE_TIMEOUT_PARAMETER):
            # declared for an earlier bond: bondpy would fail to declare it again, and never notice the timeout
            self._node.undeclare_parameter(DISABLE_TIMEOUT_PARAMETER)
        self._bond = Bond(self._node, TOPIC, self._node.get_name())
        self._bond.set_heartbeat_period(HEARTBEAT_PERIOD_S)
        self._bond.set_heartbeat_timeout(HEARTBEAT_TIMEOUT_S)
        self._bond.set_broken_callback(self._on_broken)
        self._bond.start()

    def dissolve(self) -> None:
        """Tell the manager that this is the end."""
        bond, self._bond, self._is_broken = self._bond, None, False
        if bond is None:
            return
        bond.set_broken_callback(None)
        bond.break_bond()
        # Bond.shutdown destroys both behind the node's back, and the executor fails on a subscription that is gone
        self._node.destroy_subscription(bond.sub)
        bond.shutdown()
        self._node.destroy_publisher(bond.pub)

    def _on_broken(self) -> None:
        self._is_broken = True
        self._node.get_logger().warning(BROKEN)
