"""Starts the node `localize`: ros2 launch geoflow_ros localize.launch.py tiles:=area.mbtiles camera_height:=1.6 ..."""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from geoflow_ros.ros.tools.dds import profile_variable
from geoflow_ros.ros.tools.launch_checks import names, number, path, rig_topics, truth

PACKAGE = "geoflow_ros"

# launch argument -> (parameter, type, description); an argument left empty leaves the parameter to the file
PARAMETERS = {
    "tiles": ("tiles", str, "satellite tiles: an MBTiles file, a PMTiles archive or a z/x/y folder"),
    "cameras": ("cameras", tuple, "names of a rig's cameras, such as front,left,rear,right; empty: a single camera"),
    "checkpoint": ("checkpoint", str, "weights of the network; empty takes the shipped ones"),
    "camera_forward": ("camera.forward", float, "from base_link to the camera in driving direction [m]"),
    "camera_left": ("camera.left", float, "from base_link to the camera to the left [m]"),
    "camera_height": ("camera.height", float, "of the lens above the ground [m]"),
    "camera_roll": ("camera.roll", float, "of the viewing direction in base_link [rad]"),
    "camera_pitch": ("camera.pitch", float, "of the viewing direction in base_link, positive looks down [rad]"),
    "camera_yaw": ("camera.yaw", float, "of the viewing direction in base_link, positive looks left [rad]"),
    "camera_from_tf": ("camera.from_tf", bool, "true takes the mount from TF instead of the six numbers above"),
    "camera_delay": ("camera.delay", float, "by how much images are stamped later than they were exposed [s]"),
    "camera_mask": ("camera.mask", str, "image file, white where the camera sees the world, black where the vehicle"),
    "camera_calibration": ("camera.calibration", str, "calibration file (YAML) in place of camera_info"),
    "heading_source": ("heading.source", str, "imu, odom or course"),
    "image_transport": ("image_transport", str, "any, raw or compressed"),
    "image_reliability": ("image_reliability", str, "reliable or best_effort"),
    "datum_latitude": ("datum.latitude", float, "origin of the map frame, WGS84 [deg]"),
    "datum_longitude": ("datum.longitude", float, "origin of the map frame, WGS84 [deg]"),
    "datum_altitude": ("datum.altitude", float, "height of the origin above the ellipsoid [m]"),
    "fusion": ("fusion", bool, "false publishes what each image alone says"),
    "publish_tf": ("publish_tf", bool, "true broadcasts the transform from map to odom"),
    "autostart": ("autostart", bool, "false leaves configuring and activating to a lifecycle manager"),
}
TOPICS = ("image", "camera_info", "fix", "imu", "odom", "twist", "initialpose")
OF_CAMERA = ("image", "camera_info")


READ_AS = {str: lambda _, text: text, float: number, bool: truth, tuple: names}
OF_RIG = "; of a rig with {camera} in it, such as /{camera}/image_raw, read as each camera's"
TF_TOPICS = ("tf", "tf_static")


def start_node(context: LaunchContext) -> list[Node]:
    """The node with the arguments as they were given; an InputError names the one that cannot be."""

    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    parameters = {
        parameter: READ_AS[kind](name, given(name)) for name, (parameter, kind, _) in PARAMETERS.items() if given(name)
    }
    parameters["use_sim_time"] = truth("use_sim_time", given("use_sim_time"))
    remappings = rig_topics(parameters.get("cameras", []), [(topic, given(f"{topic}_topic")) for topic in TOPICS])
    if truth("namespaced_tf", given("namespaced_tf")):
        remappings += [(f"/{topic}", topic) for topic in TF_TOPICS]
    ending = {"on_exit": Shutdown(reason="localize has ended")} if truth("required", given("required")) else {}
    node = Node(
        package=PACKAGE,
        executable="localize",
        name="localize",
        namespace=given("namespace"),
        parameters=[str(path("params_file", given("params_file"))), parameters],
        remappings=remappings,
        output="screen",
        **ending,
    )
    return [node]


def generate_launch_description() -> LaunchDescription:
    """Arguments, the Fast DDS profile that raw images need (unless another one is set already), and the node."""
    share = Path(get_package_share_directory(PACKAGE))
    profile = str(share / "config" / "fastdds_profile.xml")
    variable = profile_variable(os.environ)
    entities = [] if variable in os.environ else [SetEnvironmentVariable(variable, profile)]
    entities += [
        DeclareLaunchArgument(name, default_value="", description=doc) for name, (_, _, doc) in PARAMETERS.items()
    ]
    entities += [
        DeclareLaunchArgument(
            f"{topic}_topic",
            default_value=topic,
            description=f"topic read as {topic}{OF_RIG if topic in OF_CAMERA else ''}",
        )
        for topic in TOPICS
    ]
    entities += [
        DeclareLaunchArgument(
            "params_file", default_value=str(share / "config" / "localize.yaml"), description="file with all parameters"
        ),
        DeclareLaunchArgument("namespace", default_value="", description="of the node and its topics"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="whether time comes from /clock"),
        DeclareLaunchArgument(
            "namespaced_tf",
            default_value="false",
            description="true takes tf and tf_static of the namespace for /tf and /tf_static, as Nav2 does",
        ),
        DeclareLaunchArgument(
            "required",
            default_value="true",
            description="whether the end of localize ends all that was launched with it",
        ),
        OpaqueFunction(function=start_node),
    ]
    return LaunchDescription(entities)
