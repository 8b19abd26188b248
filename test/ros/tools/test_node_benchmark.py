"""The node under a camera of another rate, over real DDS with a localiser that answers at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from paths import SUPPORT

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rosbags", reason="rosbags is not installed")

import ros_drive
import ros_support

from geoflow_ros.errors import InputError
from geoflow_ros.ros.tools import node_benchmark as benchmark
from geoflow_ros.ros.tools.player import Recorded

FAKE_NODE = (sys.executable, str(SUPPORT / "ros_fake_node.py"))


@pytest.fixture(autouse=True)
def package_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ros_support.REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(benchmark, "WARM_UP_S", 1.0)


def test_images_at_another_rate_repeat_the_one_before() -> None:
    ms = 10**6
    images = [Recorded(index * 100 * ms, index * 100 * ms + 7, "/image", bytes([index])) for index in range(3)]
    fix = Recorded(50 * ms, 50 * ms, "/fix", b"fix")
    played = benchmark.at_rate([*images, fix], 20.0)
    assert [(each.recorded_ns // ms, each.topic, each.data) for each in played] == [
        (0, "/image", b"\0"),
        (50, "/image", b"\0"),
        (50, "/fix", b"fix"),
        (100, "/image", b"\1"),
        (150, "/image", b"\1"),
        (200, "/image", b"\2"),
    ]
    assert [each.stamp_ns - each.recorded_ns for each in played if each.topic == "/image"] == [7] * 5
    assert [each.recorded_ns // ms for each in benchmark.at_rate(images, 5.0)] == [0, 200]


def test_every_frame_of_a_quick_node_is_accounted_for(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 30)
    about = json.loads((drive / "drive.json").read_text())
    (drive / "drive.json").write_text(json.dumps({**about, "delay": 0.1}))  # poses would have stamps of their own
    (row,) = benchmark.measure_node(drive, [20.0], 1.0, {}, FAKE_NODE)
    assert (row.rate_hz, row.sent) == (20.0, 20)
    assert row.answered + row.dropped + row.withheld + row.lost == 20
    assert row.answered >= 15  # a busy machine may overtake some
    assert 0.0 < row.latency_ms_p50 <= row.latency_ms_p95 < 1000.0
    assert 0.0 < row.cpu_cores < 2.0
    assert row.resident_mb > 30.0


def test_what_a_rig_is_sent_while_it_warms_up_is_played_and_not_counted(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 30)
    (row,) = benchmark.measure_rigs(drive, [1], 20.0, 0.8, {}, FAKE_NODE)
    assert (row.cameras, row.hz, row.warm_up_s, row.sent) == (1, 20.0, 1.0, 16)
    assert 0.7 <= row.seconds < 1.5
    assert row.answered + row.dropped == 16 and row.answered >= 12
    assert row.latency_ms_p50 is not None and row.latency_ms_p95 is not None
    assert 0.0 < row.latency_ms_p50 <= row.latency_ms_p95 < 1000.0


def test_a_drive_shorter_than_its_warm_up_is_refused(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 3)
    with pytest.raises(InputError, match="no image after its first 1 s"):
        benchmark.measure_node(drive, [10.0], 1.0, {}, FAKE_NODE)


def test_a_drive_of_fewer_cameras_than_asked_for_is_refused(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 3)
    with pytest.raises(InputError, match="has 1 cameras, fewer than 4: give a drive of as many"):
        benchmark.measure_rigs(drive, [1, 4], 10.0, 1.0, {})


def test_each_camera_of_a_rig_keeps_its_own_pictures_and_times() -> None:
    ms = 10**6
    names = ("front", "rear")
    images = [
        Recorded((100 * index + 12 * row) * ms, 0, f"/{name}/image", bytes([index, row]))
        for index in range(2)
        for row, name in enumerate(names)
    ]
    played = benchmark.at_rate(images, 20.0)
    assert [(each.recorded_ns // ms, each.topic, each.data) for each in played] == [
        (0, "/front/image", b"\0\0"),
        (12, "/rear/image", b"\0\1"),
        (50, "/front/image", b"\0\0"),
        (62, "/rear/image", b"\0\1"),
        (100, "/front/image", b"\1\0"),
        (112, "/rear/image", b"\1\1"),
    ]
