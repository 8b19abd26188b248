"""Drivers that stamp all that they publish alike: with nothing, or with the time at which they were started."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()


def answers(stamped_alike: tuple[str, ...], stamp_ns: int, twice: bool = False) -> list[Answer]:
    """Of a drive of 4 s, in which some roles have this stamp; each image may come twice."""
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: sim.KnowingLocalizer(DRIVE), 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    found: list[Answer] = []
    for role, message in sim.messages(DRIVE, 0.0, 4.0, np.random.default_rng(1)):
        given: Any = message
        if role in stamped_alike:
            given.header = sim.header(stamp_ns, message.header.frame_id)
        if role == "image":
            found.extend(session.process(given) for _ in range(1 + twice))
        else:
            getattr(session, f"on_{role}")(given)
    return found


@pytest.mark.parametrize("stamp_ns", [0, sim.START_NS])
@pytest.mark.parametrize("others", [(), ("fix", "imu", "odom")])
def test_images_that_are_stamped_alike_are_named(stamp_ns: int, others: tuple[str, ...]) -> None:
    after = answers(("image", *others), stamp_ns)[3:]
    assert all("one image after another is stamped" in each.track.reason for each in after)
    assert {each.track.pose for each in after} == {None}


def test_an_image_that_is_sent_twice_is_none_of_them() -> None:
    last = answers((), 0, twice=True)[-1]
    assert last.track.state is TrackState.LOCALISED and "one image" not in last.track.reason
