"""The whole node over DDS: a drive's images at a camera's rate, and what becomes of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.node import Node
from std_msgs.msg import Header

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.benchmark.drive import images_at_rate
from geoflow_ros.benchmark.machine import cpu_seconds, resident_mb
from geoflow_ros.benchmark.summary import NodeRow, RigRow
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.resources import share_file
from geoflow_ros.ros.conversions import pose_message
from geoflow_ros.ros.tools.dds import private_environment
from geoflow_ros.ros.tools.node_process import NODE, node_arguments, node_process
from geoflow_ros.ros.tools.player import INPUTS, OF_CAMERA, BagPlayer, Recorded, is_image, read_inputs

START_TIMEOUT_S = 180.0  # the first start compiles the network, and the machine may be busy
WARM_UP_S = 3.0  # of the drive, before anything counts: the first frames load and compile
SETTLE_S = 1.5  # for the last answers and the diagnostics, which come once a second
COUNTS = ("answered", "withheld", "dropped (overtaken by a newer image)")
"""Keys of the node's diagnostics."""


def publish_values(estimate: PoseEstimate) -> PoseWithCovarianceStamped:
    """The message that carries an estimate."""
    return pose_message(estimate, Header(frame_id="map"))


def measure_node(
    drive: Path,
    rates_hz: Sequence[float],
    seconds: float,
    parameters: Mapping[str, object],
    command: Sequence[str] = NODE,
) -> list[NodeRow]:
    """A row for each rate at which the drive's images are played, each to a new node."""
    description = read_description(drive / "drive.json")
    messages = read_inputs(drive / "drive", description)
    os.environ.update(private_environment(str(share_file("config/fastdds_profile.xml"))))
    undelayed = _undelayed(description.cameras, parameters)
    arguments = [*command, "--ros-args", *node_arguments(drive, description, undelayed)]
    rows = [_measure(arguments, at_rate(messages, rate), rate, seconds) for rate in rates_hz]
    for row in rows:
        if not row.answered:
            told = f"{row.sent} images at {row.rate_hz:g} Hz, it withheld {row.withheld}"
            raise InputError(f"the node answered none of {told}: is the machine busy with something else?")
    return rows


