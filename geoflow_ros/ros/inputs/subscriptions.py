"""What the node listens to while it is active."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.subscription import Subscription

from geoflow_ros.bags.topics import COMPRESSED, rectified_complaint
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.ros.endpoints import subscription
from geoflow_ros.ros.inputs.arrival import NO_TIME, has_time
from geoflow_ros.ros.inputs.latched import Latched
from geoflow_ros.ros.interfaces import TOPICS, named, topics_fact
from geoflow_ros.ros.pipeline import Pipeline

IMAGES = {"raw": ("image",), "compressed": ("image/compressed",), "any": ("image", "image/compressed")}
LOOK_S = 1.0
ASK_LESS = "but image_reliability is reliable: set it to best_effort"
STATED, RESULT = "initialpose", "pose"
SOUGHT = ("image", "camera_info", "fix")
"""Inputs without which there is no pose."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A topic that is listened to: as it is remapped, of what type, and what is said of it if it is best effort.

    name: before it is remapped. By name: the worker may ask for warnings while the subscriptions are being closed.
    remedy: empty where best effort is heard.
    """

    name: str
    topic: str
    type: str
    remedy: str

    def complaints(self, published: Iterable[Any]) -> Iterator[str]:
        """Why nothing is heard of publishers, as the graph describes them: DDS says so of types nowhere."""
        for each in published:
            if each.topic_type != self.type:
                yield f"nothing is heard of {self.topic}: it is published as {each.topic_type}, expected {self.type}"
            elif self.remedy and each.qos_profile.reliability is ReliabilityPolicy.BEST_EFFORT:
                yield f"nothing is heard of {self.topic}: it is published best effort, {self.remedy}"


class Subscriptions:
    """Callbacks only hand on: whatever takes time is done in the pipeline's worker."""

    def __init__(self, node: Node, config: NodeConfig, pipeline: Pipeline) -> None:
        """An InputError says which topic cannot be listened to."""
        self._node = node
        self._made: list[Subscription] = []
        self._heard: list[_Heard] = []
        self._camera_topics: dict[str, list[str]] = {}
        self._warnings: list[str] = []
        self._distorted_twice: list[str] = []
        self._look_at_s = 0.0
        self._stated = _Heard(STATED, node.resolve_topic_name(STATED), named(TOPICS, STATED).type, "expected reliable")
        self._result = str(node.resolve_topic_name(RESULT))
        self._latched = Latched(node)
        try:
            self._listen_to_all(config, pipeline)
        except InputError:
            self.close()
            raise

    def _listen_to_all(self, config: NodeConfig, pipeline: Pipeline) -> None:
        session, reliability = pipeline.session, config.image_reliability
        callbacks: dict[str, Callable[[Any], None]] = {
            "fix": session.on_fix,
            "imu": session.on_imu,
            "odom": pipeline.on_odom,
            "twist": session.on_twist,
        }
        for name, callback in callbacks.items():
            self._listen(name, partial(pipeline.take, name, callback), reliability)
        for camera, stated in config.named_cameras.items():
            heard: dict[str, Callable[[Any], None]] = {
                name: partial(pipeline.offer, camera=camera) for name in IMAGES[config.image_transport]
            }
            if stated.hears_calibration:
                heard["camera_info"] = partial(session.on_camera_info, camera=camera)
            self._camera_topics[camera] = topics = [
                self._listen(name, callback, reliability, camera) for name, callback in heard.items()
            ]
            if not stated.rectified:
                group = f"camera.{camera}" if camera else "camera"
                told = [rectified_complaint(topic, group) for topic in topics]
                self._distorted_twice += [each for each in told if each][:1]
            if (info := heard.get("camera_info")) is not None:
                latched = partial(subscription, self._node, "camera_info", info, reliability, camera, is_latched=True)
                self._latched.want(topics[-1], latched)

    def _listen(self, name: str, callback: Callable[[Any], None], reliability: str, camera: str = "") -> str:
        """The name of the topic, as it is remapped."""
        made = subscription(self._node, name, callback, reliability, camera)
        self._made.append(made)
        topic = named(TOPICS, name)
        is_reliable = topic.qos.reliability == "by_parameter" and reliability == "reliable"
        own = f"{camera}/{name}" if camera else name
        self._heard.append(_Heard(own, made.topic_name, topic.type, ASK_LESS if is_reliable else ""))
        return str(made.topic_name)

    def close(self) -> None:
        """Listen no more."""
        self._latched.close()
        for each in self._made:
            self._node.destroy_subscription(each)

    @property
    def facts(self) -> dict[str, str]:
        """What the diagnostics show of it: what each camera listens to, which may have any name."""
        return {topics_fact(camera): " ".join(topics) for camera, topics in self._camera_topics.items()}

    @property
    def images(self) -> list[str]:
        """The topics on which images are awaited."""
        return [each.topic for name, heard in self._sought.items() if name.endswith("image") for each in heard]

    @property
    def warnings(self) -> list[str]:
        """Topics that nobody can take for one sensor: nothing is heard of them, several publish or share them.

        And that there is no time.
        """
        if time.monotonic() >= self._look_at_s:
            self._look_at_s = time.monotonic() + LOOK_S
            self._warnings = [*self._of_publishers(), *self._shared(), *self._distorted_twice]
        return self._warnings

    def _of_publishers(self) -> list[str]:
        published = {each.topic: self._node.get_publishers_info_by_topic(each.topic) for each in self._heard}
        crowded = [f"{len(infos)} publishers on {name}, expected one" for name, infos in published.items() if infos[1:]]
        unheard = [sentence for each in self._heard for sentence in each.complaints(published[each.topic])]
        unheard += self._stated.complaints(self._node.get_publishers_info_by_topic(self._stated.topic))
        timeless = [] if has_time(self._node) else [NO_TIME]
        return [*timeless, *crowded, *dict.fromkeys(unheard), *self._published_elsewhere(published), *self._rivals()]

    def _rivals(self) -> Iterator[str]:
        """That poses come of others, too: of a node that was left running, say."""
        if others := self._node.get_publishers_info_by_topic(self._result)[1:]:
            yield (
                f"{1 + len(others)} publishers on {self._result}, expected this node alone: is another localiser, or "
                "this one of before, still running?"
            )

    def _published_elsewhere(self, published: Mapping[str, Sequence[Any]]) -> Iterator[str]:
        """What nobody publishes of that without which there is no pose, though others of its type are published."""
        for name, heard in self._sought.items():
            if any(published[each.topic] for each in heard):
                continue
            if others := self._of_others({each.type for each in heard}):
                yield f"nobody publishes {heard[0].topic}: remap {name}, to {' or '.join(others)} perhaps"

    @property
    def _sought(self) -> Mapping[str, Sequence[_Heard]]:
        """Topics by what is to be remapped; an image has two."""
        sought: dict[str, list[_Heard]] = {}
        for each in self._heard:
            if (name := each.name.removesuffix(COMPRESSED)).endswith(SOUGHT):
                sought.setdefault(name, []).append(each)
        return sought

    def _of_others(self, types: Collection[str]) -> list[str]:
        """Topics of these types that other nodes publish, images by the name that both of their topics follow."""
        names = {name for name, told in self._node.get_topic_names_and_types() if {*told} & {*types}}
        own, names = self._node.get_name(), names - {each.topic for each in self._heard}
        publishers = {name: self._node.get_publishers_info_by_topic(name) for name in names}
        published = [name for name, infos in publishers.items() if any(each.node_name != own for each in infos)]
        return sorted({name.removesuffix(COMPRESSED) for name in published})

    def _shared(self) -> list[str]:
        users = Counter(each.topic for each in self._heard)
        return [
            f"camera {camera}: listens to {topic} as another camera does: remap one of them"
            for camera, mine in self._camera_topics.items()
            for topic in mine
            if users[topic] > 1
        ]
