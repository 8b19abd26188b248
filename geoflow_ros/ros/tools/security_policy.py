"""The SROS 2 policy of the node `localize`: what it publishes, hears and serves, and nothing else.

Format: https://github.com/ros2/sros2, policy.xsd, version 0.2.0, as `ros2 security create_permission` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable

from geoflow_ros.ros import bond
from geoflow_ros.ros.interfaces import SERVICES, TOPICS
from geoflow_ros.ros.publishing import map_to_odom

ENCLAVE, NAMESPACE, NODE = "/geoflow", "/", "localize"
PUBLISHED_BY_EVERY_NODE = ("/parameter_events", "/rosout", "~/transition_event")
PARAMETER_SERVICES = (
    *("~/describe_parameters", "~/get_parameter_types", "~/get_parameters", "~/list_parameters"),
    *("~/set_parameters", "~/set_parameters_atomically", "~/get_type_description"),
)
LIFECYCLE_SERVICES = (
    *("~/change_state", "~/get_state", "~/get_transition_graph"),
    *("~/get_available_states", "~/get_available_transitions"),
)
CLOCK = "/clock"
"""Heard with `use_sim_time`."""
TF = ("/tf", "/tf_static")
"""Heard where `camera.from_tf` or `sensors_from_tf` is set."""


def security_policy() -> str:
    """The policy file."""
    published = [each.name for each in TOPICS if each.direction == "out"]
    heard = [each.name for each in TOPICS if each.direction == "in"]
    served = [each.name for each in SERVICES]
    rules = [
        *_rule("topic", "publish", [*published, *PUBLISHED_BY_EVERY_NODE, bond.TOPIC, map_to_odom.TOPIC]),
        *_rule("topic", "subscribe", [*heard, bond.TOPIC, CLOCK, *TF]),
        *_rule("service", "reply", [*served, *PARAMETER_SERVICES, *LIFECYCLE_SERVICES]),
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<!-- Made by python -m geoflow_ros.reference; docs/SECURITY.md says how to use it. -->",
            '<policy version="0.2.0">',
            "  <enclaves>",
            f'    <enclave path="{ENCLAVE}">',
            "      <profiles>",
            f'        <profile ns="{NAMESPACE}" node="{NODE}">',
            *rules,
            "        </profile>",
            "      </profiles>",
            "    </enclave>",
            "  </enclaves>",
            "</policy>\n",
        ]
    )


def _rule(kind: str, may: str, names: Iterable[str]) -> list[str]:
    inner = [f"            <{kind}>{name}</{kind}>" for name in sorted(names)]
    return [f'          <{kind}s {may}="ALLOW">', *inner, f"          </{kind}s>"]
