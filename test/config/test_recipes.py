"""The recipes: read as ROS reads them, in agreement with the node, with each other and with what the docs print."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from paths import REPOSITORY

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from ros_support import stay_on_this_machine  # noqa: E402

from geoflow_ros.configuration import NodeConfig  # noqa: E402
from geoflow_ros.options import build  # noqa: E402
from geoflow_ros.ros.interfaces import TOPICS, named  # noqa: E402

CONFIG = REPOSITORY / "config"
EKF, LOCALIZATION = CONFIG / "robot_localization" / "ekf.yaml", CONFIG / "nav2" / "localization.yaml"
NAVIGATION = CONFIG / "nav2" / "navigation.yaml"
GUIDE = REPOSITORY / "docs" / "ROS.md"
STATE = ("x", "y", "z", "roll", "pitch", "yaw", "vx", "vy", "vz", "vroll", "vpitch", "vyaw", "ax", "ay", "az")


def nodes(document: dict[str, Any], namespace: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Namespace, name and parameters (dotted names) of every node of a parameter file; `/**` is any namespace."""
    for name, inner in document.items():
        if "ros__parameters" in inner:
            anywhere, _, own = name.rpartition("/")
            yield anywhere.replace("**", "robot1") or namespace, own, dict(flat(inner["ros__parameters"]))
        else:
            yield from nodes(inner, f"{namespace}/{name}")


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def parameters(path: Path, node: str) -> dict[str, Any]:
    """The parameters of a node in a file."""
    return next(values for _, name, values in nodes(read(path)) if name == node)


