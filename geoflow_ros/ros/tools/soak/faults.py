"""What is done to a node's inputs, files and process: the table of faults."""

from __future__ import annotations

import array
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from geoflow_ros.bags.messages import compressed_to_rgb, stamp_ns, tilted_quaternion

IMAGE, INFO, FIX, IMU, ODOM = TOPICS = ("/image/compressed", "/camera_info", "/fix", "/imu", "/odom")
NAMES = dict(zip(TOPICS, ("image", "camera_info", "fix", "imu", "odom"), strict=True))
METRE_DEG = 1.0 / 111_320.0
LATE_S, SHUFFLED_S = 1.0, 0.15
RESTARTS = ("killed", "ended", "killed, restarted in little memory")
Edit = Callable[[Any, Any, random.Random], None]
"""Change a message; the second is the first of its topic in this fault, unchanged."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A disturbance. delays: when (s) each copy of a message is sent, none if it is lost; one of them is drawn.

    files, how: what becomes of the files of this name meanwhile, see `DamagedFiles`. node: what becomes of its process,
    see `NodeKeeper.disturb`; `restarts` says whether it ends by that.
    """

    name: str
    topics: tuple[str, ...] = ()
    edit: Edit | None = None
    delays: tuple[tuple[float, ...], ...] = ((0.0,),)
    files: str = ""
    how: str = ""
    node: str = ""

    @property
    def restarts(self) -> bool:
        """Whether the node is ended and started again."""
        return self.node in RESTARTS


def table(cameras: Sequence[str] = ()) -> list[Fault]:
    """Every fault; those of the tile file first, while the node still has to read it. cameras: of a rig."""
    if cameras:
        return _of_cameras(cameras)
    tiles = [
        Fault(f"tile file {how}", files="tiles", how=how) for how in ("deleted", "truncated", "overwritten", "locked")
    ]
    return [*tiles, *_of_the_process(), *_of_every_topic(), *_of_all_topics(), *_edited()]


def _of_the_process() -> list[Fault]:
    read = {"weights": ("deleted", "truncated", "overwritten"), "cache": ("deleted", "truncated", "overwritten")}
    running = [Fault(f"{name} {how} while it runs", files=name, how=how) for name, ways in read.items() for how in ways]
    restarted = read | {"tiles": ("deleted", "truncated"), "state": ("overwritten", "truncated")}
    return [
        Fault("node killed and restarted", node="killed"),
        Fault("node ended and restarted", node="ended"),
        Fault("node restarted in little memory", node="killed, restarted in little memory"),
        *(
            Fault(f"node killed and its {name} {how}", files=name, how=how, node="killed")
            for name, ways in restarted.items()
            for how in ways
        ),
        *running,
        Fault("node without processor", node="stopped"),
        Fault("processor shared with others", node="starved"),
        Fault("disk full", node="disk full"),
        Fault("no more memory", node="no more memory"),
    ]


def _of_cameras(cameras: Sequence[str]) -> list[Fault]:
    """Of a rig: each camera dead, blind, stuck, late or lossy, and all but one dead."""
    topics = {name: f"/{name}{IMAGE}" for name in cameras}
    faults = [
        Fault(f"all cameras off but {each}", tuple(topics[o] for o in cameras if o != each), delays=((),))
        for each in cameras
    ]
    for name, topic in topics.items():
        ways = {
            "off": ((),),
            "lost at random": ((), (0.0,)),
            "late by 1 s": ((LATE_S,),),
            "out of order": ((0.0,), (SHUFFLED_S,)),
        }
        faults += [Fault(f"camera {name} {way}", (topic,), delays=delays) for way, delays in ways.items()]
        edits = {
            "black": _black,
            "frozen": _frozen,
            "of random bytes": _random_bytes,
            "an hour ahead": _stamped(3600.0),
        }
        faults += [Fault(f"camera {name} {way}", (topic,), edit) for way, edit in edits.items()]
        faults.append(Fault(f"calibration of camera {name} NaN", (f"/{name}{INFO}",), _calibration_nan))
    return faults


