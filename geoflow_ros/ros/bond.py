"""The bond by which Nav2's lifecycle manager notices that the node has died."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

try:
    from bondpy.bondpy import Bond
except ImportError:
    Bond = None

TOPIC = "bond"
HEARTBEAT_PERIOD_S, HEARTBEAT_TIMEOUT_S = 0.1, 4.0  # as Nav2's own nodes set them
MISSING = (
    "no bond: bondpy is not installed: install it, or set the lifecycle manager's bond_timeout to 0.0, "
    "otherwise it ends the bring-up"
)


class ManagerBond:
    """Held between activation and deactivation."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._bond: Any = None

    def form(self) -> None:
        """Start the heartbeat; a warning where bondpy is missing."""
        if Bond is None:
            self._node.get_logger().warning(MISSING)
            return
        self._bond = Bond(TOPIC, self._node.get_name(), self._node)
        self._bond.set_heartbeat_period(HEARTBEAT_PERIOD_S)
        self._bond.set_heartbeat_timeout(HEARTBEAT_TIMEOUT_S)
        self._bond.start()

    def dissolve(self) -> None:
        """Tell the manager that this is the end."""
        if self._bond is not None:
            self._bond.break_bond()
            self._bond.shutdown()  # an old bond would take the next one's messages for a stranger's
            self._bond = None
