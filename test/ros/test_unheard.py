"""What a node says that waits for images under a name that nobody publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros


def test_before_the_first_image_the_state_says_what_is_awaited_and_what_there_is() -> None:
    arguments = ["-r", "image:=/nowhere/image", *ros.ros_arguments(Path("unused"))]
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, arguments):
        told = (
            "INITIALISING: no image received yet on /nowhere/image or /nowhere/image/compressed; "
            "nobody publishes /nowhere/image: remap image, to /image perhaps"
        )
        peer.wait(lambda: told in peer.track_states, f"the state {told}", timeout_s=60.0)
