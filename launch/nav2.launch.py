"""Nav2 with the node `localize` in place of AMCL: ros2 launch geoflow_ros nav2.launch.py tiles:=area.mbtiles ..."""

from pathlib import Path

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from geoflow_ros.errors import InputError
from geoflow_ros.ros.tools.launch_checks import all_installed, path

PACKAGE = "geoflow_ros"
NAVIGATION = {
    "controller_server": "nav2_controller",
    "planner_server": "nav2_planner",
    "behavior_server": "nav2_behaviors",
    "bt_navigator": "nav2_bt_navigator",
}

MANAGER = "nav2_lifecycle_manager"
FILES = {"localization_params": "localization.yaml", "navigation_params": "navigation.yaml"}


def check(context: LaunchContext) -> None:
    """An InputError if something will fail: before anything runs, for what runs would be left behind."""
    for name in FILES:
        path(name, str(LaunchConfiguration(name).perform(context)))
    if namespace := context.launch_configurations.get("namespace"):
        raise InputError(
            f"launch argument namespace is {namespace!r}: Nav2's nodes here have none, and would not find localize; "
            "start localize.launch.py in it, and Nav2 by its own bring-up"
        )
    packages = dict.fromkeys([MANAGER, *NAVIGATION.values()], "of Nav2")
    all_installed(packages, get_package_prefix, "start localize.launch.py alone")


def generate_launch_description() -> LaunchDescription:
    """localize.launch.py with all its arguments, its lifecycle manager, and Nav2's servers with theirs."""
    share = Path(get_package_share_directory(PACKAGE))
    sim_time = {"use_sim_time": LaunchConfiguration("use_sim_time")}

    def nav2_node(package: str, executable: str, name: str, file: str) -> Node:
        parameters = [LaunchConfiguration(file), sim_time]
        ending = Shutdown(reason=f"{name} has ended")
        return Node(
            package=package, executable=executable, name=name, parameters=parameters, output="screen", on_exit=ending
        )

    arguments = {name: str(share / "config" / "nav2" / file) for name, file in FILES.items()}
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=file, description="file with parameters")
                for name, file in arguments.items()
            ),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="whether time comes from /clock"),
            OpaqueFunction(function=check),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(share / "launch" / "localize.launch.py")),
                launch_arguments={"params_file": LaunchConfiguration("localization_params")}.items(),
            ),
            nav2_node(MANAGER, "lifecycle_manager", "lifecycle_manager_localization", "localization_params"),
            *(nav2_node(package, name, name, "navigation_params") for name, package in NAVIGATION.items()),
            nav2_node(MANAGER, "lifecycle_manager", "lifecycle_manager_navigation", "navigation_params"),
        ]
    )
