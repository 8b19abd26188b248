"""Messages that no package registry has, generated from their definitions where they are not installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MANIFEST = """\
<package format="3">
  <name>{name}</name>
  <version>0.0.0</version>
  <description>Messages of another package.</description>
  <maintainer email="maintainers@example.org">geoflow_ros maintainers</maintainer>
  <license>BSD</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>{depends}</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""
# The imported Python generators of the wheels name the include folders of the machine they were built on.
LISTS = """\
cmake_minimum_required(VERSION 3.20)
project({name})
find_package(ament_cmake REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter Development NumPy)
find_package(rosidl_default_generators REQUIRED)
find_package({depends} REQUIRED)
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target ${{imported}})
  if(target MATCHES "rosidl_generator_py$")
    set_target_properties(${{target}} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${{Python3_INCLUDE_DIRS}};${{Python3_NumPy_INCLUDE_DIRS}}")
  endif()
endforeach()
rosidl_generate_interfaces(${{PROJECT_NAME}} {files} DEPENDENCIES {depends})
ament_package()
"""
GENERATORS = ("ament_cmake", "ament_cmake_ros", "rosidl_default_generators")
TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a child process needs to find a generated package."""

    paths: tuple[Path, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Messages:
    """A package of messages: definitions by name, and the package whose messages they use."""

    package: str
    depends: str
    definitions: dict[str, str]


TF2_MSGS = Messages("tf2_msgs", "geometry_msgs", {"TFMessage": "geometry_msgs/TransformStamped[] transforms\n"})
# github.com/ros/bond_core, branch ros2 at e6d0fc2 (4.0.0), bond/msg
BOND = Messages(
    "bond",
    "std_msgs",
    {
        "Status": (
            "std_msgs/Header header\nstring id\nstring instance_id\nbool active\n"
            "float32 heartbeat_timeout\nfloat32 heartbeat_period\n"
        ),
        "Constants": (
            "float32 DEAD_PUBLISH_PERIOD = 0.05\nfloat32 DEFAULT_CONNECT_TIMEOUT = 10.0\n"
            "float32 DEFAULT_HEARTBEAT_TIMEOUT = 4.0\nfloat32 DEFAULT_DISCONNECT_TIMEOUT = 2.0\n"
            "float32 DEFAULT_HEARTBEAT_PERIOD = 1.0\n"
            "string DISABLE_HEARTBEAT_TIMEOUT_PARAM=/bond_disable_heartbeat_timeout\n"
        ),
    },
)


def overlay(messages: Messages, folder: Path) -> Overlay:
    """Where a package of messages is; skips the test if it neither is installed nor can be generated."""
    if importlib.util.find_spec(messages.package) is not None:
        return Overlay()
    prefix = Path(sys.prefix)
    search = os.pathsep.join([str(prefix / "bin"), os.environ.get("PATH", "")])
    missing = [tool for tool in ("cmake", "ninja", "cc") if shutil.which(tool, path=search) is None]
    missing += [name for name in GENERATORS if not (prefix / "share" / name / "cmake").is_dir()]
    if missing:
        pytest.skip(f"{messages.package} is not installed, and cannot be generated without {', '.join(missing)}")
    _generate(messages, folder, prefix, search)
    libraries = os.pathsep.join([str(folder / "lib"), os.environ.get("LD_LIBRARY_PATH", "")])
    (modules,) = folder.glob("lib/python3.*/site-packages")
    return Overlay((modules,), {"LD_LIBRARY_PATH": libraries})


def _generate(messages: Messages, folder: Path, prefix: Path, search: str) -> None:
    source, build = folder / "source", folder / "build"
    (source / "msg").mkdir(parents=True)
    for name, definition in messages.definitions.items():
        (source / "msg" / f"{name}.msg").write_text(definition)
    names = {"name": messages.package, "depends": messages.depends}
    files = " ".join(f'"msg/{name}.msg"' for name in messages.definitions)
    (source / "package.xml").write_text(MANIFEST.format(**names))
    (source / "CMakeLists.txt").write_text(LISTS.format(**names, files=files))
    environment = {**os.environ, "PATH": search, "AMENT_PREFIX_PATH": str(prefix), "CMAKE_PREFIX_PATH": str(prefix)}
    for command in (
        ["cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_INSTALL_PREFIX={folder}",
         f"-DPython3_EXECUTABLE={sys.executable}"],
        ["cmake", "--build", build, "--target", "install"],
    ):  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