def measure_rigs(
    drive: Path,
    counts: Sequence[int],
    rate_hz: float,
    seconds: float,
    parameters: Mapping[str, object],
    command: Sequence[str] = NODE,
) -> list[RigRow]:
    """A row for each number of cameras of a rig, each at the rate, all to a new node, even if it answers nothing."""
    description = read_description(drive / "drive.json")
    messages = read_inputs(drive / "drive", description)
    names = [*description.cameras]
    if max(counts) > max(len(names), 1):
        raise InputError(f"{drive} has {max(len(names), 1)} cameras, fewer than {max(counts)}: give a drive of as many")
    os.environ.update(private_environment(str(share_file("config/fastdds_profile.xml"))))
    rows = []
    for count in counts:
        cameras = [names[index * len(names) // count] for index in range(count)] if names else []
        undelayed = _undelayed(cameras, parameters)
        arguments = [*command, "--ros-args", *node_arguments(drive, description, undelayed, cameras)]
        rows.append(_measure_rig(arguments, at_rate(_of_cameras(messages, cameras), rate_hz), count, rate_hz, seconds))
    return rows


def _undelayed(cameras: Iterable[str], parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters, with cameras that are not late: an answer is known by the stamp of its image."""
    return {f"camera.{name}.delay": 0.0 for name in cameras} | {"camera.delay": 0.0, **parameters}


def _of_cameras(messages: Sequence[Recorded], cameras: Sequence[str]) -> list[Recorded]:
    """Without the other cameras' messages."""
    topics = {f"/{name}{topic}" for name in cameras for topic in OF_CAMERA}
    return [each for each in messages if each.topic in topics or not cameras or each.topic in INPUTS]


def at_rate(messages: Sequence[Recorded], rate_hz: float) -> list[Recorded]:
    """The drive as a camera of another rate would have recorded it: at each of its times the image before."""
    taken = []
    for topic in sorted({each.topic for each in messages if is_image(each.topic)}):
        images = [each for each in messages if each.topic == topic]
        for now, index in images_at_rate([each.recorded_ns for each in images], rate_hz):
            image = images[index]
            taken.append(replace(image, recorded_ns=now, stamp_ns=image.stamp_ns + now - image.recorded_ns))
    others = [each for each in messages if not is_image(each.topic)]
    return sorted([*taken, *others], key=lambda each: each.recorded_ns)


class _Listener(Node):
    """Collects when poses arrive and what the node counts."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__("benchmark")
        self._process = process
        self.latency_ms: dict[int, float] = {}
        self.counts: dict[str, int] = {}
        self.last_reason = "none given"
        self.create_subscription(PoseWithCovarianceStamped, "/pose", self._on_pose, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def spin_while(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Serve callbacks while the condition holds; whether it ended in time. A node that ends is an InputError."""
        end = time.monotonic() + timeout_s
        while condition():
            if time.monotonic() > end:
                return False
            if self._process.poll() is not None:
                raise InputError(f"the node ended with status {self._process.returncode}: see its last lines above")
            rclpy.spin_once(self, timeout_sec=0.05)
        return True

    @property
    def pid(self) -> int:
        """Of the node."""
        return self._process.pid

    def connect(self, *parts: list[Recorded]) -> list[BagPlayer]:
        """Players of parts of a drive, to whom the node listens, and whose poses and counts are heard."""
        players = [BagPlayer(self, each) for each in parts]

        def is_apart() -> bool:
            # Each topic is discovered by itself: on a busy machine one may come seconds after the others.
            is_heard = self.counts and self.count_publishers("/pose") > 0
            return not (is_heard and all(each.is_connected for each in players))

        if not self.spin_while(is_apart, START_TIMEOUT_S):
            raise InputError(f"the node was not found within {START_TIMEOUT_S:g} s: is DDS traffic blocked?")
        return players

    def play(self, player: BagPlayer) -> None:
        """Play to the end, and wait for what comes after."""
        player.start()
        self.spin_while(lambda: player.is_playing, float("inf"))
        self.spin_while(lambda: True, SETTLE_S)

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        taken_ns = stamp_ns(message.header.stamp)
        self.latency_ms[taken_ns] = (time.time_ns() - taken_ns) * 1e-6

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {each.key: each.value for each in status.values}
            if all(name in values for name in COUNTS):
                self.counts = {name: int(values[name]) for name in COUNTS}
                self.last_reason = status.message


def _measure(command: Sequence[str], messages: list[Recorded], rate_hz: float, seconds: float) -> NodeRow:
    start = messages[0].recorded_ns + round(WARM_UP_S * 1e9)
    end = start + round(seconds * 1e9)
    warm_up = [each for each in messages if each.recorded_ns < start]
    measured = [each for each in messages if start <= each.recorded_ns < end]
    _check_has_images(measured)
    with _listening(command) as listener:
        first, player = listener.connect(warm_up, measured)
        listener.play(first)
        return _row(listener, player, measured, rate_hz)


def _measure_rig(
    command: Sequence[str], messages: list[Recorded], cameras: int, rate_hz: float, seconds: float
) -> RigRow:
    """In one go: after a pause, in which a vehicle is nowhere, the node would have to find itself anew."""
    start = messages[0].recorded_ns + round(WARM_UP_S * 1e9)
    played = [each for each in messages if each.recorded_ns < start + round(seconds * 1e9)]
    counted = [each for each in played if each.recorded_ns >= start and is_image(each.topic)]
    _check_has_images(counted)
    with _listening(command) as listener:
        (player,) = listener.connect(played)
        player.start()
        listener.spin_while(lambda: time.time_ns() < start + player.shift_ns, float("inf"))
        cpu, clock = cpu_seconds(listener.pid), time.monotonic()
        listener.spin_while(lambda: player.is_playing, float("inf"))
        lasted = time.monotonic() - clock
        busy = (cpu_seconds(listener.pid) - cpu) / lasted
        listener.spin_while(lambda: True, SETTLE_S)
        latencies, p50, p95 = _latencies(listener, player, counted)
        if not latencies:
            said = f"it last said: {listener.last_reason}"
            print(f"the node answered none of {len(counted)} images; {said}", file=sys.stderr)
        return RigRow(
            cameras=cameras,
            hz=rate_hz,
            warm_up_s=WARM_UP_S,
            seconds=round(lasted, 1),
            sent=len(counted),
            answered=len(latencies),
            dropped=len(counted) - len(latencies),
            latency_ms_p50=p50,
            latency_ms_p95=p95,
            cores=busy,
            rss_mb=resident_mb(listener.pid),
        )


@contextmanager
def _listening(command: Sequence[str]) -> Iterator[_Listener]:
    """To a node of its own, which ends with it."""
    with node_process(command) as process:
        rclpy.init()
        try:
            yield _Listener(process)
        finally:
            rclpy.try_shutdown()


def _check_has_images(measured: Sequence[Recorded]) -> None:
    if not any(is_image(each.topic) for each in measured):
        raise InputError(f"the drive has no image after its first {WARM_UP_S:g} s, which warm the node up")


def _latencies(
    listener: _Listener, player: BagPlayer, messages: Sequence[Recorded]
) -> tuple[list[float], float | None, float | None]:
    """Of the images that were answered, from the stamp to the arrival of the pose (ms); their median and p95."""
    stamps = [each.stamp_ns + player.shift_ns for each in messages if is_image(each.topic)]
    latencies = [listener.latency_ms[stamp] for stamp in stamps if stamp in listener.latency_ms]
    p50, p95 = np.percentile(latencies, [50, 95]).tolist() if latencies else (None, None)
    return latencies, p50, p95


def _row(listener: _Listener, player: BagPlayer, messages: list[Recorded], rate_hz: float) -> NodeRow:
    before, cpu, clock = listener.counts, cpu_seconds(listener.pid), time.monotonic()
    listener.play(player)
    busy = (cpu_seconds(listener.pid) - cpu) / (time.monotonic() - clock - SETTLE_S)
    latencies, p50, p95 = _latencies(listener, player, messages)
    sent = sum(is_image(each.topic) for each in messages)
    _, withheld, dropped = (listener.counts[name] - before[name] for name in COUNTS)
    return NodeRow(
        rate_hz=rate_hz,
        sent=sent,
        answered=len(latencies),
        dropped=dropped,
        withheld=withheld,
        lost=sent - len(latencies) - dropped - withheld,
        latency_ms_p50=p50,
        latency_ms_p95=p95,
        cpu_cores=busy,
        resident_mb=resident_mb(listener.pid),
    )
