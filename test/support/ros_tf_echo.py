"""Prints the transforms of /tf, a line of JSON each: a process of its own can be given a generated tf2_msgs."""

from __future__ import annotations

import json
from typing import Any

import rclpy
from tf2_msgs.msg import TFMessage


def show(message: Any) -> None:
    """One line a transform."""
    for each in message.transforms:
        translation, rotation = each.transform.translation, each.transform.rotation
        line = {
            "parent": each.header.frame_id,
            "child": each.child_frame_id,
            "stamp_ns": each.header.stamp.sec * 10**9 + each.header.stamp.nanosec,
            "translation": [translation.x, translation.y, translation.z],
            "rotation": [rotation.x, rotation.y, rotation.z, rotation.w],
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    rclpy.init()
    node = rclpy.create_node("tf_echo")
    node.create_subscription(TFMessage, "/tf", show, 100)
    rclpy.spin(node)
