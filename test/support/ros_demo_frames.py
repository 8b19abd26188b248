"""Frames of the shipped drive for a node, with the fix and the heading that belong to them."""

from __future__ import annotations

import time
from typing import Any

import ros_support as ros
from sensor_msgs.msg import Image

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.geodesy import LocalFrame

DEMO = ros.REPOSITORY / "demo"


def publish(
    peer: ros.Peer, town: LocalFrame, message: Any, prior: tuple[float, float, float], focal: float, now: int = 0
) -> int:
    """A frame with everything that belongs to it; its stamp (ns). prior: east, north (m), yaw (rad) of base_link."""
    now = now or time.time_ns()
    message.header.stamp = ros.stamp(now)
    latitude, longitude, _ = town.to_geodetic(prior[:2])
    peer.publish("camera_info", ros.camera_info(message.width, message.height, focal))
    for earlier_ns in (20_000_000, 10_000_000, 0):  # a leap is believed when three fixes in a row agree
        peer.publish("fix", ros.fix(now - earlier_ns, float(latitude), float(longitude)))
    peer.publish("imu", ros.imu(now, prior[2]))
    peer.listen(0.05)
    peer.publish("image", message)
    return now


def truth(index: int) -> tuple[float, float, float]:
    """Of base_link in the demo's frame."""
    east, north, yaw = read_tum(DEMO / "truth.tum").poses[index]
    return float(east), float(north), float(yaw)


def picture_message(rgb: Any) -> Image:
    """A message of an RGB image (H, W, 3)."""
    height, width, _ = rgb.shape
    return Image(height=height, width=width, encoding="rgb8", step=3 * width, data=rgb.tobytes())
