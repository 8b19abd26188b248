"""The held-out end of a drive, driven as the node drives it."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from geoflow_ros.adapt import held_out_drive
from geoflow_ros.adapt.held_out_drive import HeldOutDrives, judged_frames
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive, open_unlabelled
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.errors import InputError
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import load
from geoflow_ros.replay.play import Played, Script, play
from geoflow_ros.smoothing.smoother import Smoothed
from geoflow_ros.tracking.session import Session

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo"


def _drive(stamps_ns: np.ndarray, way: np.ndarray) -> UnlabelledDrive:
    """A drive every frame of which is a node."""
    recorded, nodes = SimpleNamespace(stamps_ns=stamps_ns, way=way), SimpleNamespace(frames=np.arange(len(way)))
    return cast(UnlabelledDrive, SimpleNamespace(recorded=recorded, nodes=nodes))


@pytest.mark.parametrize(("rate_hz", "jitter_ms", "every"), [(5, 10, 1), (10, 8, 2), (30, 0, 6), (2, 0, 1)])
def test_frames_are_a_fifth_of_a_second_apart(rate_hz: int, jitter_ms: int, every: int) -> None:
    """A drive at constant speed: its last fifth is frames 80 and on, of 101."""
    jitter = np.where(np.arange(101) % 2, jitter_ms, 0) * 1_000_000
    drive = _drive(np.arange(101) * (10**9 // rate_hz) + jitter, np.arange(101.0))
    assert judged_frames(drive, 50).tolist() == list(range(80, 101, every))
    assert judged_frames(drive, 3).tolist() == list(range(80, 101, every))[:3]


def test_a_drive_of_300_m_is_long_enough_and_two_shorter_ones_are_together() -> None:
    stamps = np.arange(301) * 200_000_000
    long, short = _drive(stamps, np.arange(301.0)), _drive(stamps[:201], np.arange(201.0))
    assert HeldOutDrives([long]) and HeldOutDrives([short, short])
    with pytest.raises(InputError, match="covers 40 m, at least 60 m are needed: give a drive of 300 m or more"):
        HeldOutDrives([short])


def test_the_demo_is_driven_twice_with_two_seeds_and_near_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_drive, "RUN_UP_NS", 1_500_000_000)
    monkeypatch.setattr(held_out_drive, "LEAST_BLOCKS", 1)
    monkeypatch.setattr(held_out_drive, "MOST_JUDGED", 8)
    monkeypatch.setattr(held_out_drive, "judged_frames", lambda drive, most: judged_frames(drive, 4))
    frames = []

    def counted(bag: Path, session: Session, script: Script) -> Played:
        frames.append(len((played := play(bag, session, script)).frames))
        return played

    monkeypatch.setattr(held_out_drive, "play", counted)
    tiles = str(DEMO / "tiles.mbtiles")
    given = argparse.Namespace(tiles=tiles, checkpoint=None, params=None, assignments=[], topic=[])
    drive, model = open_unlabelled(DEMO, given), load(ROOT / "models" / "default")
    assert isinstance(model, MatchFlow)
    drives, count = HeldOutDrives([drive]), len(drive.nodes.frames)
    truth = read_tum(DEMO / "truth.tum")
    stamps = drive.recorded.stamps_ns
    poses = np.array([truth.poses[np.argmin(abs(truth.stamps - stamp * 1e-9))] for stamp in stamps])
    smoothed = SimpleNamespace(poses=poses[drive.nodes.frames], pose_covariances=np.tile(np.eye(3), (count, 1, 1)))
    stretch = drives.stretch([cast(Smoothed, smoothed)])
    driven = drives.driven(model)
    assert np.hypot(*(driven.positions - stretch.positions).T).max() < 1.0
    assert driven.localised.all() and len(driven.localised) == len(stretch.blocks) == 8
    assert not np.allclose(driven.positions[:4], driven.positions[4:], atol=1e-3)
    assert drives.driven(model) is driven
    assert frames == [12, 12], "4 and 1.5 s of run-up at 5 Hz, once for each seed"
