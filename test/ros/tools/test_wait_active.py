"""Waiting for a lifecycle node, over real DDS."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros


def test_the_wait_ends_when_the_node_is_active_and_not_before() -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    waiting = ["-m", "geoflow_ros.ros.tools.wait_active", "/localize"]
    given = ros.ros_arguments(Path("unused"), autostart=False)
    with ros.Peer() as peer, ros.node_process(waiting, []) as wait:
        peer.listen(2.0)  # it may well come before the node
        with ros.node_process(ros.FAKE_SESSION, given):
            for number in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
                peer.wait(lambda: peer.node.count_clients("/localize/get_state") > 0, "the waiting program", 30.0)
                peer.listen(1.0)
                assert wait.poll() is None
                request = ChangeState.Request(transition=Transition(id=number))
                assert peer.call("/localize/change_state", request).success
            peer.wait(lambda: wait.poll() is not None, "the end of the wait")
            assert wait.returncode == 0, wait.communicate()[0]
