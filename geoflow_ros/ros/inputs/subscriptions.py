"""What the node listens to while it is active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.ros.endpoints import subscription
from geoflow_ros.ros.pipeline import Pipeline

IMAGES = {"raw": ("image",), "compressed": ("image/compressed",), "any": ("image", "image/compressed")}


class Subscriptions:
    """Callbacks only hand on: whatever takes time is done in the pipeline's worker."""

    def __init__(self, node: Node, config: NodeConfig, pipeline: Pipeline) -> None:
        self._node = node
        session = pipeline.session
        callbacks: dict[str, Callable[[Any], None]] = {
            "fix": session.on_fix,
            "imu": session.on_imu,
            "odom": pipeline.on_odom,
            "twist": session.on_twist,
        }
        reliability = config.image_reliability
        self._subscriptions = [
            subscription(node, name, partial(pipeline.take, name, each), reliability)
            for name, each in callbacks.items()
        ]
        self._of_cameras: dict[str, list[Subscription]] = {}
        for camera, stated in config.named_cameras.items():
            heard: dict[str, Callable[[Any], None]] = {
                name: partial(pipeline.offer, camera=camera) for name in IMAGES[config.image_transport]
            }
            if not stated.panorama:
                heard["camera_info"] = partial(session.on_camera_info, camera=camera)
            self._of_cameras[camera] = [
                subscription(node, name, each, reliability, camera) for name, each in heard.items()
            ]

        # By name: the worker may ask for warnings while the subscriptions are being closed.
        self._topics = [each.topic_name for each in self._all()]
        self._camera_topics = {camera: [each.topic_name for each in mine] for camera, mine in self._of_cameras.items()}

    def close(self) -> None:
        """Listen no more."""
        for each in self._all():
            self._node.destroy_subscription(each)

    @property
    def warnings(self) -> list[str]:
        """Topics on which more than one publisher talks, which nobody can take for one sensor, and that two share."""
        counts = {topic: self._node.count_publishers(topic) for topic in self._topics}
        crowded = [f"{count} publishers on {name}, expected one" for name, count in counts.items() if count > 1]
        users = Counter(self._topics)
        return crowded + [
            f"camera {camera}: listens to {topic} as another camera does: remap one of them"
            for camera, mine in self._camera_topics.items()
            for topic in mine
            if users[topic] > 1
        ]

    def _all(self) -> list[Subscription]:
        return [*self._subscriptions, *(each for mine in self._of_cameras.values() for each in mine)]