def _of_every_topic() -> list[Fault]:
    ways = {
        "off": ((),),
        "lost at random": ((), (0.0,)),
        "sent twice": ((0.0, 0.0),),
        "late by 1 s": ((LATE_S,),),
        "out of order": ((0.0,), (SHUFFLED_S,)),
    }
    delayed = [Fault(f"{NAMES[topic]} {way}", (topic,), delays=d) for way, d in ways.items() for topic in TOPICS]
    shifts = {"an hour ahead": 3600.0, "an hour behind": -3600.0, "3 s ahead": 3.0, "0.3 s behind": -0.3}
    shifted = [
        Fault(f"{NAMES[topic]} stamped {way}", (topic,), _stamped(shift))
        for way, shift in shifts.items()
        for topic in (IMAGE, FIX, IMU, ODOM)
    ]
    return [*delayed, *shifted, *(Fault(f"{NAMES[topic]} without stamp", (topic,), _unstamped) for topic in TOPICS)]


def _of_all_topics() -> list[Fault]:
    return [
        Fault("everything off", TOPICS, delays=((),)),
        Fault("everything late by 1 s", TOPICS, delays=((LATE_S,),)),
        Fault("everything lost at random", TOPICS, delays=((), (0.0,))),
        Fault("clock jumps an hour ahead", TOPICS, _stamped(3600.0)),
        Fault("clock jumps an hour back", TOPICS, _stamped(-3600.0)),
        Fault("clock jumps 12 hours ahead", TOPICS, _stamped(12 * 3600.0)),
        Fault("clock jumps 12 hours back", TOPICS, _stamped(-12 * 3600.0)),
        Fault("clock jumps 1.5 s ahead", TOPICS, _stamped(1.5)),
        Fault("clock jumps 1.5 s back", TOPICS, _stamped(-1.5)),
        Fault("all sensors off but the camera", (FIX, IMU, ODOM), delays=((),)),
    ]


