"""How the node's parameters get from ROS into the configuration: declared with description, range and access."""

from __future__ import annotations

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from geoflow_ros.configuration import NodeConfig, configured, is_absent, is_own, parameters_of, value_of
from geoflow_ros.options import Option, Scalar
from geoflow_ros.ros.interfaces import CHANGEABLE_AT_RUN_TIME


def declare(node: Node) -> NodeConfig:
    """The node's parameters, declared with description and range; most of them read-only.

    The node must have been made with `automatically_declare_parameters_from_overrides`: only so does ROS tell
    of parameters that no one knows, which are refused here.
    """
    given = {name: each.value for name, each in node.get_parameters_by_prefix("").items() if is_own(name)}
    config = configured(given)
    for each in parameters_of(config):
        if each.name in given:
            node.undeclare_parameter(each.name)
        value = value_of(config, each.name)
        told = [*value] or [""] if isinstance(value, tuple) else value  # an empty list has no type to ROS
        node.declare_parameter(each.name, told, _descriptor(each, value), ignore_override=True)
    return config


def _descriptor(each: Option, value: Scalar) -> ParameterDescriptor:
    read_only = not each.name.startswith(CHANGEABLE_AT_RUN_TIME)
    # `ros2 param set NAME 3` is an integer to rclpy, which would refuse it for a number: `Option.parse` checks the type
    is_number = each.type is float
    descriptor = ParameterDescriptor(description=each.help, read_only=read_only, dynamic_typing=is_number)
    if each.choices:
        descriptor.additional_constraints = f"one of {', '.join(each.choices)}"
    if each.range is not None and each.type is int:
        low, high = map(int, each.range)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif each.range is not None and not is_absent(value):  # rclpy would refuse the absent value
        descriptor.floating_point_range = [FloatingPointRange(from_value=each.range[0], to_value=each.range[1])]
    return descriptor
