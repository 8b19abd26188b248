"""Pictures for the page: what a camera sees and what the node makes of it, now and then, while somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image, PointCloud2

from geoflow_ros.bags.messages import stamp_ns, stamped_earlier, to_rgb
from geoflow_ros.replay.snapshots import camera_thumbnail
from geoflow_ros.reports.thumbnails import heatmap_jpeg
from geoflow_ros.ros.conversions import hypotheses_of
from geoflow_ros.ros.endpoints import interface, subscription
from geoflow_ros.ros.view.node_inputs import NodeInputs
from geoflow_ros.ros.view.stated_cameras import StatedCamera
from geoflow_ros.view.live_drive import LiveDrive, Picture

CAMERA_PERIOD_S, SILENT_S = 0.5, 3.0
"""How long after a picture of a camera the next one comes, and a camera of a rig that sends none is passed over."""
KEPT_CLOUDS = 20
"""A heatmap comes so many frames after the hypotheses that it shows, at most."""
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class PictureWatch:
    """Two camera pictures and one heatmap a second; the node draws no heatmap that is not asked for.

    The cameras of a rig are listened to in turn, so that no more images are on their way than of one camera.
    """

    def __init__(
        self,
        own: Node,
        inputs: NodeInputs,
        drive: LiveDrive,
        is_watched: Callable[[], bool],
        camera: Callable[[str], StatedCamera],
    ) -> None:
        """camera: what the node states of that of a topic."""
        self._own, self._inputs, self._drive, self._is_watched = own, inputs, drive, is_watched
        self._stated = camera
        self._camera: Any = None
        self._heatmap: Any = None
        self._clouds: Any = None
        self._hypotheses: dict[int, PointCloud2] = {}
        self._taken_s = self._listening_s = 0.0

    def watch(self) -> None:
        """Once a second: ask for what is there, or for nothing while nobody looks."""
        if not self._is_watched():
            self._drop(self._camera, self._heatmap, self._clouds)
            self._camera = self._heatmap = self._clouds = None
            return
        if self._camera is None or self._camera.topic_name not in self._inputs.images or self._is_silent():
            self._listen_to_next()
        if self._clouds is None:
            self._clouds = subscription(self._own, "hypotheses", self._on_hypotheses, "reliable")
        if self._heatmap is None:
            self._heatmap = subscription(self._own, "heatmap", self._on_heatmap, "reliable")

    def _is_silent(self) -> bool:
        return time.monotonic() - self._listening_s > SILENT_S and len(self._inputs.images) > 1

    def _listen_to_next(self) -> None:
        """To the camera after this one, the first one after the last."""
        before, topics = "" if self._camera is None else self._camera.topic_name, list(self._inputs.images)
        self._drop(self._camera)
        self._camera, self._listening_s = None, time.monotonic()
        if topics:
            topic = next((each for each in topics if each > before), topics[0])
            kind = interface(self._inputs.images[topic])
            take = partial(self._on_image, topic, kind)
            self._camera = self._own.create_subscription(kind, topic, take, NEWEST, raw=True)

    def _on_image(self, topic: str, kind: Any, data: bytes) -> None:
        """Serialised: most images are not looked at."""
        now_s = time.monotonic()
        if now_s - self._taken_s < CAMERA_PERIOD_S:
            return
        self._taken_s = now_s
        stated, cameras = self._stated(topic), len(self._inputs.images)
        message = stamped_earlier(deserialize_message(data, kind), stated.delay)  # as its pose is stamped
        picture = camera_thumbnail(message, cameras, stated.mask)
        if picture is not None:
            name = topic.removesuffix("/compressed") if cameras > 1 else ""
            self._drive.add_picture(Picture("camera", stamp_ns(message.header.stamp), picture, name))
        if cameras > 1:
            self._listen_to_next()

    def _on_hypotheses(self, message: PointCloud2) -> None:
        self._hypotheses[stamp_ns(message.header.stamp)] = message
        if len(self._hypotheses) > KEPT_CLOUDS:
            del self._hypotheses[next(iter(self._hypotheses))]

    def _on_heatmap(self, message: Image) -> None:
        stamp, picture = stamp_ns(message.header.stamp), heatmap_jpeg(to_rgb(message))
        cloud = self._hypotheses.get(stamp)
        hypotheses = np.empty((0, 3)) if cloud is None else hypotheses_of(cloud)
        self._drive.add_picture(Picture("heatmap", stamp, picture, hypotheses=hypotheses))
        self._drop(self._heatmap)
        self._heatmap = None

    def _drop(self, *subscriptions: Any) -> None:
        for each in subscriptions:
            if each is not None:
                self._own.destroy_subscription(each)
