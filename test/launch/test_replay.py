"""replay.launch.py and nav2.launch.py: by a stand-in for `launch`, and by the real one where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import launch_stand_in
import pytest
import yaml
from launch_stand_in import REPOSITORY, Context, Made, entities

from geoflow_ros.errors import InputError

DRIVE_JSON = {
    "datum": {"latitude": 49.0, "longitude": 8.4, "altitude": 116.0},
    "mount": {"forward": 1.08, "left": -0.26, "height": 1.65, "roll": 0.0, "pitch": 0.0, "yaw": 0.0},
    "delay": 0.1,
    "mask": "bonnet.png",
    "calibration": "ost.yaml",
    "topics": {
        "image/compressed": "/kitti/camera_color_left/image_raw/compressed",
        "camera_info": "/kitti/camera_color_left/camera_info",
        "fix": "/kitti/oxts/gps/fix",
        "imu": "/kitti/oxts/imu",
        "odom": "/kitti/oxts/odom",
    },
}


@pytest.fixture()
def replay(monkeypatch: pytest.MonkeyPatch) -> Any:
    return launch_stand_in.load(monkeypatch, "replay.launch.py")


@pytest.fixture()
def drive(tmp_path: Path) -> Path:
    (tmp_path / "drive.json").write_text(json.dumps(DRIVE_JSON))
    return tmp_path


def settings(replay: Any, **given: str) -> dict[str, str]:
    """What replay.launch.py sets beyond what is given."""
    made: list[Made] = replay.set_what_the_drive_says(Context(**given))
    return {str(each.args[0]): str(each.args[1]) for each in made}


def test_a_drive_folder_says_what_the_node_needs(replay: Any, drive: Path) -> None:
    told = settings(replay, bag=str(drive))
    assert told["tiles"] == str(drive / "tiles.mbtiles")
    assert (told["camera_height"], told["camera_left"], told["datum_latitude"]) == ("1.65", "-0.26", "49.0")
    assert (told["camera_delay"], told["camera_mask"]) == ("0.1", str(drive / "bonnet.png"))
    assert told["camera_calibration"] == str(drive / "ost.yaml")
    assert told["image_topic"] == "/kitti/camera_color_left/image_raw"
    assert told["odom_topic"] == "/kitti/oxts/odom"


def test_every_setting_is_an_argument_of_the_localiser(
    replay: Any, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    localize = launch_stand_in.load(monkeypatch, "localize.launch.py")
    declared = {each.args[0] for each in entities(localize, "DeclareLaunchArgument")}
    assert settings(replay, bag=str(drive)).keys() <= declared


def test_what_is_given_wins_over_the_drive(replay: Any, drive: Path) -> None:
    told = settings(replay, bag=str(drive), camera_height="1.7", tiles="other.mbtiles")
    assert "camera_height" not in told and "tiles" not in told and "camera_left" in told


def test_a_plain_bag_sets_nothing(replay: Any, tmp_path: Path) -> None:
    assert settings(replay, bag=str(tmp_path)) == {}


def test_the_demo_drive_is_understood(replay: Any) -> None:
    told = settings(replay, bag=str(REPOSITORY / "demo"))
    assert (
        told["camera_forward"] == "1.08" and not {"image_topic", "camera_delay", "camera_mask"} & told.keys()
    )  # its topics have the node's own names


def test_of_a_rig_s_drive_the_first_camera_is_played(replay: Any, tmp_path: Path) -> None:
    """As `town drive --cameras 4` writes it: no topic has the name that a single camera's has."""
    front = {"image_topic": "/front/image/compressed", "camera_info_topic": "/front/camera_info"}
    about = {"datum": DRIVE_JSON["datum"], "mount": DRIVE_JSON["mount"], **front, "cameras": {"front": {}, "left": {}}}
    (tmp_path / "drive.json").write_text(json.dumps(about))
    told = settings(replay, bag=str(tmp_path))
    assert (told["image_topic"], told["camera_info_topic"]) == ("/front/image", "/front/camera_info")
    assert told["camera_forward"] == "1.08" and "cameras" not in told


def test_the_first_camera_s_mount_is_not_that_of_all_cameras_that_are_named(replay: Any, drive: Path) -> None:
    told = settings(replay, bag=str(drive), cameras="left,right")
    assert not [name for name in told if name.startswith(("camera_", "image_"))]
    assert {"tiles", "datum_latitude", "fix_topic", "odom_topic"} <= told.keys()


def played(replay: Any, **given: str) -> Made:
    (process,) = replay.play(Context(**{"rate": "1.0", "loop": "false", "delay": "2.0", "rviz": "true", **given}))
    assert isinstance(process, Made)
    return process


def test_the_bag_is_played_with_its_clock(replay: Any, drive: Path) -> None:
    command = played(replay, bag=str(drive), rate="2.5", loop="true").kwargs["cmd"]
    assert command[:6] == ["ros2", "bag", "play", str(drive / "drive"), "--clock", "100"]
    assert command[command.index("--rate") + 1] == "2.5" and "--loop" in command
    assert "--loop" not in played(replay, bag="plain").kwargs["cmd"]
    assert played(replay, bag="plain").kwargs["cmd"][3] == "plain"


def test_the_bag_is_played_once_the_node_is_active(replay: Any, drive: Path) -> None:
    given = {"rate": "1.0", "loop": "false", "delay": "2.0", "rviz": "true", "bag": str(drive)}
    for namespace, name in (("", "/localize"), ("robot1", "/robot1/localize"), ("/robot1", "/robot1/localize")):
        (waiting,) = replay.play_when_active(Context(**given, namespace=namespace))
        assert waiting.kwargs["cmd"][1:] == ["-m", "geoflow_ros.ros.tools.wait_active", name]
        (player,) = waiting.kwargs["on_exit"]
        assert player.kwargs["cmd"][:3] == ["ros2", "bag", "play"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("bag", "/nowhere/drive", "which does not exist"),
        ("rate", "fast", "expected a number"),
        ("loop", "twice", "expected true or false"),
        ("rviz", "no", "expected true or false"),
    ],
)
def test_what_cannot_be_played_is_said_before_anything_runs(
    replay: Any, drive: Path, name: str, value: str, expected: str
) -> None:
    given = {"rate": "1.0", "loop": "false", "delay": "2.0", "rviz": "false", "bag": str(drive)}
    replay.check(Context(**given))
    with pytest.raises(InputError, match=f"launch argument {name} is '{value}', {expected}"):
        replay.check(Context(**(given | {name: value})))


def test_what_is_not_installed_is_said_before_anything_runs(
    replay: Any, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    given = {"rate": "1.0", "loop": "false", "delay": "2.0", "rviz": "true", "bag": str(drive)}
    with pytest.raises(
        InputError, match=r"not installed: rviz2 .*: sudo apt install ros-jazzy-rviz2, or .*rviz:=false"
    ):
        replay.check(Context(**given))
    nav2 = launch_stand_in.load(monkeypatch, "nav2.launch.py")
    files = {each.args[0]: str(each.kwargs["default_value"]) for each in entities(nav2, "DeclareLaunchArgument")}
    with pytest.raises(InputError, match=r"nav2_planner \(of Nav2\).*apt install ros-jazzy-nav2-lifecycle-manager "):
        nav2.check(Context(**files))
    with pytest.raises(InputError, match="launch argument namespace is 'robot1': Nav2's nodes here have none"):
        nav2.check(Context(**(files | {"namespace": "robot1"})))
    with pytest.raises(InputError, match="launch argument navigation_params is '/nowhere.yaml', which does not exist"):
        nav2.check(Context(**(files | {"navigation_params": "/nowhere.yaml"})))


@pytest.mark.parametrize("name", ["replay.launch.py", "nav2.launch.py"])
def test_the_end_of_a_part_ends_all(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    module = launch_stand_in.load(monkeypatch, name)
    assert all(each.kwargs["on_exit"].is_a("Shutdown") for each in entities(module, "Node"))
    kinds = [type(each).__name__ for each in module.generate_launch_description().args[0]]
    checked = next(each for each in entities(module, "OpaqueFunction"))
    assert checked.kwargs["function"] is module.check
    assert kinds.index("OpaqueFunction") < min(kinds.index("Node"), kinds.index("IncludeLaunchDescription"))


def test_the_end_of_the_bag_ends_all_but_not_under_the_eyes_of_rviz(replay: Any) -> None:
    assert played(replay, bag="plain", rviz="false").kwargs["on_exit"].is_a("Shutdown")
    assert "on_exit" not in played(replay, bag="plain", rviz="true").kwargs


def test_replay_runs_in_the_time_of_the_bag(replay: Any) -> None:
    (included,) = entities(replay, "IncludeLaunchDescription")
    assert Path(included.args[0].args[0]).is_file()
    assert dict(included.kwargs["launch_arguments"]) == {"use_sim_time": "true"}
    (rviz,) = entities(replay, "Node")
    assert rviz.kwargs["parameters"] == [{"use_sim_time": True}]
    assert Path(rviz.kwargs["arguments"][1]).is_file()
    declared = {each.args[0]: each.kwargs["default_value"] for each in entities(replay, "DeclareLaunchArgument")}
    assert declared.keys() == {"bag", "rate", "loop", "delay", "rviz"} and declared["bag"] is None


def test_the_drive_is_read_before_the_node_is_started(replay: Any) -> None:
    kinds = [type(each).__name__ for each in replay.generate_launch_description().args[0]]
    assert kinds.index("OpaqueFunction") < kinds.index("IncludeLaunchDescription")


def test_nav2_starts_every_node_that_its_managers_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    nav2 = launch_stand_in.load(monkeypatch, "nav2.launch.py")
    started = {each.kwargs["name"] for each in entities(nav2, "Node")} | {"localize"}
    managed = set()
    for argument in entities(nav2, "DeclareLaunchArgument"):
        path = Path(str(argument.kwargs["default_value"]))
        if path.suffix == ".yaml":
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            managers = [each for name, each in document.items() if "lifecycle_manager" in name]
            assert len(managers) == 1
            managed |= set(managers[0]["ros__parameters"]["node_names"])
    assert managed | {"lifecycle_manager_localization", "lifecycle_manager_navigation"} == started
    (included,) = entities(nav2, "IncludeLaunchDescription")
    assert Path(included.args[0].args[0]).name == "localize.launch.py"


@pytest.mark.parametrize("name", ["replay.launch.py", "nav2.launch.py"])
def test_description_of_the_real_launch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # `launch` alone may be this repository's folder of that name
    pytest.importorskip("launch.actions", reason="launch is not installed: it comes with a ROS 2 distribution")
    pytest.importorskip("launch_ros.actions", reason="launch_ros is not installed: it comes with a ROS 2 distribution")
    monkeypatch.setattr("ament_index_python.packages.get_package_share_directory", lambda _: str(REPOSITORY))
    assert launch_stand_in.load_file(name).generate_launch_description().entities
