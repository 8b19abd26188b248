"""tf2_msgs, generated from its definition where it is not installed: no package registry has it."""

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
  <name>tf2_msgs</name>
  <version>0.0.0</version>
  <description>The message of /tf.</description>
  <maintainer email="maintainers@example.org">geoflow_ros maintainers</maintainer>
  <license>BSD</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""
# The imported Python generators of the wheels name the include folders of the machine they were built on.
LISTS = """\
cmake_minimum_required(VERSION 3.20)
project(tf2_msgs)
find_package(ament_cmake REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter Development NumPy)
find_package(rosidl_default_generators REQUIRED)
find_package(geometry_msgs REQUIRED)
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target ${imported})
  if(target MATCHES "rosidl_generator_py$")
    set_target_properties(${target} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${Python3_INCLUDE_DIRS};${Python3_NumPy_INCLUDE_DIRS}")
  endif()
endforeach()
rosidl_generate_interfaces(${PROJECT_NAME} "msg/TFMessage.msg" DEPENDENCIES geometry_msgs)
ament_package()
"""
GENERATORS = ("ament_cmake", "ament_cmake_ros", "rosidl_default_generators")
TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a child process needs to find a generated package."""

    paths: tuple[Path, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def tf2_msgs(folder: Path) -> Overlay:
    """Where tf2_msgs is; skips the test if it neither is installed nor can be generated."""
    if importlib.util.find_spec("tf2_msgs") is not None:
        return Overlay()
    prefix = Path(sys.prefix)
    search = os.pathsep.join([str(prefix / "bin"), os.environ.get("PATH", "")])
    missing = [tool for tool in ("cmake", "ninja", "cc") if shutil.which(tool, path=search) is None]
    missing += [name for name in GENERATORS if not (prefix / "share" / name / "cmake").is_dir()]
    if missing:
        pytest.skip(f"tf2_msgs is not installed, and cannot be generated without {', '.join(missing)}")
    _generate(folder, prefix, search)
    libraries = os.pathsep.join([str(folder / "lib"), os.environ.get("LD_LIBRARY_PATH", "")])
    (modules,) = folder.glob("lib/python3.*/site-packages")
    return Overlay((modules,), {"LD_LIBRARY_PATH": libraries})


def _generate(folder: Path, prefix: Path, search: str) -> None:
    source, build = folder / "source", folder / "build"
    (source / "msg").mkdir(parents=True)
    (source / "msg" / "TFMessage.msg").write_text("geometry_msgs/TransformStamped[] transforms\n")
    (source / "package.xml").write_text(MANIFEST)
    (source / "CMakeLists.txt").write_text(LISTS)
    environment = {**os.environ, "PATH": search, "AMENT_PREFIX_PATH": str(prefix), "CMAKE_PREFIX_PATH": str(prefix)}
    for command in (
        ["cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_INSTALL_PREFIX={folder}",
         f"-DPython3_EXECUTABLE={sys.executable}"],
        ["cmake", "--build", build, "--target", "install"],
    ):  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
