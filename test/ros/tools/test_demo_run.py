"""The demonstration over real DDS with a localiser that answers with the prior: every figure is known beforehand."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rosbags", reason="rosbags is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

import ros_drive
import ros_support
from ros_fake_session import SINGLE_EAST

from geoflow_ros.demo import __main__ as command_line
from geoflow_ros.ros.tools import demo_run as demo

FRAMES = 20
LAG = 1.0  # m, two fixes
FAKE_NODE = (sys.executable, *ros_support.FAKE_SESSION)  # fused, the last fix; alone, 2 m east of it; yaw 0.5


@pytest.fixture(autouse=True)
def package_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ros_support.REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_summary_of_a_drive_whose_fixes_lie_3_m_north(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", FRAMES)
    out = tmp_path / "out"
    demo.run(drive, out, None, FAKE_NODE)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames"] == FRAMES
    assert 0 < summary["poses"] <= FRAMES  # a busy machine overtakes frames
    assert summary["prior_mean_error_m"] == pytest.approx(3.0, abs=1e-3)
    # on a busy machine a frame is answered from a fix before or after its own, by up to LAG further back or ahead
    assert 2.99 < summary["mean_error_m"] < math.hypot(3.0, LAG)
    assert summary["single_frame_poses"] == summary["poses"]
    nearest, farthest = math.hypot(3.0, SINGLE_EAST - LAG), math.hypot(3.0, SINGLE_EAST + LAG)
    assert nearest < summary["single_frame_mean_error_m"] < farthest
    assert summary["yaw_mean_error_deg"] == pytest.approx(math.degrees(0.5), abs=1e-6)
    assert 8.9 < summary["nees_mean"] < (3.0**2 + LAG**2) / 1.0  # of the position
    assert summary["coverage_90"] == 0.0
    assert 0.0 < summary["latency_ms_p50"] <= summary["latency_ms_p95"] < 5000.0
    rows = np.loadtxt(out / "trajectory.tum")
    assert rows.shape == (summary["poses"], 8)
    assert set(np.round(rows[:, 0] - ros_drive.START_NS * 1e-9, 6)) <= {index / 10 for index in range(FRAMES)}
    assert rows[:, 2] == pytest.approx(3.0, abs=0.01)
    assert len(list(out.glob("heatmap_*.png"))) >= 1
    page = (out / "report.html").read_text(encoding="utf-8")
    shown = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert len(shown["along"]) == FRAMES and shown["along"][-1] == pytest.approx((FRAMES - 1) / 10, abs=1e-3)
    off = [error for error in shown["error"] if error is not None]
    assert len(off) == summary["poses"] and np.mean(off) == pytest.approx(summary["mean_error_m"], abs=1e-3)
    assert shown["stateNames"][shown["state"][-1]] == "LOCALISED"
    assert all(each["cameras"][""] for each in shown["snapshots"])
    assert any(each["heatmap"] and each["hypotheses"] for each in shown["snapshots"])
    picture = cv2.imread(str(out / "trajectory.png"))
    assert picture is not None and np.ptp(picture) == 255


def test_a_drive_of_a_rig_is_played_to_a_node_of_that_rig(tmp_path: Path) -> None:
    """One camera more than a node listens to, and the demonstration would wait for a listener in vain."""
    drive, out = ros_drive.write_drive(tmp_path / "drive", FRAMES, ("front", "rear")), tmp_path / "out"
    demo.run(drive, out, None, FAKE_NODE)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames"] == 2 * FRAMES and FRAMES / 2 < summary["poses"] <= 2 * FRAMES
    page = (out / "report.html").read_text(encoding="utf-8")
    shown = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert {name for each in shown["snapshots"] for name in each["cameras"]} == {"front", "rear"}


def test_missing_drive_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--drive", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("geoflow_ros.demo: ") and "drive.json" in error and error.count("\n") == 1


def test_a_node_that_does_not_start_ends_the_demonstration(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 2)
    missing = str(tmp_path / "none.safetensors")
    assert command_line.main(["--drive", str(drive), "--out", str(tmp_path / "out"), "--checkpoint", missing]) == 2
    assert "the node ended with status 2" in capfd.readouterr().err
