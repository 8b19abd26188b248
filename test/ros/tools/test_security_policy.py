"""The SROS 2 policy: of the form that sros2 reads, and up to date; test_node compares it with the running node."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from paths import REPOSITORY

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.ros.tools.security_policy import security_policy  # noqa: E402

POLICY = REPOSITORY / "config" / "sros2" / "policy.xml"
ATTRIBUTES = {
    "policy": {"version"},
    "enclaves": set(),
    "enclave": {"path"},
    "profiles": set(),
    "profile": {"ns", "node"},
}
RULES = {"topics": ("topic", {"publish", "subscribe"}), "services": ("service", {"reply", "request"})}
"""As policy.xsd of sros2 has them: element, what it lists, and its attributes, of which we use one a rule."""


def test_the_file_is_up_to_date() -> None:
    assert POLICY.read_text(encoding="utf-8") == security_policy(), "run python -m geoflow_ros.reference"


def test_the_form_is_that_of_the_schema() -> None:
    root = ElementTree.parse(POLICY).getroot()
    way_down = [root, root[0], root[0][0], root[0][0][0], root[0][0][0][0]]
    assert {each.tag: set(each.keys()) for each in way_down} == ATTRIBUTES and root.get("version") == "0.2.0"
    assert [len(each) for each in way_down[:-1]] == [1, 1, 1, 1]
    for rule in way_down[-1]:
        listed, ways = RULES[rule.tag]
        (way, qualifier) = rule.items()[0]
        assert way in ways and qualifier == "ALLOW" and len(rule.items()) == 1 and len(rule) > 0
        assert all(each.tag == listed and each.text and not each.keys() for each in rule)


def test_nothing_is_allowed_by_a_pattern() -> None:
    assert not set("*?[") & set(POLICY.read_text(encoding="utf-8").split("-->")[1])
