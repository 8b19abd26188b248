"""Publishers, subscriptions and services as the tables of `interfaces` describe them."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.service import Service
from rclpy.subscription import Subscription

from geoflow_ros.bags.topics import COMPRESSED
from geoflow_ros.errors import InputError, described
from geoflow_ros.ros.interfaces import LATCHED, SERVICES, TOPICS, Qos, named

ERROR_PERIOD_S = 5.0


def publisher(node: Node, name: str, camera: str = "") -> Publisher:
    """The publisher of an output topic; camera: whose, of a rig, if its name is part of the topic's."""
    topic = named(TOPICS, name)
    own = name.replace("~/", f"~/{camera}/") if camera else name
    with _told(node, own, topic.type):
        return node.create_publisher(interface(topic.type), own, _profile(topic.qos, "reliable"))


def subscription(
    node: Node,
    topic_name: str,
    callback: Callable[[Any], None],
    image_reliability: str,
    camera: str = "",
    is_latched: bool = False,
) -> Subscription:
    """The subscription of an input topic; a message that makes the callback raise is logged, and ends nothing.

    image_reliability: reliable or best_effort, for images alone. camera: of a rig, whose topic it is. is_latched: hear
    what was published before, and nothing of who keeps no last message.
    """
    topic = named(TOPICS, topic_name)
    name = f"{camera}/{topic_name}" if camera else topic_name
    profile = _profile(LATCHED if is_latched else topic.qos, image_reliability)
    with _told(node, name, topic.type):
        return node.create_subscription(
            interface(topic.type), _remapped(node, name), _outlived(node, name, callback), profile
        )


def service(node: Node, name: str, callback: Callable[[Any, Any], Any]) -> Service:
    """A service; a request that makes the callback raise is logged and answered as it stands, and ends nothing."""

    def guarded(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:  # the node must outlive whatever it is asked for
            node.get_logger().debug(traceback.format_exc())
            sentence = f"internal error, {described(error)}"
            node.get_logger().error(f"{name} is not served: {sentence}")
            if hasattr(response, "message"):
                response.success, response.message = False, sentence
            return response

    return node.create_service(interface(named(SERVICES, name).type), name, guarded)


def is_installed(type_name: str) -> bool:
    """Whether the package of a type can be imported."""
    try:
        interface(type_name)
    except (ImportError, AttributeError):  # the latter for a folder of that name, which is no package of messages
        return False
    return True


def interface(type_name: str) -> Any:
    """The class of a type such as ``sensor_msgs/msg/Image``."""
    package, kind, name = type_name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)


@contextmanager
def _told(node: Node, name: str, type_name: str) -> Iterator[None]:
    """What DDS refuses is an InputError: a topic that the node has with another type already, by remappings."""
    try:
        yield
    except RuntimeError as error:
        reason, topic = str(error).partition(", at ")[0], node.resolve_topic_name(name)
        raise InputError(
            f"{name} cannot be {topic} of type {type_name}: remap no other topic to it ({reason})"
        ) from error


def _remapped(node: Node, name: str) -> str:
    """The name to subscribe to: as in image_transport, `image/compressed` follows a remapping of `image`.

    Who remaps `image` to the compressed topic, as bags name it, means the camera: both of its topics are heard.
    """
    base, full = name.removesuffix(COMPRESSED), node.resolve_topic_name(name)
    of_camera = node.resolve_topic_name(base).removesuffix(COMPRESSED)
    if base == name:
        return of_camera if full.endswith(COMPRESSED) else name
    is_remapped_itself = full != node.resolve_topic_name(name, only_expand=True)
    return name if is_remapped_itself else of_camera + COMPRESSED


def _outlived(node: Node, name: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
    def guarded(message: Any) -> None:
        try:
            callback(message)
        except Exception as error:  # the node must outlive whatever a message does
            node.get_logger().debug(traceback.format_exc())
            sentence = f"a message on {name} is ignored, internal error, {described(error)}"
            node.get_logger().error(sentence, throttle_duration_sec=ERROR_PERIOD_S)

    return guarded


def _profile(qos: Qos, image_reliability: str) -> QoSProfile:
    reliability = image_reliability if qos.reliability == "by_parameter" else qos.reliability
    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy[reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )
