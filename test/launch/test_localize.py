"""The launch file: against the real `launch` where it is installed, by its syntax tree elsewhere."""

from __future__ import annotations

import ast
import importlib.util

import launch_stand_in
import pytest
from paths import REPOSITORY

from geoflow_ros.errors import InputError

LAUNCH_FILE = REPOSITORY / "launch" / "localize.launch.py"


def constant(name: str) -> ast.expr:
    """The expression of a constant of the launch file."""
    for statement in ast.parse(LAUNCH_FILE.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return statement.value
    raise AssertionError(f"{LAUNCH_FILE.name} has no constant {name}")


def test_every_launch_argument_is_a_parameter_of_its_type() -> None:
    pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
    from geoflow_ros.configuration import NodeConfig
    from geoflow_ros.options import options_of

    types = {each.name: each.type.__name__ for each in options_of(NodeConfig)}
    required = {each.name for each in options_of(NodeConfig) if each.default is None}
    table = constant("PARAMETERS")
    assert isinstance(table, ast.Dict)
    stated = {}
    for entry in table.values:
        assert isinstance(entry, ast.Tuple)
        parameter, kind, _ = entry.elts
        assert isinstance(parameter, ast.Constant) and isinstance(kind, ast.Name)
        stated[str(parameter.value)] = kind.id
    assert stated.items() <= types.items()
    assert required <= stated.keys()


def started(monkeypatch: pytest.MonkeyPatch, **given: str) -> launch_stand_in.Made:
    """The node that the launch file starts."""
    module = launch_stand_in.load(monkeypatch, "localize.launch.py")
    defaults = {
        each.args[0]: each.kwargs["default_value"] for each in launch_stand_in.entities(module, "DeclareLaunchArgument")
    }
    (node,) = module.start_node(launch_stand_in.Context(**(defaults | given)))
    assert isinstance(node, launch_stand_in.Made)
    return node


def test_arguments_become_parameters_of_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    node = started(monkeypatch, tiles="area.mbtiles", camera_height="1.6", publish_tf="True", autostart="false")
    expected = {
        "tiles": "area.mbtiles", "camera.height": 1.6, "publish_tf": True, "autostart": False, "use_sim_time": False
    }  # fmt: skip
    assert node.kwargs["parameters"][1] == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("camera_yaw", "abc", "a number such as 1.65"),
        ("datum_latitude", "47,4", "a number such as 1.65"),
        ("fusion", "yes", "true or false"),
        ("use_sim_time", "1", "true or false"),
        ("namespaced_tf", "", "true or false"),
        ("params_file", "/nowhere/robot.yaml", "does not exist"),
    ],
)
def test_what_cannot_be_names_the_argument(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    with pytest.raises(InputError, match=f"launch argument {name} is '{value}', .*{expected}"):
        started(monkeypatch, **{name: value})


def test_a_robot_in_a_namespace_has_a_tf_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {("/tf", "tf"), ("/tf_static", "tf_static")}
    assert own <= set(started(monkeypatch, namespace="robot1", namespaced_tf="true").kwargs["remappings"])
    assert not own & set(started(monkeypatch, namespace="robot1").kwargs["remappings"])


def test_the_end_of_the_node_ends_all_unless_it_is_not_required(monkeypatch: pytest.MonkeyPatch) -> None:
    assert started(monkeypatch).kwargs["on_exit"].is_a("Shutdown")
    assert "on_exit" not in started(monkeypatch, required="false").kwargs


def test_description_of_the_real_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    # `launch` alone may be this repository's folder of that name
    pytest.importorskip("launch.actions", reason="launch is not installed: it comes with a ROS 2 distribution")
    pytest.importorskip("launch_ros.actions", reason="launch_ros is not installed: it comes with a ROS 2 distribution")
    from launch.actions import DeclareLaunchArgument

    monkeypatch.setattr("ament_index_python.packages.get_package_share_directory", lambda _: str(REPOSITORY))
    spec = importlib.util.spec_from_file_location("localize_launch", LAUNCH_FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entities = module.generate_launch_description().entities
    names = {each.name for each in entities if isinstance(each, DeclareLaunchArgument)}
    assert {"tiles", "checkpoint", "camera_height", "params_file", "namespace", "image_topic", "use_sim_time"} <= names


def test_a_rig_s_topics_are_remapped_by_the_names_of_its_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    node = started(monkeypatch, cameras="front, rear", image_topic="/cam_{camera}/image_raw", fix_topic="/gnss")
    remappings = dict(node.kwargs["remappings"])
    assert node.kwargs["parameters"][1]["cameras"] == ["front", "rear"]
    assert remappings["front/image"] == "/cam_front/image_raw" and remappings["rear/image"] == "/cam_rear/image_raw"
    assert "image" not in remappings and remappings["fix"] == "/gnss"
    with pytest.raises(InputError, match=r"image_topic is '/\{camera\}/image': \{camera\} needs cameras:="):
        started(monkeypatch, image_topic="/{camera}/image")
