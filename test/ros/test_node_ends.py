"""How the node's process ends: at a signal, and where it cannot start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from ros_fake_session import STUCK, STUCK_GREY, STUCK_S

from geoflow_ros.ros.serve import INSISTING_S

LAUNCH_S = 5.0
"""After so long `ros2 launch` sends the next signal, by default."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_node_cleanly_before_launch_insists(number: signal.Signals) -> None:
    with ros.node_process(ros.FAKE_SESSION, ros.ros_arguments(Path("unused"))) as process:
        assert process.stdout is not None
        while "ready" not in (line := process.stdout.readline()):
            assert line, "the node ended before it was ready"
        process.send_signal(number)
        assert process.wait(LAUNCH_S) == 0


def test_a_node_whose_network_is_at_work_for_long_ends_cleanly() -> None:
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, ros.ros_arguments(Path("unused"))) as process:
        peer.wait_for_node(process)
        peer.publish("image", ros.image(time.time_ns(), grey=STUCK_GREY))
        assert process.stdout is not None
        while STUCK not in (line := process.stdout.readline()):
            assert line, "the node ended before it was at work"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=STUCK_S / 2)
    assert process.returncode == 0, output


def test_who_insists_ends_a_node_that_reads_its_network() -> None:
    with ros.node_process(ros.FAKE_SESSION, ros.ros_arguments(Path("slow"))) as process:
        assert process.stdout is not None
        while "still reading the network" not in (line := process.stdout.readline()):
            assert line, "the node ended before"
        for _ in range(2):  # as of ros2 launch in a terminal
            process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(INSISTING_S + 0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LAUNCH_S) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-p", "tiles:=none.mbtiles"], "required parameter not set: camera.forward"),
        (ros.ros_arguments(Path("none.mbtiles"), hypoteses=3), "unknown parameter hypoteses"),
        (["--params-file", "none.yaml"], "ROS does not understand the arguments"),
    ],
)
def test_bad_start_ends_with_one_sentence(arguments: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "geoflow_ros.localize", "--ros-args", *arguments]
    result = subprocess.run(command, cwd=ros.REPOSITORY, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("geoflow_ros.localize: ") and sentence in line
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ROS_LOG_DIR": "/proc/nowhere"}, "ROS cannot write its log: set ROS_LOG_DIR to a folder that this user"),
        ({"HOME": "/proc/nowhere", "ROS_HOME": ""}, "ROS cannot write its log: set ROS_LOG_DIR"),
        ({"ROS_DOMAIN_ID": "robot"}, "ROS cannot begin: set ROS_DOMAIN_ID to a number"),
    ],
)
@pytest.mark.parametrize("module", ["localize", "view"])
def test_an_environment_without_ros_is_one_sentence(module: str, variables: dict[str, str], sentence: str) -> None:
    arguments = ros.ros_arguments(Path("none.mbtiles"))
    result = subprocess.run(
        [sys.executable, "-m", f"geoflow_ros.{module}", "--ros-args", *arguments], cwd=ros.REPOSITORY,
        env={**os.environ, **variables}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith(f"geoflow_ros.{module}: {sentence}") and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (["odom:=/motion", "twist:=/motion"], "twist cannot be /motion of type geometry_msgs/msg/TwistStamped"),
        (["pose:=/here", "state:=/here"], "state cannot be /here of type std_msgs/msg/String"),
        (["initialpose:=/fix"], "initialpose cannot be /fix of type geometry_msgs/msg/PoseWithCovarianceStamped"),
    ],
)
def test_two_topics_on_one_name_are_one_sentence(rules: list[str], sentence: str) -> None:
    arguments = [*ros.ros_arguments(Path("unused")), *(part for rule in rules for part in ("-r", rule))]
    with ros.node_process(ros.FAKE_SESSION, arguments) as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert f"InputError: {sentence}: remap no other topic to it" in output.splitlines()[-1]
    assert output.count("Traceback") == 1, "that of the test's own program, which prints no sentences"


def test_too_few_addresses_for_the_libraries_are_one_sentence_and_no_wait() -> None:
    command = ["bash", "-c", f"ulimit -v {2**20}; exec {sys.executable} -m geoflow_ros.localize"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "may use 1.0 GiB of addresses (ulimit -v)" in done.stderr and "Traceback" not in done.stderr
