"""What TF says, by one listener for all who ask."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from paths import SUPPORT

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped

from geoflow_ros.configuration import configured
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs import transforms
from geoflow_ros.ros.inputs.camera_mounts import CameraMounts
from geoflow_ros.ros.inputs.sensor_lookup import SensorLookup
from geoflow_ros.ros.inputs.transforms import Transforms

FROM_TF = ("camera.from_tf", "camera.forward")


class StandInNode:
    """Counts subscriptions."""

    def __init__(self) -> None:
        self.subscribed = 0

    def create_subscription(self, *_: Any, **__: Any) -> object:
        self.subscribed += 1
        return object()

    def destroy_subscription(self, _: object) -> None:
        self.subscribed -= 1


def by_stand_in(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The stand-in, also where the real tf2_ros is installed: it needs no running node."""
    file = SUPPORT / "stand_ins" / "tf2_ros.py"
    spec = importlib.util.spec_from_file_location("tf2_ros_stand_in", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(transforms, "tf2_ros", module)
    return module


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Any:
    by_stand_in(monkeypatch)
    return StandInNode()


@pytest.fixture
def heard(node: Any) -> Transforms:
    made = Transforms(node)
    made.need(*FROM_TF)
    return made


class Clock:
    """In place of `time`: passes by sleep alone, and what was to come meanwhile comes."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._coming: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds
        while self._coming and self._coming[0][0] <= self._now_s:
            self._coming.pop(0)[1]()

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        self._coming.append((self._now_s + seconds, happens))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(transforms, "time", made)
    return made


def moving(milliseconds: int, frame: str = "mast") -> TransformStamped:
    """A frame that rises by a millimetre a millisecond; of one that does not move there is no stamp."""
    stamped = TransformStamped(child_frame_id=frame)
    stamped.header.frame_id, stamped.header.stamp = "base_link", ros_time(milliseconds)
    stamped.transform.translation.z = 1e-3 * milliseconds
    return stamped


def ros_time(milliseconds: int) -> Time:
    return Time(sec=milliseconds // 1000, nanosec=milliseconds % 1000 * 10**6)


def height(heard: Transforms, milliseconds: int, frame: str = "mast") -> float:
    return heard.at("base_link", frame, ros_time(milliseconds)).translation.z


def test_cameras_and_sensors_share_a_listener_which_begins_with_the_first_and_ends_with_all(node: Any) -> None:
    made = Transforms(node)
    assert node.subscribed == 0, "a node that asks nothing hears nothing"
    CameraMounts(made, configured({"tiles": "area", "cameras": ["front", "left", "rear"], "camera.from_tf": True}))
    SensorLookup(made, "base_link")
    assert node.subscribed == 1
    made.close()
    assert node.subscribed == 0


def test_an_image_waits_for_the_transform_after_it_but_not_for_long(heard: Transforms, clock: Clock) -> None:
    heard._buffer.set_transform(moving(1500), "test")
    clock.later(0.1, lambda: heard._buffer.set_transform(moving(1533), "test"))
    assert height(heard, 1520) == pytest.approx(1.533)
    begun = clock.monotonic()
    with pytest.raises(InputError, match="no transform from mast to base_link at the image stamp: .*extrapolation"):
        height(heard, 1600)
    assert clock.monotonic() - begun == pytest.approx(transforms.PATIENCE_S, abs=2 * transforms.POLL_S)
    begun = clock.monotonic()
    with pytest.raises(InputError, match="no transform from other"):  # of which nothing was ever heard
        height(heard, 1520, "other")
    assert clock.monotonic() == begun


@pytest.mark.parametrize("ahead_ms", [20_000, 3_600_000])
def test_one_stamp_of_far_ahead_does_not_end_it(heard: Transforms, clock: Clock, ahead_ms: int) -> None:
    """TF takes nothing older than that any more, until it is told to forget it."""

    def heights(first: int, last: int) -> list[float]:
        """Of images at 20 Hz, between transforms at 40 Hz; those that there are."""
        found = []
        for now in range(first, last, 50):
            heard._buffer.set_transform(moving(now), "test")
            heard._buffer.set_transform(moving(now + 25), "test")
            with suppress(InputError):
                found.append(height(heard, now + 25))
            clock.sleep(0.05)
        return found

    assert len(heights(1000, 1500)) == 10
    heard._buffer.set_transform(moving(1500 + ahead_ms), "test")
    assert heights(1500, 1700) == []
    assert heights(2500, 4000)[-1] == pytest.approx(3.975)


@pytest.mark.parametrize("missing", ["never published", "published no more"])
def test_a_frame_that_is_missing_costs_no_other_what_is_known_of_it(
    heard: Transforms, clock: Clock, missing: str
) -> None:
    if missing == "published no more":
        heard._buffer.set_transform(moving(1000, "gimbal"), "test")
    for now in (2000, 2025, 2050):
        heard._buffer.set_transform(moving(now), "test")
        with pytest.raises(InputError, match="no transform from gimbal"):
            height(heard, now, "gimbal")
        clock.sleep(2 * transforms.FORGET_S)
    assert height(heard, 2010) == pytest.approx(2.025)


def test_the_real_tf2_ros_is_used_as_it_wants_to_be() -> None:
    pytest.importorskip("tf2_ros", reason="tf2_ros is not installed: it comes with a ROS 2 distribution")
    node: Any = StandInNode()
    heard = Transforms(node)
    heard.need(*FROM_TF)
    heard._buffer.set_transform_static(moving(0, "gps"), "test")
    heard._buffer.set_transform(moving(1500), "test")
    heard._buffer.set_transform(moving(1600), "test")
    assert height(heard, 1550) == pytest.approx(1.55)
    assert heard.newest("base_link", "mast").translation.z == pytest.approx(1.6)
    assert heard._is_ahead("base_link", "mast", ros_time(1500))
    heard.clear()
    assert heard.at("base_link", "gps", ros_time(1500)) == heard.newest("base_link", "gps")
    for ask in (heard.newest, lambda *names: heard.at(*names, ros_time(1550))):
        with pytest.raises(InputError, match="no transform from other to base_link"):
            ask("base_link", "other")
    heard.close()


def test_without_tf2_ros_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "tf2_ros", None)
    node: Any = StandInNode()
    with pytest.raises(InputError, match=r"camera.from_tf needs tf2_ros, which is not installed.*camera\.forward"):
        Transforms(node).need(*FROM_TF)
    with pytest.raises(InputError, match=r"sensors_from_tf needs tf2_ros.*prior\.antenna_forward"):
        SensorLookup(Transforms(node), "base_link")
    assert node.subscribed == 0
