"""The pipeline apart from DDS: a session and an announcer that a test can hold up."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from ros_held_session import HERE, PATIENCE_S, Answered, Heard, HeldSession, Unheard
from sensor_msgs.msg import CompressedImage

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.ros import pipeline as module
from geoflow_ros.ros.loaded import Loaded
from geoflow_ros.ros.pipeline import Pipeline
from geoflow_ros.tracking.settings import CameraConfig, DatumConfig

THERE = Datum(48.1, 11.0)


@pytest.fixture(params=[True, False], ids=["fused", "single frames"])
def config(request: pytest.FixtureRequest) -> NodeConfig:
    mount = CameraConfig(forward=0.0, left=0.0, height=1.5, roll=0.0, pitch=0.0, yaw=0.0)
    return NodeConfig(tiles="unused", camera=mount, fusion=request.param)


@pytest.fixture
def pipeline(config: NodeConfig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setattr(module, "Announcer", Heard)
    monkeypatch.setattr(module, "MountAnnouncer", Unheard)
    loaded = Loaded(lambda frame, thresholds: None, lambda: ())  # type: ignore[arg-type, return-value]
    node: Any = SimpleNamespace(get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=0)))
    made = Pipeline(node, config, loaded, None, HeldSession)  # type: ignore[arg-type]
    made.open("begun")
    yield made
    made.close()


@pytest.mark.parametrize("way", ["service", "parameter"])
def test_a_frame_that_ends_while_the_datum_changes_is_not_published(
    pipeline: Pipeline, config: NodeConfig, way: str
) -> None:
    session: Any = pipeline.session
    heard: Any = pipeline.announcer

    def the_frame_ends() -> None:
        session.go_on.set()
        heard.something.wait(0.3)  # as long as it can be published in the old frame

    session.in_new_frame = the_frame_ends
    pipeline.offer(ros.image(10**9))
    assert session.begun.wait(PATIENCE_S)
    if way == "service":
        pipeline.begin_map_at(THERE)
    else:
        pipeline.configure(replace(config, datum=DatumConfig(THERE.latitude, THERE.longitude, THERE.altitude)))
    pipeline.offer(ros.image(2 * 10**9))
    assert heard.something.wait(PATIENCE_S)
    assert heard.datums == [THERE]
    assert pipeline.facts["forgotten (of before a reset)"] == "1"


def test_images_that_wait_or_are_in_work_when_it_starts_anew_are_counted(pipeline: Pipeline) -> None:
    session: Any = pipeline.session
    pipeline.offer(ros.image(10**9))
    assert session.begun.wait(PATIENCE_S)
    pipeline.offer(ros.image(2 * 10**9))
    pipeline.reset("asked to")
    pipeline.offer(ros.image(3 * 10**9))
    session.go_on.set()
    heard: Any = pipeline.announcer
    assert heard.something.wait(PATIENCE_S)
    counted = [pipeline.facts[each] for each in ("received", "forgotten (of before a reset)")]
    assert counted == ["3", "2"] and len(heard.datums) == 1


def test_what_is_published_is_of_the_exposure_and_the_twin_of_an_image_is_known(pipeline: Pipeline) -> None:
    session: Any = pipeline.session
    heard: Any = pipeline.announcer
    session.delay = 0.15
    session.go_on.set()
    first, taken_ns = ros.image(10**9), 850_000_000
    pipeline.offer(first)
    assert heard.something.wait(PATIENCE_S)
    assert heard.stamps == [taken_ns] and stamp_ns(first.header.stamp) == 10**9  # the message is others', too
    pipeline.offer(CompressedImage(header=first.header))
    assert pipeline.facts["received"] == "1"
    assert pipeline.newest_image is not None and pipeline.newest_image.stamp_ns == taken_ns


def test_a_raw_image_behind_newer_compressed_ones_is_no_frame_of_its_own(pipeline: Pipeline) -> None:
    session: Any = pipeline.session
    session.go_on.set()
    raw = [ros.image(stamp) for stamp in (10**9, 2 * 10**9, 3 * 10**9)]
    compressed = [CompressedImage(header=each.header, format="jpeg") for each in raw]
    for message in (*compressed[:2], raw[0], raw[1], raw[2], compressed[2]):
        pipeline.offer(message)
    assert pipeline.facts["received"] == "3"
    assert pipeline.newest_image is not None and pipeline.newest_image.stamp_ns == 3 * 10**9


def test_whatever_idle_time_raises_is_told_once_and_the_next_frame_answered(pipeline: Pipeline) -> None:
    session: Any = pipeline.session
    heard: Any = pipeline.announcer
    session.go_on.set()
    errors: list[Exception] = [KeyError("a defect"), ZeroDivisionError("another"), MemoryError()]

    def warm() -> bool:
        raise errors.pop(0)

    session.warming = warm
    for count in (1, 2, 3):
        heard.something.clear()
        pipeline.offer(ros.image(count * 10**9))
        assert heard.something.wait(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while len(errors) > 3 - count and time.monotonic() < deadline:
            time.sleep(0.005)
    session.warming = lambda: False
    pipeline.offer(ros.image(4 * 10**9))
    assert heard.something.wait(PATIENCE_S)
    told = [value for value in pipeline.facts.values() if "failed" in value]
    assert told == ["failed 3 times, the last: MemoryError"]


def test_patches_and_mounts_take_turns_where_an_image_always_waits(pipeline: Pipeline) -> None:
    session: Any = pipeline.session
    turns: list[str] = []
    session.warming, session.learn_mounts = lambda: not turns.append("patch"), lambda: not turns.append("mount")
    assert all(pipeline._idle(is_hurried=True) for _ in range(4))
    assert turns == ["mount", "patch", "mount", "patch"]
    assert pipeline._idle(is_hurried=False)
    assert turns[4:] == ["patch"], "which an image will need comes first where there is time for all"


def test_a_panorama_is_answered_view_by_view_each_mounted_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Announcer", Heard)
    monkeypatch.setattr(module, "MountAnnouncer", Unheard)
    mount = CameraConfig(forward=0.0, left=0.0, height=1.5, roll=0.0, pitch=0.0, yaw=0.3, panorama=2)
    loaded = Loaded(lambda frame, thresholds: None, lambda: ())  # type: ignore[arg-type, return-value]
    node: Any = SimpleNamespace(get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=0)))
    made = Pipeline(node, NodeConfig(tiles="unused", camera=mount), loaded, None, HeldSession)  # type: ignore[arg-type]
    session: Any = made.session
    mounts: dict[str, float] = {}
    seen: dict[str, Any] = {}
    answered = threading.Semaphore(0)

    def process(message: Any, camera: str) -> Answered:
        seen[camera] = module._decode(message, session.camera, (512, 256))[0].shape
        answered.release()
        return Answered(HERE)

    session.camera, session.process = None, process
    session.set_mount = lambda stated, *_, camera: mounts.update({camera: stated.yaw})
    made.open("begun")
    panorama = ros.image(10**9)
    panorama.height = ros.WIDTH // 2
    made.offer(panorama)
    assert answered.acquire(timeout=PATIENCE_S) and answered.acquire(timeout=PATIENCE_S)
    made.close()
    assert seen == {"view_0": (256, 512, 3), "view_180": (256, 512, 3)}
    assert mounts == pytest.approx({"view_0": 0.3, "view_180": 0.3 - math.pi})


def test_a_kept_mount_is_recalled_once_it_is_stated_and_before_its_first_image_is_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which TF, unlike the parameters, states with an image."""
    session: Any = pipeline.session
    done, answered = [], threading.Event()
    monkeypatch.setattr(session, "set_mount", lambda *_, **__: done.append("stated"))
    monkeypatch.setattr(Unheard, "recall", lambda self: done.append("recalled"))

    def process(message: Any, camera: str) -> Answered:
        done.append("read")
        answered.set()
        return Answered(HERE)

    session.process = session.single_frame = process
    pipeline.offer(ros.image(10**9))
    assert answered.wait(PATIENCE_S)
    assert done == ["stated", "recalled", "read"]


class FakeLive:
    """Remembers where the vehicle was said to be."""

    fact = "3 fetched"

    def __init__(self) -> None:
        self.places: list[PlanarPose] = []
        self.told, self.closed = threading.Event(), False

    def look_ahead(self, pose: PlanarPose, frame: LocalFrame) -> None:
        self.places.append(pose)
        self.told.set()

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("lost", [True, False])
def test_who_fetches_tiles_is_told_the_pose_or_where_it_is_looked_for(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    live = FakeLive()
    session: Any = pipeline.session
    monkeypatch.setattr(pipeline, "_loaded", replace(pipeline._loaded, live=live))
    pose, prior = (SimpleNamespace(planar=PlanarPose(east)) for east in (1.0, 2.0))
    answer = SimpleNamespace(
        single=None, prior=prior, frame=LocalFrame(HERE), datum=HERE, track=SimpleNamespace(pose=None if lost else pose)
    )
    monkeypatch.setattr(session, "process", lambda *_: answer)
    monkeypatch.setattr(session, "single_frame", lambda *_: answer)
    pipeline.offer(ros.image(10**9))
    assert live.told.wait(PATIENCE_S)
    assert live.places == [PlanarPose(2.0 if lost else 1.0)]
    assert pipeline.facts["live tiles"] == "3 fetched"
    pipeline.close()
    assert live.closed
