"""A node of its own, laps of a drive, faults from the table in turn, and what is noted of it all."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.resources import share_file
from geoflow_ros.ros.tools.dds import private_environment
from geoflow_ros.ros.tools.node_process import NODE, node_arguments
from geoflow_ros.ros.tools.player import read_inputs
from geoflow_ros.ros.tools.soak.accounts import Accounts, Told
from geoflow_ros.ros.tools.soak.damaged_files import DamagedFiles
from geoflow_ros.ros.tools.soak.faults import Fault, table
from geoflow_ros.ros.tools.soak.lap_player import LapPlayer
from geoflow_ros.ros.tools.soak.node_keeper import NodeKeeper
from geoflow_ros.ros.tools.soak.soak_summary import Heard, Injected, Record, SoakSummary, judged, write_summary

START_TIMEOUT_S = 300.0
FIRST_S, TAIL_S = 5.0, 6.5
"""When in a lap the first fault begins, and how long before its end the last (s)."""
LASTS_S, QUIET_S, RECOVERY_TIMEOUT_S = 1.5, 3.0, 15.0
"""How long a fault lasts, and from its end to the next at least; when a recovery is given up (s)."""
UNDER_WAY_S = 3.0
"""Into a lap, when a node that listened all the time has long found itself."""
AT_REST_NS = 400_000_000
"""After the last image of a lap, when none is in work any more."""
REFUSED = (
    "withheld",
    "dropped (overtaken by a newer image)",
    "dropped (waited longer than localizer.max_latency_ms)",
    "forgotten (of before a reset)",
)
COUNTED = ("received", "answered", *REFUSED)
"""Keys of the node's diagnostics: images that it did not answer, and says why; all that it counts."""
FILES = {
    "tiles": ("tiles.mbtiles",),
    "weights": ("weights/*.safetensors",),
    "cache": ("cache/geoflow_ros/**/*",),
    "state": ("pose*.json",),
}


def soak(drive: Path, out: Path, seconds: float, seed: int = 0, only: str = "") -> SoakSummary:
    """Play and disturb for so long; summary.json, faults.json, violations.json, node.log in `out`.

    only: faults with this in their name. The time begins with the first lap. Of tiles and weights the node gets copies.
    """
    description = read_description(drive / "drive.json")
    every = table(tuple(description.cameras))
    faults = [each for each in every if only in each.name]
    if not faults:
        raise InputError(f"no fault has {only!r} in its name: there are {', '.join(each.name for each in every)}")
    weights, saved = out / "weights", out / "pose.json"
    weights.mkdir(parents=True, exist_ok=True)
    for suffix in ("json", "safetensors"):
        shutil.copyfile(share_file(f"models/default.{suffix}"), weights / f"default.{suffix}")
    shutil.copyfile(drive / "tiles.mbtiles", out / "tiles.mbtiles")
    saved.unlink(missing_ok=True)
    os.environ.update(private_environment(str(share_file("config/fastdds_profile.xml"))))
    os.environ["XDG_CACHE_HOME"] = str((out / "cache").absolute())
    parameters = {
        "tiles": out / "tiles.mbtiles", "checkpoint": weights / "default.safetensors",
        "saved_pose.path": saved, "saved_pose.max_age": "60.0",
    }  # fmt: skip
    arguments = node_arguments(drive, description, parameters)
    with (out / "node.log").open("wb") as log:
        rclpy.init()
        keeper = NodeKeeper([*NODE, "--ros-args", *arguments], log.fileno())
        soaking = Soak(keeper, drive, out, seed)
        try:
            soaking.run(faults, seconds)
        finally:
            keeper.end()
            rclpy.try_shutdown()
            soaking.record.crashes = keeper.crashes
            summary = write_summary(soaking.record, read_tum(drive / "truth.tum"), out / "node.log", out)
    return summary


def turns(faults: Sequence[Fault]) -> Iterator[Fault]:
    """Each fault once, and then again and again those after which the node is the same process, that it grows old."""
    lasting = [each for each in faults if not each.restarts]
    return itertools.chain(faults, itertools.cycle(lasting or faults))


