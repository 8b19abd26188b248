"""Publishers, subscriptions and services as the tables of `interfaces` describe them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.service import Service
from rclpy.subscription import Subscription

from geoflow_ros.ros.interfaces import SERVICES, TOPICS, Qos, named


def publisher(node: Node, name: str) -> Publisher:
    """The publisher of an output topic."""
    topic = named(TOPICS, name)
    return node.create_publisher(interface(topic.type), name, _profile(topic.qos, "reliable"))


def subscription(node: Node, name: str, callback: Callable[[Any], None], image_reliability: str) -> Subscription:
    """The subscription of an input topic. image_reliability: reliable or best_effort, for images alone."""
    topic = named(TOPICS, name)
    return node.create_subscription(interface(topic.type), name, callback, _profile(topic.qos, image_reliability))


def service(node: Node, name: str, callback: Callable[[Any, Any], Any]) -> Service:
    """A service."""
    return node.create_service(interface(named(SERVICES, name).type), name, callback)


def interface(type_name: str) -> Any:
    """The class of a type such as ``sensor_msgs/msg/Image``."""
    package, kind, name = type_name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)


def _profile(qos: Qos, image_reliability: str) -> QoSProfile:
    reliability = image_reliability if qos.reliability == "by_parameter" else qos.reliability
    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy[reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )
