"""What is read when the node is configured, and what other thresholds leave as it was."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from paths import REPOSITORY

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.camera import Mount
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.options import build
from geoflow_ros.ros.loading import load_localizer

HERE = PosePrior(0.0, 0.0, 0.5, np.diag([1.0, 1.0, 0.001]))


def test_other_thresholds_keep_the_encoded_patches_and_another_map_does_not() -> None:
    mount = {f"camera.{name}": value for name, value in asdict(Mount()).items()}
    loaded = load_localizer(
        build(NodeConfig, {"tiles": str(REPOSITORY / "demo/tiles.mbtiles"), "runtime": "torch", **mount})
    )
    frame = LocalFrame(Datum(**json.loads((REPOSITORY / "demo/drive.json").read_text())["datum"]))
    first = loaded.localizer_in(frame, LocalizerConfig())
    encoded = 0
    while first.warm(HERE, Mount()):
        encoded += 1
    assert encoded > 0
    assert not loaded.localizer_in(frame, LocalizerConfig(min_match=0.9)).warm(HERE, Mount())
    moved = LocalFrame(Datum(frame.datum.latitude + 1e-4, frame.datum.longitude))
    assert loaded.localizer_in(moved, LocalizerConfig()).warm(HERE, Mount())