def _edited() -> list[Fault]:
    edits: dict[str, tuple[str, Edit]] = {
        "image truncated": (IMAGE, lambda m, first, rng: _fill(m, bytes(m.data[: len(m.data) // 2]))),
        "image of random bytes": (IMAGE, _random_bytes),
        "image empty": (IMAGE, lambda m, first, rng: _fill(m, b"")),
        "image bit-flipped": (IMAGE, _flipped),
        "image with random format": (IMAGE, lambda m, first, rng: setattr(m, "format", str(rng.random()))),
        "image frozen": (IMAGE, _frozen),
        "image black": (IMAGE, _black),
        "image noise": (IMAGE, _noise),
        "calibration NaN": (INFO, _calibration_nan),
        "calibration zero": (INFO, lambda m, first, rng: setattr(m, "k", [0.0] * 9)),
        "calibration of another size": (INFO, lambda m, first, rng: setattr(m, "width", m.width * 2)),
        "calibration of unknown model": (INFO, _unknown_model),
        "fix NaN": (FIX, lambda m, first, rng: setattr(m, "latitude", math.nan)),
        "fix at 0, 0": (FIX, lambda m, first, rng: _place(m, 0.0, 0.0)),
        "fix frozen": (FIX, lambda m, first, rng: _place(m, first.latitude, first.longitude)),
        "fix jumping by 50 m": (FIX, lambda m, first, rng: _moved(m, rng.uniform(-50, 50), rng.uniform(-50, 50))),
        "fix 20 m east": (FIX, lambda m, first, rng: _moved(m, 20.0, 0.0)),
        "fix 200 m north": (FIX, lambda m, first, rng: _moved(m, 0.0, 200.0)),
        "receiver without a fix": (FIX, lambda m, first, rng: setattr(m.status, "status", -1)),
        "fix without covariance": (FIX, lambda m, first, rng: setattr(m, "position_covariance", [0.0] * 9)),
        "imu NaN": (IMU, lambda m, first, rng: setattr(m.orientation, "w", math.nan)),
        "imu zero quaternion": (IMU, lambda m, first, rng: _turn(m.orientation, 0.0, 0.0)),
        "imu clockwise": (IMU, lambda m, first, rng: setattr(m.orientation, "z", -m.orientation.z)),
        "imu turned by 90 degrees": (IMU, _quarter_turn),
        "imu frozen": (IMU, lambda m, first, rng: setattr(m, "orientation", first.orientation)),
        "odom reversed": (ODOM, lambda m, first, rng: _scaled(m, -1.0)),
        "odom twice too fast": (ODOM, lambda m, first, rng: _scaled(m, 2.0)),
        "odom in km/h": (ODOM, lambda m, first, rng: _scaled(m, 3.6)),
        "odom standing still": (ODOM, lambda m, first, rng: _scaled(m, 0.0)),
        "odom in another frame": (ODOM, _sideways),
        "odom NaN": (ODOM, lambda m, first, rng: _scaled(m, math.nan)),
        "odom of a rocket": (ODOM, lambda m, first, rng: _scaled(m, 1e6)),
        "odom turning the other way": (ODOM, _mirrored),
    }
    return [Fault(name, (topic,), edit) for name, (topic, edit) in edits.items()]


def changed(fault: Fault | None, topic: str, message: Any, first: Any, rng: random.Random) -> Sequence[float]:
    """The message is changed; when (s) each copy of it is to be sent."""
    if fault is None or topic not in fault.topics:
        return (0.0,)
    if fault.edit is not None:
        fault.edit(message, first, rng)
    return rng.choice(fault.delays)


def _stamped(shift_s: float) -> Edit:
    def shift(message: Any, first: Any, rng: random.Random) -> None:
        stamp = message.header.stamp
        stamp.sec, stamp.nanosec = divmod(stamp_ns(stamp) + round(shift_s * 1e9), 10**9)

    return shift


def _unstamped(message: Any, first: Any, rng: random.Random) -> None:
    message.header.stamp.sec = message.header.stamp.nanosec = 0


def _fill(message: Any, data: bytes) -> None:
    message.data = array.array("B", data)


def _flipped(message: Any, first: Any, rng: random.Random) -> None:
    for _ in range(20):
        message.data[rng.randrange(len(message.data))] ^= 1 << rng.randrange(8)


def _random_bytes(message: Any, first: Any, rng: random.Random) -> None:
    _fill(message, rng.randbytes(4000))


def _frozen(message: Any, first: Any, rng: random.Random) -> None:
    _fill(message, bytes(first.data))


def _black(message: Any, first: Any, rng: random.Random) -> None:
    _fill(message, _jpeg(np.zeros((240, 320, 3), np.uint8)))


def _calibration_nan(message: Any, first: Any, rng: random.Random) -> None:
    message.k = [math.nan] * 9


def _noise(message: Any, first: Any, rng: random.Random) -> None:
    side = compressed_to_rgb(message).shape
    _fill(message, _jpeg(np.frombuffer(rng.randbytes(math.prod(side)), np.uint8).reshape(side)))


def _jpeg(pixels: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels)[1])


def _unknown_model(message: Any, first: Any, rng: random.Random) -> None:
    message.distortion_model, message.d = "fancy", [0.1] * 7


def _place(message: Any, latitude: float, longitude: float) -> None:
    message.latitude, message.longitude = latitude, longitude


def _moved(message: Any, east: float, north: float) -> None:
    message.latitude += north * METRE_DEG
    message.longitude += east * METRE_DEG / math.cos(math.radians(message.latitude))


def _turn(quaternion: Any, z: float, w: float) -> None:
    quaternion.z, quaternion.w = z, w


def _quarter_turn(message: Any, first: Any, rng: random.Random) -> None:
    q = message.orientation
    yaw = 2 * math.atan2(q.z, q.w) + math.pi / 2
    q.x, q.y, q.z, q.w = tilted_quaternion(yaw, 0.0, 0.0)


def _scaled(message: Any, factor: float) -> None:
    message.twist.twist.linear.x *= factor


def _sideways(message: Any, first: Any, rng: random.Random) -> None:
    linear = message.twist.twist.linear
    linear.x, linear.y = linear.y, linear.x


def _mirrored(message: Any, first: Any, rng: random.Random) -> None:
    message.twist.twist.angular.z *= -1.0
