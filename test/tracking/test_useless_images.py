"""Images of no use, by a camera's own fault: what is known of the vehicle is what the others and the time say."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.camera import Mount
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE, END_S = sim.Drive(), 8.0
FAULT_S = 4.0  # from when on the second camera is at fault
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
Fault = Callable[[Any, float], Any]


def ahead(image: Any, seconds: float) -> Any:
    image.header = sim.header(sim.stamp(seconds + 1.0))
    return image


def stuck(image: Any, seconds: float) -> Any:
    image.header = sim.header(sim.stamp(FAULT_S))
    return image


def mixed(image: Any, seconds: float) -> Any:
    image.header.frame_id = f"camera_{round(10 * seconds) % 2}"
    return image


FAULTS = pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ahead, "its images are stamped 1.0 s ahead"),
        (stuck, "one image after another is stamped"),
        (mixed, "images of several cameras come on one topic"),
    ],
)


def rig(mount: Mount | None) -> Session:
    """Of the cameras `first` and `second`."""
    cameras = {name: CameraSetup(mount) for name in ("first", "second")}
    return Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, cameras)


def another_view(image: Any) -> Any:
    """The image as a camera shows it that looks elsewhere."""
    other = deepcopy(image)
    other.data = bytes([1, *image.data[1:]])
    return other


def answers(
    session: Session, fault: Fault, first_ends_s: float = END_S, is_fused: bool = True
) -> dict[str, list[Answer]]:
    """By camera, half a second after the second one's fault began; the first shows nothing from `first_ends_s` on."""
    answer_to = session.process if is_fused else session.single_frame
    found: dict[str, list[Answer]] = {"first": [], "second": []}
    for name in found:
        session.on_camera_info(sim.camera_info(), name)
    for role, message in sim.messages(DRIVE, 0.0, END_S, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
            continue
        seconds = sim.seconds_of(message)
        images = {"first": another_view(message)} if seconds < first_ends_s else {}
        images["second"] = fault(message, seconds) if seconds >= FAULT_S else message
        for name, image in images.items():
            answer = answer_to(session.exposed(image, name), name)
            found[name] += [answer] if seconds >= FAULT_S + 0.5 else []
    return found


@FAULTS
def test_a_camera_at_fault_is_named_and_the_vehicle_is_where_the_other_says(fault: Fault, told: str) -> None:
    found = answers(session := rig(Mount()), fault)
    everyone = [*found["first"], *found["second"]]
    assert {each.track.state for each in everyone} == {TrackState.LOCALISED}
    assert all(told in each.warnings["camera second"] for each in everyone)
    assert all(each.track.reason.startswith("frames confirm the pose") for each in everyone)
    assert {each.track.pose for each in found["second"]} == {None}
    assert "clock" not in session.warnings, "nobody else's clock is to blame"


@FAULTS
def test_a_vehicle_whose_last_camera_is_at_fault_is_lost_in_time(fault: Fault, told: str) -> None:
    last = answers(rig(Mount()), fault, first_ends_s=3.0)["second"][-10:]
    assert {each.track.state for each in last} == {TrackState.LOST}
    assert all(told in each.track.reason for each in last)


def test_what_is_said_of_cameras_keeps_its_order_whichever_is_answered() -> None:
    found = answers(rig(None), lambda image, seconds: image)
    assert len({each.track.reason for of_camera in found.values() for each in of_camera}) == 1


@pytest.mark.parametrize(("fault", "told"), [(ahead, "stamped 1.0 s ahead"), (mixed, "of several cameras")])
def test_nor_does_such_an_image_alone_say_where_the_vehicle_is(fault: Fault, told: str) -> None:
    found = answers(rig(Mount()), fault, is_fused=False)
    assert {each.track.state for each in found["first"]} == {TrackState.LOCALISED}
    assert {each.track.state for each in found["second"]} == {TrackState.LOST}
    assert all(each.track.reason.count(told) == 1 for each in found["second"])
