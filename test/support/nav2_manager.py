"""Nav2's lifecycle manager of the node `localize`: a command a line on stdin, what came of it a line on stdout.

Written after nav2_lifecycle_manager 1.3.13 (github.com/ros-navigation/navigation2, branch jazzy,
nav2_lifecycle_manager/src/lifecycle_manager.cpp): the order of transitions, the check of the state after each, the bond
that must form after activation and is given up with deactivation, the hard reset when it
breaks, and the start-up when the node is back.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import rclpy
from bondpy.bondpy import Bond
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

NODE = "localize"
BOND_TIMEOUT_S, BOND_PERIOD_S = 4.0, 0.25
BOND_FORMED_S, SERVICE_TIMEOUT_S = 15.0, 15.0  # longer than there: a machine that runs tests may be busy
CHECK_PERIOD_S, RESPAWN_S = 0.2, 30.0
CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWN = Transition.TRANSITION_UNCONFIGURED_SHUTDOWN
REACHED = {
    CONFIGURE: State.PRIMARY_STATE_INACTIVE,
    ACTIVATE: State.PRIMARY_STATE_ACTIVE,
    DEACTIVATE: State.PRIMARY_STATE_INACTIVE,
    CLEANUP: State.PRIMARY_STATE_UNCONFIGURED,
    SHUTDOWN: State.PRIMARY_STATE_FINALIZED,
}


class Manager:
    """Of one node."""

    def __init__(self) -> None:
        self._node = rclpy.create_node("lifecycle_manager_localization")
        self._change = self._node.create_client(ChangeState, f"{NODE}/change_state")
        self._get = self._node.create_client(GetState, f"{NODE}/get_state")
        self._bond: Any = None
        self._is_active = False
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        threading.Thread(target=self._spin, daemon=True).start()

    def command(self, name: str) -> bool:
        """Whether a command of the service manage_nodes succeeded."""
        wanted = {
            "startup": (CONFIGURE, ACTIVATE),
            "pause": (DEACTIVATE,),
            "resume": (ACTIVATE,),
            "reset": (DEACTIVATE, CLEANUP),
            "shutdown": (DEACTIVATE, CLEANUP, SHUTDOWN),
        }[name]
        self._is_active = False
        success = all(self._is_changed(each) for each in wanted)
        self._is_active = success and ACTIVATE in wanted
        return success

    def watch(self) -> None:
        """Say when the bond has broken, take the node down if it still is there, and start up the one that comes."""
        if not self._is_active or self._bond is None or not self._bond.is_broken():
            return
        self._is_active = False
        say("down")
        for each in (DEACTIVATE, CLEANUP):
            self._is_changed(each)
        self._give_up_bond()
        until = time.monotonic() + RESPAWN_S
        while time.monotonic() < until and self._state() is None:
            time.sleep(1.0)
        say(f"respawned {self.command('startup')}")

    def _is_changed(self, transition: int) -> bool:
        response = self._call(self._change, ChangeState.Request(transition=Transition(id=transition)))
        if response is None or not response.success or self._state() != REACHED[transition]:
            return False
        if transition == DEACTIVATE:
            self._give_up_bond()
        return transition != ACTIVATE or self._is_bound()

    def _is_bound(self) -> bool:
        if self._bond is None:
            self._bond = Bond(self._node, "bond", NODE)
            self._bond.set_heartbeat_timeout(BOND_TIMEOUT_S)
            self._bond.set_heartbeat_period(BOND_PERIOD_S)
            self._bond.start()
        return bool(self._bond.wait_until_formed(Duration(seconds=BOND_FORMED_S)))

    def _give_up_bond(self) -> None:
        bond, self._bond = self._bond, None
        if bond is None:
            return
        bond.break_bond()
        done = threading.Event()

        def dissolve() -> None:
            self._node.destroy_subscription(bond.sub)
            bond.shutdown()
            self._node.destroy_publisher(bond.pub)
            done.set()

        self._executor.create_task(dissolve)  # no other thread may destroy what the executor waits on
        done.wait(SERVICE_TIMEOUT_S)

    def _state(self) -> int | None:
        response = self._call(self._get, GetState.Request())
        return None if response is None else int(response.current_state.id)

    def _call(self, client: Any, request: Any) -> Any:
        client.wait_for_service(None if client is self._change else SERVICE_TIMEOUT_S)
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        answered.wait(SERVICE_TIMEOUT_S)
        return future.result() if future.done() else None

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def say(line: str) -> None:
    """A line for the test."""
    print(line, flush=True)


def main() -> None:
    """Obey until the end of stdin."""
    rclpy.init(args=sys.argv)
    manager = Manager()
    commands: list[str] = []
    arrived = threading.Condition()

    def read() -> None:
        for line in sys.stdin:
            with arrived:
                commands.append(line.strip())
                arrived.notify()

    threading.Thread(target=read, daemon=True).start()
    say("ready")
    while True:
        with arrived:
            arrived.wait_for(lambda: bool(commands), CHECK_PERIOD_S)
            name = commands.pop(0) if commands else ""
        if name:
            say(f"{name} {manager.command(name)}")
        manager.watch()


if __name__ == "__main__":
    main()
