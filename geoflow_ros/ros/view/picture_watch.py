"""Pictures for the page: what a camera sees and what the node makes of it, now and then, while somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from geoflow_ros.bags.messages import stamp_ns, to_rgb
from geoflow_ros.replay.snapshots import camera_thumbnail
from geoflow_ros.reports.thumbnails import heatmap_jpeg
from geoflow_ros.ros.endpoints import interface, subscription
from geoflow_ros.ros.view.node_inputs import NodeInputs
from geoflow_ros.view.live_drive import LiveDrive

CAMERA_PERIOD_S = 0.5
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class PictureWatch:
    """Two camera pictures and one heatmap a second; the node draws no heatmap that is not asked for."""

    def __init__(self, own: Node, inputs: NodeInputs, drive: LiveDrive, is_watched: Callable[[], bool]) -> None:
        self._own, self._inputs, self._drive, self._is_watched = own, inputs, drive, is_watched
        self._camera: Any = None
        self._heatmap: Any = None
        self._taken_s = 0.0

    def watch(self) -> None:
        """Once a second: ask for what is there, or for nothing while nobody looks."""
        is_watched = self._is_watched()
        topic = self._inputs.image if is_watched else None
        if self._camera is not None and (topic is None or self._camera.topic_name != topic[0]):
            self._own.destroy_subscription(self._camera)
            self._camera = None
        if topic is not None and self._camera is None:
            kind = interface(topic[1])
            take = partial(self._on_image, kind)
            self._camera = self._own.create_subscription(kind, topic[0], take, NEWEST, raw=True)
        if is_watched and self._heatmap is None:
            self._heatmap = subscription(self._own, "heatmap", self._on_heatmap, "reliable")
        elif not is_watched:
            self._drop_heatmap()

    def _on_image(self, kind: Any, data: bytes) -> None:
        """Serialised: most images are not looked at."""
        now_s = time.monotonic()
        if now_s - self._taken_s < CAMERA_PERIOD_S:
            return
        self._taken_s = now_s
        message = deserialize_message(data, kind)
        picture = camera_thumbnail(message)
        if picture is not None:
            self._drive.add_picture("camera", stamp_ns(message.header.stamp), picture)

    def _on_heatmap(self, message: Image) -> None:
        self._drive.add_picture("heatmap", stamp_ns(message.header.stamp), heatmap_jpeg(to_rgb(message)))
        self._drop_heatmap()

    def _drop_heatmap(self) -> None:
        if self._heatmap is not None:
            self._own.destroy_subscription(self._heatmap)
            self._heatmap = None