class Soak(Node):
    """Hears the node's answers, injects the faults, and notes what comes of them."""

    def __init__(self, keeper: NodeKeeper, drive: Path, out: Path, seed: int) -> None:
        super().__init__("soak")
        self._keeper, self._rng, self._saved = keeper, random.Random(seed), out / "pose.json"
        self._files = {name: DamagedFiles(out, patterns) for name, patterns in FILES.items()}
        self._truth = read_tum(drive / "truth.tum")
        self._relocalise: Client = self.create_client(Trigger, "/localize/relocalise")
        self._laps = LapPlayer(
            self, read_inputs(drive / "drive", read_description(drive / "drive.json")), seed, self._forget_place
        )
        self._accounts, self._reason, self._fault = Accounts(), "", ""
        self.record = Record(rss=keeper.rss)
        self.create_subscription(PoseWithCovarianceStamped, "/pose", self._on_pose, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 50)

    def run(self, faults: Sequence[Fault], seconds: float) -> None:
        """Laps for so long, the faults in turn, the last lap to its end."""
        self._spin_until(lambda: self._keeper.is_ready and self._laps.is_connected, START_TIMEOUT_S)
        started = time.monotonic()
        self._laps.start()
        for fault in turns(faults):
            last_s = FIRST_S + 1.0 if fault.restarts else self._laps.lap_seconds - TAIL_S
            self._spin_until(partial(self._is_at, FIRST_S, last_s), START_TIMEOUT_S)
            if time.monotonic() >= started + seconds:
                break
            self._inject(fault)
            self._note(started)
        self._laps.stop()
        self._spin_until(lambda: not self._laps.is_playing, START_TIMEOUT_S)
        self._spin_for(1.5)  # what the node counts is told once a second
        self._note(started)

    def _note(self, started: float) -> None:
        """Bring the record up to date, lest an end before time loses it."""
        self.record.seconds, self.record.frames = time.monotonic() - started, self._laps.frames
        self.record.refused = self._accounts.refused + self._accounts.absent
        self.record.crashes, self.record.unaccounted = self._keeper.crashes, self._unaccounted

    def _inject(self, fault: Fault) -> None:
        before, lost = len(self.record.answers), self._unaccounted
        starts, begun, self._fault = self._keeper.refused_starts, time.monotonic(), fault.name
        self._begin(fault)
        self._spin_for(LASTS_S)
        if fault.restarts:
            self._spin_until(lambda: self._keeper.is_ready or self._keeper.refused_starts > starts, START_TIMEOUT_S)
        reason = self._reason
        self._mend(fault)
        ended, ended_ns, first = time.monotonic(), time.time_ns(), len(self.record.answers)
        recovered = self._spin_until(lambda: self._answered_since(first, ended_ns), RECOVERY_TIMEOUT_S, is_needed=False)
        recovery_s = round(time.monotonic() - ended, 3) if recovered else None
        self._spin_for(ended + QUIET_S - time.monotonic())
        count, worst, violations = judged(self.record.answers[before:], self._truth)
        outside = sum(each.is_outside for each in violations)
        lost, starts = self._unaccounted - lost, self._keeper.refused_starts - starts
        start_s = round(ended - begun, 1) if fault.restarts else 0.0
        injected = Injected(fault.name, recovery_s, count, outside, round(worst, 2), lost, start_s, starts, reason)
        self.record.injected.append(injected)
        self._fault = ""

    def _begin(self, fault: Fault) -> None:
        self._laps.disturb(fault)
        self._keeper.may_refuse = fault.restarts
        if fault.restarts or fault.node == "stopped":
            self._accounts.gap(fault.restarts)
        damage = partial(self._files[fault.files].damage, fault.how, self._rng) if fault.files else _nothing
        if fault.restarts:
            self._keeper.restart(fault.node, damage)
            self._begin_process()
        else:
            damage()
            self._keeper.disturb(fault.node)

    def _mend(self, fault: Fault) -> None:
        self._laps.disturb(None)
        self._keeper.relieve()
        if fault.files and fault.files != "state":  # which is the node's own to write
            self._files[fault.files].mend()
        if fault.restarts:
            self._spin_until(lambda: self._keeper.is_ready, START_TIMEOUT_S)
            self._spin_until(partial(self._is_at, UNDER_WAY_S, self._laps.lap_seconds - QUIET_S), START_TIMEOUT_S)
        self._keeper.may_refuse = False

    def _is_at(self, first_s: float, last_s: float) -> bool:
        """Whether a lap is between these seconds."""
        return first_s <= self._laps.at_s <= last_s

    def _answered_since(self, first: int, ended_ns: int) -> bool:
        """Whether a pose of an image taken since then is among the answers from number `first` on."""
        return any(each.stamp_ns >= ended_ns and each.taken_s is not None for each in self.record.answers[first:])

    @property
    def _unaccounted(self) -> int:
        return self._accounts.unaccounted(self._laps.frames, len(self.record.answers))

    def _forget_place(self) -> None:
        """The next lap begins elsewhere: a node that listens is told, another one shall not go on where this ended."""
        if self._keeper.is_ready:
            self._relocalise.call_async(Trigger.Request())
        else:
            self._saved.unlink(missing_ok=True)

    def _begin_process(self) -> None:
        self.record.calm.append([])

    def _spin_for(self, seconds: float) -> None:
        self._spin_until(lambda: False, seconds, is_needed=False)

    def _spin_until(self, condition: Callable[[], bool], timeout_s: float, is_needed: bool = True) -> bool:
        """Serve callbacks until the condition holds, restart the node where it ended; whether it held in time."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                if is_needed:
                    raise InputError(f"the node was not ready, or a lap did not go on, within {timeout_s:g} s")
                return False
            rclpy.spin_once(self, timeout_sec=0.02)
            if self._keeper.watch(self._laps.lap, is_calm=not self._fault):
                self._accounts.gap(is_new=True)
                self._begin_process()
        return True

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        taken_ns, pose = stamp_ns(message.header.stamp), message.pose.pose
        q, latency_s = pose.orientation, (time.time_ns() - taken_ns) * 1e-9
        covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
        place = PlanarPose(pose.position.x, pose.position.y, quaternion_yaw(q.x, q.y, q.z, q.w))
        laps, taken_s = self._laps, self._laps.sent.get(taken_ns)
        heard = Heard(taken_ns, place, covariance, latency_s, taken_s, laps.lap, laps.at_s, self._fault)
        self.record.answers.append(heard)
        if not self._fault:
            self.record.calm[-1].append((self._laps.lap, latency_s))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if stamp_ns(message.header.stamp) < self._keeper.started_ns:
            return  # of a node that has ended
        for status in message.status:
            values = {each.key: each.value for each in status.values}
            if all(name in values for name in COUNTED):
                refused = sum(int(values[name]) for name in REFUSED)
                told = Told(int(values["received"]), refused, int(values["answered"]))
                rest_ns = self._laps.rest_ns
                is_rest = rest_ns is not None and stamp_ns(message.header.stamp) >= rest_ns + AT_REST_NS
                self._accounts.told(told, self._laps.frames, len(self.record.answers), is_rest)
                self._keeper.is_ready = True
                self.record.internal_errors += "internal error" in status.message and status.message != self._reason
                self._reason = status.message


def _nothing() -> None:
    """Of a fault that damages no file."""
