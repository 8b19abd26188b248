"""Plays a bag to the node `localize` with RViz: ros2 launch geoflow_ros replay.launch.py bag:=DRIVE"""

import json
import sys
from pathlib import Path

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetLaunchConfiguration,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from geoflow_ros.ros.tools.launch_checks import all_installed, number, path, truth

PACKAGE = "geoflow_ros"

ARGUMENTS = {
    "bag": (None, "a ROS 2 bag, or a drive folder of `kitti2bag` or `town drive`, which says all the rest itself"),
    "rate": ("1.0", "how fast the bag is played"),
    "loop": ("false", "whether the bag starts again at its end"),
    "delay": ("2.0", "seconds from when the node is active to the bag's first message, in which they find each other"),
    "rviz": ("true", "whether RViz is started, whose end ends all; without it, the end of the bag does"),
}

OF_CAMERA = ("image", "camera_info")


def check(context: LaunchContext) -> None:
    """An InputError if something will fail: before anything runs, for what runs would be left behind."""

    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    path("bag", given("bag"))
    truth("loop", given("loop"))
    for name in ("rate", "delay"):
        number(name, given(name))
    all_installed({"ros2bag": "plays the bag"}, get_package_prefix, "use python -m geoflow_ros.replay")
    if truth("rviz", given("rviz")):
        all_installed({"rviz2": "shows the replay"}, get_package_prefix, "give rviz:=false")


def drive_settings(folder: Path) -> dict[str, str]:
    """What a drive folder, of a rig its first camera, decides of localize.launch.py; nothing for a plain bag."""
    if not (folder / "drive.json").is_file():
        return {}
    about = json.loads((folder / "drive.json").read_text(encoding="utf-8"))
    settings = {f"camera_{name}": value for name, value in about["mount"].items()}
    settings |= {f"datum_{name}": value for name, value in about["datum"].items()}
    settings |= {"camera_delay": about["delay"]} if about.get("delay") else {}
    settings |= {f"camera_{name}": folder / about[name] for name in ("mask", "calibration") if about.get(name)}
    settings["tiles"] = folder / "tiles.mbtiles"
    topics = about.get("topics", {}) | {role: about[f"{role}_topic"] for role in OF_CAMERA if f"{role}_topic" in about}
    for role, topic in topics.items():
        # image_transport names the compressed topic after the raw one
        settings[f"{role.removesuffix('/compressed')}_topic"] = topic.removesuffix("/compressed")
    return {name: str(value) for name, value in settings.items()}


def set_what_the_drive_says(context: LaunchContext) -> list[SetLaunchConfiguration]:
    """Settings of a drive folder for every argument that was not given; a rig's mounts are those of `params_file`."""
    folder = Path(str(LaunchConfiguration("bag").perform(context)))
    given = context.launch_configurations
    told = {name: value for name, value in drive_settings(folder).items() if name not in given}
    if given.get("cameras"):
        told = {name: value for name, value in told.items() if not name.startswith(("camera_", "image_"))}
    return [SetLaunchConfiguration(name, value) for name, value in told.items()]


def play_when_active(context: LaunchContext) -> list[ExecuteProcess]:
    """What waits for the node, which may compile its network first, and then starts the player."""
    (player,) = play(context)
    name = f"/{LaunchConfiguration('namespace').perform(context)}/localize".replace("//", "/")
    command = [sys.executable, "-m", "geoflow_ros.ros.tools.wait_active", name]
    return [ExecuteProcess(cmd=command, output="screen", on_exit=[player])]


def play(context: LaunchContext) -> list[ExecuteProcess]:
    """The player, whose clock the node follows."""

    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    folder = Path(given("bag"))
    bag = folder / "drive" if (folder / "drive.json").is_file() else folder
    command = ["ros2", "bag", "play", str(bag), "--clock", "100", "--rate", given("rate"), "--delay", given("delay")]
    command += ["--loop"] if given("loop").lower() == "true" else []
    ending = {} if given("rviz").lower() == "true" else {"on_exit": Shutdown(reason="the bag has ended")}
    return [ExecuteProcess(cmd=command, output="screen", **ending)]


def generate_launch_description() -> LaunchDescription:
    """The arguments here and those of localize.launch.py; the node, the player and RViz, all in the bag's time."""
    share = Path(get_package_share_directory(PACKAGE))
    localize = PythonLaunchDescriptionSource(str(share / "launch" / "localize.launch.py"))
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(share / "config" / "geoflow.rviz")],
        parameters=[{"use_sim_time": True}],
        condition=IfCondition(LaunchConfiguration("rviz")),
        on_exit=Shutdown(reason="RViz was closed"),
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=doc)
                for name, (value, doc) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=check),
            OpaqueFunction(function=set_what_the_drive_says),
            IncludeLaunchDescription(localize, launch_arguments={"use_sim_time": "true"}.items()),
            OpaqueFunction(function=play_when_active),
            rviz,
        ]
    )
