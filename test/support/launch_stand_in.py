"""Stands in for `launch` and `launch_ros` where they are not installed: what a launch file makes is kept, not run."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
from paths import REPOSITORY

MODULES = {
    "launch": ("LaunchContext", "LaunchDescription"),
    "launch.actions": (
        "DeclareLaunchArgument", "ExecuteProcess", "IncludeLaunchDescription", "OpaqueFunction",
        "SetEnvironmentVariable", "SetLaunchConfiguration", "Shutdown",
    ),
    "launch.conditions": ("IfCondition",),
    "launch.launch_description_sources": ("PythonLaunchDescriptionSource",),
    "launch.substitutions": ("LaunchConfiguration",),
    "launch_ros": (),
    "launch_ros.actions": ("LifecycleNode", "Node"),
}  # fmt: skip


PROCESS = {"output", "on_exit", "condition", "additional_env", "respawn"}
KEYWORDS = {
    "DeclareLaunchArgument": {"default_value", "description", "choices", "condition"},
    "ExecuteProcess": {"cmd", "name", "cwd", *PROCESS},
    "IncludeLaunchDescription": {"launch_arguments", "condition"},
    "Node": {"executable", "package", "name", "namespace", "parameters", "remappings", "arguments", *PROCESS},
    "OpaqueFunction": {"function", "args", "kwargs", "condition"},
    "Shutdown": {"reason", "condition"},
}
"""What the real ones take (others take none here): launch 3.4.3 and launch_ros 0.26.6, github.com/ros2/launch and
github.com/ros2/launch_ros, branch jazzy, launch/launch/actions and launch_ros/launch_ros/actions/node.py."""


class Made:
    """Anything a launch file constructs: `args` and `kwargs` are what it was given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind = type(self).__name__
        assert kwargs.keys() <= KEYWORDS.get(kind, set()), f"{kind} does not take {', '.join(kwargs)}"
        self.args, self.kwargs = args, kwargs

    def perform(self, context: Context) -> str:
        """A substitution's value."""
        return context.launch_configurations[self.args[0]]

    def is_a(self, name: str) -> bool:
        """Whether this was made by the class of a name."""
        return type(self).__name__ == name


class Context:
    """A launch context."""

    def __init__(self, **configurations: str) -> None:
        self.launch_configurations = configurations


def prefix_of(package: str) -> str:
    """As get_package_prefix of ament_index_python, where only rviz2 and Nav2 are not installed."""
    if package == "rviz2" or package.startswith("nav2"):
        raise KeyError(package)  # its PackageNotFoundError is one
    return "/opt/ros"


def load(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """The module of a launch file of this repository, its imports of `launch` stood in for."""
    for module_name, classes in MODULES.items():
        module = ModuleType(module_name)
        for each in classes:
            setattr(module, each, type(each, (Made,), {}))
        monkeypatch.setitem(sys.modules, module_name, module)
    index, packages = ModuleType("ament_index_python"), ModuleType("ament_index_python.packages")
    packages.get_package_share_directory = lambda _: str(REPOSITORY)  # type: ignore[attr-defined]
    packages.get_package_prefix = prefix_of  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ament_index_python", index)
    monkeypatch.setitem(sys.modules, "ament_index_python.packages", packages)
    return load_file(name)


def load_file(name: str) -> Any:
    """The module of a launch file of this repository."""
    spec = importlib.util.spec_from_file_location(name.replace(".", "_"), REPOSITORY / "launch" / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entities(module: Any, kind: str) -> list[Made]:
    """What of a kind is in the description of a launch file."""
    return [each for each in module.generate_launch_description().args[0] if each.is_a(kind)]
