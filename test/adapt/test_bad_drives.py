"""Drives that cannot be learnt from, given to the command: one sentence, soon, and the old weights as they were."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gaussian_volume import gaussian_volume
from made_drive import CAMERA, SPEED, START_S, straight, write_grey_tiles, write_made_drive
from training_support import tiny_network

from geoflow_ros.adapt.__main__ import main
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum
from geoflow_ros.model.weights import save
from geoflow_ros.smoothing import smoother
from geoflow_ros.smoothing.frame_volume import FrameVolume
from geoflow_ros.smoothing.nodes import Nodes
from geoflow_ros.smoothing.recorded_drive import RecordedDrive
from geoflow_ros.town.noise import SensorErrors

EVERYWHERE, PARTLY, ELSEWHERE = ((-100.0, -100.0), (300.0, 400.0)), ((-100.0, -100.0), (20.0, 20.0)), ((2e4,) * 2,) * 2
Box = tuple[tuple[float, float], tuple[float, float]]


def _from_10_s(other: CameraModel) -> Callable[[float], CameraModel]:
    return lambda time: CAMERA if time < 10.0 else other


@pytest.mark.parametrize(
    ("metres", "made", "tiles", "sentence"),
    [
        (50.0, {}, EVERYWHERE, "covers 45 m: at least 150 m are needed"),
        (200.0, {}, EVERYWHERE, "which judges, covers 35 m, at least 60 m are needed: give a drive of 300 m or more"),
        (3.0, {"stands_s": 20.0}, EVERYWHERE, "covers 0 m: at least 150 m are needed"),
        (250.0, {"silent": {"/odom": (5.0, 15.0)}}, EVERYWHERE, "no odometry for 36% of the time"),
        (250.0, {"silent": {"/fix": (0.0, 99.0)}}, EVERYWHERE, "has no fixes that can be used"),
        (
            250.0,
            {"silent": {"/fix": (2.2, 99.0), "/image/compressed": (0.0, 3.0)}},
            EVERYWHERE,
            "0 of 11 fixes lie within 0.5 s of an image",
        ),
        (250.0, {"camera_at": _from_10_s(replace(CAMERA, fx=60.0))}, EVERYWHERE, "tells of another camera midway"),
        (250.0, {"camera_at": _from_10_s(replace(CAMERA, height=48))}, EVERYWHERE, "tells of another camera midway"),
        (250.0, {}, ELSEWHERE, "100% of the drive lie where --tiles has no imagery"),
        (250.0, {}, PARTLY, "% of the drive lie where --tiles has no imagery"),
    ],
    ids=["short", "little", "standing", "gap", "fixless", "clocks", "zoom", "camera", "elsewhere", "partly"],
)
def test_one_sentence_before_anything_is_computed(
    metres: float,
    made: dict[str, Any],
    tiles: Box,
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smoother, "frame_volume", lambda *_: pytest.fail("frames are encoded"))
    root, store = write_made_drive(tmp_path / "a", straight(metres), **made), tmp_path / "tiles.mbtiles"
    out = tmp_path / "models" / "mine.safetensors"
    out.parent.mkdir()
    out.write_bytes(b"old")
    checkpoint = str(Path(__file__).parents[2] / "models" / "default")
    arguments = [str(root), "--tiles", str(write_grey_tiles(store, *tiles)), "--checkpoint", checkpoint]
    assert main([*arguments, "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1, told
    assert out.read_bytes() == b"old" and [each.name for each in out.parent.rglob("*.*")] == [out.name]


def test_no_tiles_are_told_before_the_bag_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses, datum, mount = tmp_path / "poses.tum", asdict(Datum(48.0, 11.0)), asdict(Mount())
    (tmp_path / "drive.json").write_text(json.dumps({"datum": datum, "mount": mount}))
    assert main([str(tmp_path), "--tiles", str(tmp_path / "none.mbtiles"), "--poses", str(poses)]) == 2
    assert "none.mbtiles does not exist" in capsys.readouterr().err
    assert not poses.exists(), "an empty file is no trajectory"


@pytest.mark.parametrize(("drift_m", "sentence"), [(20.0, ""), (60.0, "or the fixes off by more than 20 m?")])
def test_fixes_of_20_m_are_seen_through_and_worse_ones_refused(
    drift_m: float, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames are known to 0.7 m and 1.7 degrees, as far as a network looks: the fixes lie 20 m off, and 62 m."""
    yaw = math.atan2(0.8, 0.6)

    def volumes(
        drive: RecordedDrive, nodes: Nodes, model: object, satellite: object, states: np.ndarray, wanted: set[int]
    ) -> list[FrameVolume]:
        way = SPEED * (drive.stamps_ns[nodes.frames] * 1e-9 - START_S)
        peaks = {node: (0.6 * float(way[node]), 0.8 * float(way[node]), yaw) for node in sorted(wanted)}
        around = {node: (float(states[node, 0]), float(states[node, 1])) for node in wanted}
        return [gaussian_volume(n, peaks[n], (0.7, 0.03), around[n], float(states[n, 2]), 1.0) for n in peaks]

    monkeypatch.setattr(smoother, "_volumes", volumes)
    save(tiny_network(), tmp_path / "network")
    errors = SensorErrors(gnss_drift=drift_m, gyro_bias=0.0, wheel_scale=0.0)
    root = write_made_drive(tmp_path / "a", straight(170.0), errors=errors, image_hz=1.0)
    tiles = write_grey_tiles(tmp_path / "tiles.mbtiles", *EVERYWHERE)
    poses = tmp_path / "poses.tum"
    arguments = [str(root), "--tiles", str(tiles), "--checkpoint", str(tmp_path / "network"), "--poses", str(poses)]
    assert main(arguments) == (2 if sentence else 0)
    assert sentence in capsys.readouterr().err
    assert poses.exists() == (not sentence)
    if not sentence:
        found = read_tum(poses)
        way = SPEED * (found.stamps - START_S)
        assert np.hypot(found.poses[:, 0] - 0.6 * way, found.poses[:, 1] - 0.8 * way).max() < 0.5
