"""The node in the hands of Nav2's lifecycle manager, bond and all, over real DDS."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paths import SUPPORT

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_generated
import ros_support as ros

from geoflow_ros.ros.bond import BROKEN, HEARTBEAT_TIMEOUT_S

MANAGER = [str(SUPPORT / "nav2_manager.py")]


class ManagerProcess:
    """The stand-in for Nav2's manager, in its own process."""

    def __init__(self, process: ros.Process) -> None:
        self.process = process
        self._lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.expect("ready")

    def expect(self, line: str, timeout_s: float = 90.0) -> None:
        """Wait for a line."""
        end = time.monotonic() + timeout_s
        while not self._lines:
            assert time.monotonic() < end, f"waited {timeout_s} s for {line!r}"
            time.sleep(0.05)
        told = self._lines.pop(0)
        assert told == line, [told, *self._lines]

    def command(self, name: str, succeeds: bool = True) -> None:
        """Give a command, and see what comes of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        self.expect(f"{name} {succeeds}")

    def kill(self) -> None:
        """As a crash."""
        self.process.kill()
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._lines.extend(line.strip() for line in iter(self.process.stdout.readline, ""))


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> ros_generated.Overlay:
    """The messages of `bond`, and bondpy."""
    found = ros_generated.overlay(ros_generated.BOND, tmp_path_factory.mktemp("bond"))
    return ros_generated.Overlay((ros.STAND_INS, *found.paths), found.variables)


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    with ros.Peer() as peer:
        yield peer


@contextmanager
def manager(overlay: ros_generated.Overlay) -> Iterator[ManagerProcess]:
    with ros.node_process(MANAGER, [], *overlay.paths, stdin=subprocess.PIPE, **overlay.variables) as process:
        yield ManagerProcess(process)
        if process.poll() is None:
            process.kill()


@contextmanager
def node(overlay: ros_generated.Overlay, **parameters: object) -> Iterator[ros.Process]:
    given = ros.ros_arguments(Path("unused"), autostart=False, **parameters)
    with ros.node_process(ros.FAKE_SESSION, given, *overlay.paths, **overlay.variables) as process:
        yield process


def ended(process: ros.Process) -> str:
    """What a node printed, which must still run and end as it should."""
    assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Traceback" not in output, output
    return output


def test_every_command_of_the_manager_again_and_again(peer: ros.Peer, overlay: ros_generated.Overlay) -> None:
    with node(overlay) as localize, manager(overlay) as nav2:
        nav2.command("startup")
        peer.wait(lambda: any("no image" in each for each in peer.reasons()), "the active node's diagnostics")
        for command in ("pause", "resume", "pause", "resume", "reset", "startup", "reset"):
            nav2.command(command)
        nav2.command("resume", succeeds=False)  # of a node that is not configured
        nav2.command("pause", succeeds=False)
        nav2.command("startup")
        nav2.command("shutdown")
        assert BROKEN not in ended(localize)


def test_a_new_manager_takes_over_the_node_of_one_that_was_killed(
    peer: ros.Peer, overlay: ros_generated.Overlay
) -> None:
    with node(overlay) as localize:
        for _ in range(2):  # bondpy declares a parameter at the first death, and must be able to at the second
            with manager(overlay) as nav2:
                nav2.command("startup")
                nav2.kill()
            told = len(peer.states)
            peer.wait(
                lambda told=told: any(BROKEN in each for each in peer.reasons()[told:]),
                "the broken bond in the diagnostics",
                HEARTBEAT_TIMEOUT_S + 6.0,
            )
            with manager(overlay) as nav2:
                nav2.command("startup", succeeds=False)
                nav2.command("reset")
                nav2.command("startup")
                peer.wait(lambda: BROKEN not in peer.reasons()[-1], "diagnostics without the broken bond")
                nav2.command("reset")
        assert BROKEN in ended(localize)


def test_a_node_that_is_killed_is_noticed_and_a_new_one_started_up(
    peer: ros.Peer, overlay: ros_generated.Overlay
) -> None:
    with manager(overlay) as nav2:
        with node(overlay) as localize:
            nav2.command("startup")
            time.sleep(1.0)  # bondpy times heartbeats from the second one on
            localize.kill()
            nav2.expect("down")
        with node(overlay) as localize:
            nav2.expect("respawned True")
            nav2.command("pause")
            ended(localize)


def test_the_timeout_of_the_bond_can_be_disabled_as_bondpy_has_it(
    peer: ros.Peer, overlay: ros_generated.Overlay
) -> None:
    given = {"/bond_disable_heartbeat_timeout": True}
    with node(overlay, **given) as localize, manager(overlay) as nav2:
        nav2.command("startup")
        nav2.kill()
        time.sleep(HEARTBEAT_TIMEOUT_S + 1.5)
        assert BROKEN not in ended(localize)
