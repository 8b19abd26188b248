"""A camera whose mount moves, its transforms on `/tf`: over real DDS, tf2_ros stood in for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

FRAMES, FRAME_S = 20, 0.3


@pytest.mark.parametrize("rate_hz", [30.0, 100.0])
def test_frames_between_two_transforms_are_answered(rate_hz: float) -> None:
    from geometry_msgs.msg import TransformStamped

    given = ros.ros_arguments(Path("unused"), **{f"camera__{name}": None for name in ros.MOUNT}, camera__from_tf=True)
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, given, ros.STAND_INS) as node:
        tf = peer.node.create_publisher(TransformStamped, "tf_stand_in", 100)

        def publish_mount() -> None:
            message = TransformStamped(child_frame_id="camera_optical")
            message.header.frame_id, message.header.stamp = "base_link", ros.stamp(time.time_ns())
            message.transform.translation.z = 1.5
            rotation = message.transform.rotation
            rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
            tf.publish(message)

        peer.wait_for_node(node)
        peer.wait(lambda: tf.get_subscription_count() > 0, "the listener")
        peer.node.create_timer(1.0 / rate_hz, publish_mount)
        peer.listen(0.5)
        peer.publish("fix", ros.fix(time.time_ns(), 49.0, 8.4))
        for _ in range(FRAMES):
            image = ros.image(time.time_ns())  # later than every transform so far
            image.header.frame_id = "camera_optical"
            peer.publish("image", image)
            peer.listen(FRAME_S)
        # on a machine that stands still for a moment, patience ends
        assert len(peer.poses) >= FRAMES // 2, peer.track_states[-3:]
