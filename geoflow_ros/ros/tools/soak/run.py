"""A node of its own, laps of a drive, faults from the table in turn, and what is noted of it all."""

from __future__ import annotations

import itertools
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.client import Client
from rclpy.node import Node
from std_srvs.srv import Trigger

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.benchmark.machine import resident_mb
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.resources import share_file
from geoflow_ros.ros.tools.dds import private_environment
from geoflow_ros.ros.tools.demo_outcome import Answer
from geoflow_ros.ros.tools.node_process import NODE, node_arguments
from geoflow_ros.ros.tools.player import read_inputs
from geoflow_ros.ros.tools.soak.faults import Fault, table
from geoflow_ros.ros.tools.soak.lap_player import EVERY_S, FIRST_S, LAST_S, LASTS_S, LapPlayer
from geoflow_ros.ros.tools.soak.soak_summary import Injected, Record, SoakSummary, judged, write_summary
from geoflow_ros.ros.tools.soak.tile_file import TileFile

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 10.0
BETWEEN_LAPS_S = 1.5
COUNTED = ("withheld", "dropped (overtaken by a newer image)")
"""Keys of the node's diagnostics: images that it did not answer, and says why."""


def soak(drive: Path, out: Path, seconds: float, seed: int = 0, only: str = "") -> SoakSummary:
    """Play and disturb for so long; summary.json, faults.json, node.log in `out`. only: faults with this in their name.

    The time begins with the first lap.
    """
    faults = [each for each in table() if only in each.name]
    if not faults:
        raise InputError(f"no fault has {only!r} in its name: there are {', '.join(each.name for each in table())}")
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update(private_environment(str(share_file("config/fastdds_profile.xml"))))
    tiles = TileFile(drive / "tiles.mbtiles", out / "tiles.mbtiles")
    saved = out / "pose.json"
    saved.unlink(missing_ok=True)
    parameters = {"tiles": tiles.path, "saved_pose.path": saved, "saved_pose.max_age": "60.0"}
    arguments = node_arguments(drive, read_description(drive / "drive.json"), parameters)
    truth = read_tum(drive / "truth.tum")
    with (out / "node.log").open("wb") as log:
        rclpy.init()
        soaking = Soak([*NODE, "--ros-args", *arguments], log.fileno(), drive, tiles, saved, seed)
        try:
            started = soaking.run(faults, seconds)
        finally:
            soaking.stop()
            rclpy.try_shutdown()
    return write_summary(soaking.record, time.monotonic() - started, truth, out / "node.log", out)


