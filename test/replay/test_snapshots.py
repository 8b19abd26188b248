"""Pictures of moments: few, evenly spread, and of the worst."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import tracking_support as sim
from numpy.typing import NDArray

from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.camera import CameraModel
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.localization.pose import PoseWithCovariance, Rejection
from geoflow_ros.replay import snapshots
from geoflow_ros.replay.snapshots import CameraImage, SnapshotRecorder, badness
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.track import Track, TrackState


def answer(seconds: float, off: float | None = 0.0, camera: str = ONE) -> Answer:
    """Of a pose `off` metres east of the origin, and a frame that was refused."""
    pose = None if off is None else PoseWithCovariance(off, 0.0, 0.0, np.diag([4.0, 1.0, 0.1]))
    track = Track(TrackState.LOCALISED, "", pose)
    return Answer(sim.stamp(seconds), track, Rejection("no"), None, None, None, {}, camera)


def recorded(badnesses: list[float], interval: float = 0.1) -> list[Any]:
    recorder = SnapshotRecorder(lambda each: badnesses[round((each.stamp_ns - sim.START_NS) * 1e-9 / interval)])
    for index in range(len(badnesses)):
        recorder.watch(index, sim.image(index * interval), answer(index * interval))
    return recorder.snapshots()


def test_regular_ones_are_evenly_spread_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "REGULAR", 16)
    moments = [each.moment for each in recorded([-1.0] * 1000)]
    assert set(np.diff(moments)) == {64} and moments[0] == 0  # 1000 / 64 < 16 < 1000 / 32
    assert all(each.cameras[ONE] for each in recorded([-1.0] * 10))


def test_the_worst_have_pictures_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "REGULAR", 1)
    errors = np.full(3000, -1.0)
    peaks = [100 * k + 33 for k in range(1, 15)]
    errors[peaks] = np.arange(1, 15)
    errors[[peaks[-1] - 1, peaks[-1] + 1]] = 13.5  # the same mishap
    moments = {each.moment for each in recorded(errors.tolist())}
    assert moments == {0, *peaks[-10:]}


def test_an_image_that_cannot_be_read_has_no_picture() -> None:
    message = SimpleNamespace(header=sim.header(sim.stamp(0.0)), format="jpeg", data=b"\xff\xd8broken")
    shot = snapshots.take(0, {ONE: CameraImage(message, 1)}, answer(0.0))
    assert (shot.cameras, shot.heatmap, len(shot.hypotheses)) == ({}, None, 0)


def test_a_moment_of_a_rig_has_the_newest_image_of_every_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cameras in turn, of which every second moment is kept: they are moments of one and the same."""
    monkeypatch.setattr(snapshots, "REGULAR", 4)
    drawn: list[Any] = []
    monkeypatch.setattr(snapshots, "camera_thumbnail", lambda message, *_: drawn.append(message) or b"%d" % message)
    recorder = SnapshotRecorder(lambda _: -1.0, cameras=2)
    for index in range(8):
        recorder.watch(index, index, answer(index * 0.1, camera=("front", "rear")[index % 2]))
    kept = recorder.snapshots()
    assert [each.moment for each in kept] == [0, 2, 4, 6]
    assert kept[0].cameras == {"front": b"0"} and kept[3].cameras == {"front": b"6", "rear": b"5"}
    assert sorted(drawn) == sorted(set(drawn)), "drawn twice"


def test_what_the_mask_hides_is_seen() -> None:
    """Of a rig, that of each camera: what the front one's hides below, the rear one shows as it is."""
    world = np.ones((60, 80), bool)
    world[30:] = False
    front = CameraModel(80, 60, 60.0, 60.0, 40.0, 30.0).masked(CameraMask(world))
    cameras = {"front": front, "rear": Rejection("no camera_info received yet")}
    recorder = SnapshotRecorder(lambda _: -1.0, cameras=2, camera=cameras.__getitem__)
    for index, name in enumerate(cameras):
        recorder.watch(index, grey(0.1 * index), answer(0.1 * index, camera=name))
    shown = {name: decoded(data) for name, data in recorder.snapshots()[-1].cameras.items()}
    assert shown["front"][10, 60] == pytest.approx([120, 120, 120], abs=6)
    red, green, blue = shown["front"][40, 70].tolist()
    assert red > 100 and green < 90 and blue < 90
    assert shown["rear"][40, 70] == pytest.approx([120, 120, 120], abs=6)


def grey(seconds: float) -> SimpleNamespace:
    """An image of 80 x 60 px."""
    size = {"width": 80, "height": 60, "encoding": "mono8", "step": 80, "is_bigendian": 0}
    return SimpleNamespace(header=sim.header(sim.stamp(seconds)), data=bytes([120]) * 4800, **size)


def decoded(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1])


def test_badness_is_the_error_or_what_the_pose_says_of_itself() -> None:
    truth = Trajectory(np.array([0.0, 10.0]) + sim.START_NS * 1e-9, np.array([[3.0, 4.0, 0.0]] * 2))
    gap = Trajectory(truth.stamps + 100.0, truth.poses)
    assert badness(None, answer(5.0)) == 2.0  # the larger of 2 and 1 m
    assert badness(gap, answer(5.0)) == -1.0 == badness(None, answer(5.0, None))
    close = Trajectory(np.array([4.9, 5.1]) + sim.START_NS * 1e-9, truth.poses)
    assert math.isclose(badness(close, answer(5.0)), 5.0)
