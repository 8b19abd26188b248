"""What a node says where no image comes: none under a name that nobody publishes, and no more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.ros.diagnostics import SILENCE_S
from geoflow_ros.ros.inputs.arrival import NO_TIME


def test_before_the_first_image_the_state_says_what_is_awaited_and_what_there_is() -> None:
    arguments = ["-r", "image:=/nowhere/image", *ros.ros_arguments(Path("unused"))]
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, arguments):
        told = (
            "INITIALISING: no image received yet on /nowhere/image or /nowhere/image/compressed; "
            "nobody publishes /nowhere/image: remap image, to /image perhaps"
        )
        peer.wait(lambda: told in peer.track_states, f"the state {told}", timeout_s=60.0)


def publish_frame(peer: ros.Peer, state: str) -> None:
    """With a fix, until the node is in this state."""

    def publish() -> None:
        now = time.time_ns()
        peer.publish("fix", ros.fix(now, 49.0, 8.4))
        peer.listen(0.05)
        peer.publish("image", ros.image(now))

    peer.publish_until(publish, lambda: peer.track_states[-1].startswith(f"{state}: "), state)


def test_after_the_last_image_the_state_is_none_that_has_a_pose() -> None:
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, ros.ros_arguments(Path("unused"))) as process:
        peer.wait_for_node(process)
        for state in ("LOCALISED", "DEGRADED"):
            if state == "DEGRADED":
                peer.publish("initialpose", ros.initialpose(time.time_ns(), 1.0, 2.0, 0.0))
                peer.listen(0.1)
            publish_frame(peer, state)
            peer.wait(lambda: peer.track_states[-1] == "LOST: images have ceased", "the loss", SILENCE_S + 3.0)
            peer.wait(lambda: "(last: LOST: images have ceased)" in peer.states[-1].message, "the diagnostics")
            assert peer.states[-1].level == b"\x02"


def test_a_clock_that_nobody_publishes_is_named_and_nothing_is_told_by_it() -> None:
    arguments = ros.ros_arguments(Path("unused"), use_sim_time=True)
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, arguments) as process:
        peer.wait_for_node(process)
        peer.wait(lambda: f"yet on /image or /image/compressed; {NO_TIME}" in peer.track_states[-1], "the first state")
        publish_frame(peer, "LOCALISED")
        peer.states.clear()
        peer.wait(lambda: bool(peer.states), "the diagnostics")
        facts = peer.facts()
        assert NO_TIME in peer.states[-1].message and facts["answered"] != "0"
        assert not facts.keys() & {"age of the last fix [s]", "latency of the last pose [ms]"}
