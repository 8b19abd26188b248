"""What the node has on the graph, against the tables that the reference is made of and the security policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    with ros.Peer() as peer, ros.node_process(ros.FAKE_SESSION, ros.ros_arguments(Path("unused"))) as process:
        peer.wait_for_node(process)
        # Discovery tells the endpoints one after the other, and nobody how many there will be.
        peer.wait(lambda: _expected_services() <= services_of(peer).keys(), "the node's services")
        yield peer


def services_of(peer: ros.Peer) -> dict[str, list[str]]:
    """Types by name, as far as they are discovered."""
    return dict(peer.node.get_service_names_and_types_by_node("localize", "/"))


def _expected_services() -> set[str]:
    from geoflow_ros.ros.endpoints import is_installed
    from geoflow_ros.ros.interfaces import SERVICES

    return {each.name.replace("~", "/localize") for each in SERVICES if is_installed(each.type)}


def test_the_graph_is_as_the_tables_say(peer: ros.Peer) -> None:
    from geoflow_ros.ros.endpoints import is_installed
    from geoflow_ros.ros.interfaces import SERVICES, TOPICS

    published = dict(peer.node.get_publisher_names_and_types_by_node("localize", "/"))
    subscribed = dict(peer.node.get_subscriber_names_and_types_by_node("localize", "/"))
    for topic in TOPICS:
        found = published if topic.direction == "out" else subscribed
        assert found["/" + topic.name.replace("~", "localize").lstrip("/")] == [topic.type]
    services = services_of(peer)
    for each in (each for each in SERVICES if is_installed(each.type)):
        assert services[each.name.replace("~", "/localize")] == [each.type]


def test_the_security_policy_allows_what_the_node_uses_and_nothing_else(peer: ros.Peer) -> None:
    profile = ElementTree.parse(ros.REPOSITORY / "config/sros2/policy.xml").find(".//profile")
    assert profile is not None and (profile.get("ns"), profile.get("node")) == ("/", "localize")

    def allowed(way: str) -> set[str]:
        names = [each.text or "" for each in profile.findall(f"*[@{way}='ALLOW']/*")]
        return {name if name[0] == "/" else f"/{name.replace('~/', 'localize/')}" for name in names}

    optional = {"/tf", "/tf_static", "/clock", "/bond", "/localize/set_datum", "/localize/get_type_description"}
    for way, ask in (
        ("publish", peer.node.get_publisher_names_and_types_by_node),
        ("subscribe", peer.node.get_subscriber_names_and_types_by_node),
        ("reply", peer.node.get_service_names_and_types_by_node),
        ("request", peer.node.get_client_names_and_types_by_node),
    ):
        used = {name for name, _ in ask("localize", "/")}
        assert used <= allowed(way) and allowed(way) - used <= optional, f"{way}: run python -m geoflow_ros.reference"