class Soak(Node):
    """Keeps the node alive as a manager would, hears its answers, injects the faults."""

    def __init__(self, command: Sequence[str], log: int, drive: Path, tiles: TileFile, saved: Path, seed: int) -> None:
        super().__init__("soak")
        self._command, self._log = command, log
        self._tiles, self._saved, self._rng = tiles, saved, random.Random(seed)
        self._truth = read_tum(drive / "truth.tum")
        self._player = LapPlayer(self, read_inputs(drive / "drive"), seed)
        self._relocalise: Client = self.create_client(Trigger, "/localize/relocalise")
        self._counts, self._reason, self._disturbed = dict.fromkeys(COUNTED, 0), "", False
        self._next_rss = 0.0
        self.record = Record(sent=self._player.sent)
        self.create_subscription(PoseWithCovarianceStamped, "/pose", self._on_pose, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 50)
        self._process = self._start()

    def run(self, faults: Sequence[Fault], seconds: float) -> float:
        """Laps for so long, the faults in turn, the last to its end; when the first began (monotonic s)."""
        turns = itertools.cycle(faults)
        self._spin_until(lambda: self._player.is_connected, START_TIMEOUT_S)
        started = time.monotonic()
        while time.monotonic() < started + seconds:
            self._player.start()
            begun = time.monotonic()
            for at_s in np.arange(FIRST_S, LAST_S, EVERY_S).tolist():
                self._spin_for(begun + at_s - time.monotonic())
                self._inject(next(turns))
            self._spin_until(lambda: not self._player.is_playing, 60.0)
            self._spin_for(BETWEEN_LAPS_S)
            self._relocalise.call_async(Trigger.Request())  # the next lap begins elsewhere
            self._spin_for(0.2)
        self.record.frames = self._player.frames
        self.record.refused += sum(self._counts.values())
        return started

    def stop(self) -> None:
        """End the node as an operator would; one that does not end is a crash."""
        self._process.send_signal(signal.SIGINT)
        try:
            self.record.crashes += self._process.wait(STOP_TIMEOUT_S) != 0
        except subprocess.TimeoutExpired:
            self.record.crashes += 1
            self._process.kill()
            self._process.wait()

    def _inject(self, fault: Fault) -> None:
        before, self._disturbed = len(self.record.answers), True
        self._begin(fault)
        self._spin_for(LASTS_S)
        reason = self._reason
        self._mend(fault)
        ended, ended_ns, first = time.monotonic(), time.time_ns(), len(self.record.answers)
        lasts = EVERY_S - LASTS_S - 0.2
        recovered = self._spin_until(lambda: self._answered_since(first, ended_ns), lasts, is_needed=False)
        recovery_s = round(time.monotonic() - ended, 3) if recovered else None
        count, outside, _, worst = judged(self.record.answers[before:], self.record.sent, self._truth)
        self.record.injected.append(Injected(fault.name, recovery_s, count, outside, round(worst, 2), reason))
        self._disturbed = False

    def _begin(self, fault: Fault) -> None:
        self._player.disturb(fault)
        if fault.tiles:
            self._tiles.damage(fault.tiles, self._rng)
        if fault.kills:
            self._process.kill()
            self._process.wait()
            for path in self._saved.parent.glob(f"{self._saved.stem}*.json") if fault.spoils else ():
                path.write_bytes(self._rng.randbytes(200))
            self._restart()
        if fault.stops:
            self._process.send_signal(signal.SIGSTOP)
        if fault.fills:
            self._limit_files(0)

    def _mend(self, fault: Fault) -> None:
        self._player.disturb(None)
        if fault.tiles:
            self._tiles.mend()
        if fault.stops:
            self._process.send_signal(signal.SIGCONT)
        if fault.fills:
            self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        """Let no file of the node grow beyond so many bytes: to a writer a limit of none is a full disk."""
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size if hard < 0 else min(size, hard), hard))

    def _answered_since(self, first: int, ended_ns: int) -> bool:
        """Whether a pose of an image taken since then is among the answers from number `first` on."""
        sent = self.record.sent
        return any(each.stamp_ns >= ended_ns and each.stamp_ns in sent for each in self.record.answers[first:])

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=self._log, stderr=subprocess.STDOUT)

    def _restart(self) -> None:
        """Another process; what the last one counted stays counted."""
        self.record.refused += sum(self._counts.values())
        self._counts = dict.fromkeys(COUNTED, 0)
        self.record.rss.append([])
        self.record.calm.append([])
        self._process = self._start()

    def _spin_for(self, seconds: float) -> None:
        self._spin_until(lambda: False, seconds, is_needed=False)

    def _spin_until(self, condition: Callable[[], bool], timeout_s: float, is_needed: bool = True) -> bool:
        """Serve callbacks until the condition holds, restart the node where it ended; whether it held in time."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                if is_needed:
                    raise InputError(f"the node was not found, or a lap did not end, within {timeout_s:g} s")
                return False
            rclpy.spin_once(self, timeout_sec=0.02)
            self._watch()
        return True

    def _watch(self) -> None:
        """Note the memory once a second; start the node again if it has ended by itself."""
        if self._process.poll() is not None:
            self.record.crashes += 1
            self._restart()
        if time.monotonic() >= self._next_rss:
            self._next_rss = time.monotonic() + 1.0
            self.record.rss[-1].append(resident_mb(self._process.pid))

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        taken_ns, pose = stamp_ns(message.header.stamp), message.pose.pose
        q, latency_s = pose.orientation, (time.time_ns() - taken_ns) * 1e-9
        covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
        place = PlanarPose(pose.position.x, pose.position.y, quaternion_yaw(q.x, q.y, q.z, q.w))
        self.record.answers.append(Answer(taken_ns, place, covariance, latency_s))
        if not self._disturbed:
            self.record.calm[-1].append(latency_s)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {each.key: each.value for each in status.values}
            if all(name in values for name in COUNTED):
                self._counts = {name: int(values[name]) for name in COUNTED}
                self.record.internal_errors += "internal error" in status.message and status.message != self._reason
                self._reason = status.message