def read(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", [EKF, LOCALIZATION, NAVIGATION], ids=lambda path: str(path.name))
def test_ros_reads_every_parameter_as_written(path: Path) -> None:
    stay_on_this_machine()
    import rclpy
    from rclpy.node import Node

    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        for namespace, name, expected in nodes(read(path)):
            node = Node(
                name,
                namespace=namespace,
                context=context,
                cli_args=["--ros-args", "--params-file", str(path)],
                automatically_declare_parameters_from_overrides=True,
                start_parameter_services=False,
            )
            for parameter, value in expected.items():
                got = node.get_parameter(parameter).value
                got = list(got) if isinstance(value, list) else got
                assert (got, type(got)) == (value, type(value)), parameter
            node.destroy_node()
    finally:
        context.shutdown()


def test_what_is_launched_in_a_namespace_reads_its_parameters_there() -> None:
    found = {(namespace, name) for path in (LOCALIZATION, EKF) for namespace, name, _ in nodes(read(path))}
    names = {"localize", "lifecycle_manager_localization", "ekf_filter_node"}
    assert found == {("/robot1", name) for name in names}


def test_nav2_gives_the_node_parameters_that_it_has() -> None:
    camera = {f"camera.{name}": 1.0 for name in ("forward", "left", "height", "roll", "pitch", "yaw")}
    config = build(NodeConfig, {"tiles": "area.mbtiles", **camera, **parameters(LOCALIZATION, "localize")})
    assert config.publish_tf and not config.autostart and config.bond


def test_one_authority_over_map_to_odom() -> None:
    assert parameters(EKF, "ekf_filter_node")["publish_tf"] is True
    default = next(each for each in NodeConfig.__dataclass_fields__.values() if each.name == "publish_tf").default
    assert default is False
    assert "amcl" not in {name for path in (LOCALIZATION, NAVIGATION) for _, name, _ in nodes(read(path))}


def test_frames_agree() -> None:
    ours = NodeConfig.__dataclass_fields__
    maps = {ours["map_frame"].default, parameters(LOCALIZATION, "localize")["map_frame"]}
    bases = {ours["base_frame"].default, parameters(LOCALIZATION, "localize")["base_frame"]}
    ekf = parameters(EKF, "ekf_filter_node")
    maps |= {ekf["map_frame"], ekf["world_frame"], parameters(NAVIGATION, "bt_navigator")["global_frame"]}
    bases |= {ekf["base_link_frame"]}
    for _, _, values in nodes(read(NAVIGATION)):
        bases |= {value for name, value in values.items() if name == "robot_base_frame"}
    maps.add(parameters(NAVIGATION, "global_costmap")["global_frame"])
    assert (maps, bases) == ({"map"}, {"base_link"})
    assert ekf["odom_frame"] == parameters(NAVIGATION, "local_costmap")["global_frame"] == "odom"


def test_the_filter_takes_what_is_measured_and_only_that() -> None:
    ekf = parameters(EKF, "ekf_filter_node")
    assert named(TOPICS, ekf["pose0"]).direction == "out"

    def used(source: str) -> set[str]:
        return {name for name, is_used in zip(STATE, ekf[f"{source}_config"], strict=True) if is_used}

    assert (used("pose0"), used("odom0")) == ({"x", "y", "yaw"}, {"vx", "vy", "vyaw"})
    assert not (ekf["pose0_differential"] or ekf["pose0_relative"])
    assert ekf["smooth_lagged_data"] and ekf["history_length"] >= 2.0


def test_every_plugin_that_is_named_is_described() -> None:
    for _, name, values in nodes(read(NAVIGATION)):
        for key, listed in values.items():
            if key.endswith("plugins"):
                assert [f"{each}.plugin" in values for each in listed] == [True] * len(listed), (name, key)


RVIZ_TYPES = {
    "rviz_default_plugins/PoseWithCovariance": "geometry_msgs/msg/PoseWithCovarianceStamped",
    "rviz_default_plugins/PointCloud2": "sensor_msgs/msg/PointCloud2",
    "rviz_default_plugins/Odometry": "nav_msgs/msg/Odometry",
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
}


def test_rviz_shows_topics_of_the_node_with_a_matching_qos() -> None:
    manager = read(CONFIG / "geoflow.rviz")["Visualization Manager"]
    shown = {each["Topic"]["Value"]: each for each in manager["Displays"] if "Topic" in each}
    assert {"/pose", "/hypotheses", "/heatmap", "/odom"} <= shown.keys()
    for name, display in shown.items():
        topic = named(TOPICS, name.removeprefix("/"))
        assert RVIZ_TYPES[display["Class"]] == topic.type
        # of a topic that others publish, nothing is known: best effort hears all
        is_heard = display["Topic"]["Reliability Policy"] == "Best Effort" or topic.direction == "out"
        assert is_heard and topic.qos.reliability in ("reliable", "best_effort")
    (pose_tool,) = (each for each in manager["Tools"] if each["Class"].endswith("SetInitialPose"))
    assert named(TOPICS, pose_tool["Topic"]["Value"].removeprefix("/")).direction == "in"
    assert manager["Global Options"]["Fixed Frame"] == NodeConfig.__dataclass_fields__["map_frame"].default


def leaves(layout: Any) -> Iterator[str]:
    """Names of the panels in a Foxglove layout."""
    if isinstance(layout, str):
        yield layout
    else:
        yield from (*leaves(layout["first"]), *leaves(layout["second"]))


def test_foxglove_layout_is_whole_and_its_topics_are_the_nodes() -> None:
    path = CONFIG / "foxglove" / "geoflow.json"
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    assert sorted(leaves(document["layout"])) == sorted(document["configById"])
    paths = set(re.findall(r'"(/[\w/]+)[".]', text))
    known = {f"/{each.name.removeprefix('/')}" for each in TOPICS}
    assert {"/pose", "/heatmap", "/state"} <= paths and paths - known == {"/goal_pose", "/clicked_point"}


def test_the_guide_names_files_that_exist() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert links and [link for link in links if not (GUIDE.parent / link).exists()] == []
    printed = re.findall(r"(?<!test/)\b(?:config|launch)/[\w./]+\.(?:yaml|json|rviz|xml|py)", text)
    assert printed and [path for path in printed if not (REPOSITORY / path).exists()] == []


def test_the_guide_prints_parameters_that_the_node_takes() -> None:
    blocks = re.findall(r"```\n(localize:\n.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        ((_, name, values),) = nodes(yaml.safe_load(block))
        config = build(NodeConfig, {"tiles": "area.mbtiles", **values})
        assert name == "localize" and config.camera.rectified


def launch_arguments(name: str) -> set[str]:
    """Arguments of a launch file and of those that it includes: every string in it that could be one."""
    tree = ast.parse((REPOSITORY / "launch" / name).read_text(encoding="utf-8"))
    strings = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    if "localize.launch.py" in strings:
        return strings | launch_arguments("localize.launch.py")
    return strings


def test_the_guide_launches_with_arguments_that_exist() -> None:
    commands = re.findall(r"ros2 launch geoflow_ros (\S+)((?:[^\n]*\\\n)*[^\n]*)", GUIDE.read_text(encoding="utf-8"))
    assert {name for name, _ in commands} >= {"localize.launch.py", "replay.launch.py", "nav2.launch.py"}
    for name, rest in commands:
        for argument in re.findall(r"(\w+):=", rest):
            wanted = {argument, argument.removesuffix("_topic")}
            assert wanted & launch_arguments(name), f"{name} has no argument {argument}"
