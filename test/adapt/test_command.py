"""The command from drives to a verdict, with a network that has learnt nothing: what comes of it, and what stops it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from made_drive import CAMERA, straight, write_grey_tiles, write_made_drive
from small_disk import disk_of
from training_support import tiny_network

from geoflow_ros.adapt import adaptation, head_training, labels, unlabelled_drive
from geoflow_ros.adapt.__main__ import main
from geoflow_ros.adapt.gates import HeldOut
from geoflow_ros.adapt.mount_check import MountCheck
from geoflow_ros.adapt.unlabelled_drive import Agreement, UnlabelledDrive
from geoflow_ros.camera import CameraModel
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.weights import save
from geoflow_ros.smoothing.frame_sites import Site
from geoflow_ros.smoothing.smoother import FIRST, Smoothed
from geoflow_ros.train.objective import Losses
from geoflow_ros.train.state import read_state

OTHER = CameraModel(96, 64, 40.0, 40.0, 48.0, 32.0)


def _by_sensors(drive: UnlabelledDrive, model: LocalizationModel) -> tuple[Smoothed, Agreement]:
    """As if all frames agreed with where the sensors put the drive."""
    count = len(drive.nodes.frames)
    site = Site(np.zeros(3), np.eye(3), np.zeros(3), 1.0, 1.0)
    covariances = np.tile(0.01 * np.eye(7), (count, 1, 1))
    return Smoothed(drive.nodes.start, covariances, dict.fromkeys(range(count), site), FIRST, []), Agreement(5.0, 0.1)


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a drive along one street, and of weights beside which the new ones are to be."""
    monkeypatch.setattr(adaptation, "smoothed", _by_sensors)
    monkeypatch.setattr(adaptation, "MOST_VARIANTS", 1)
    monkeypatch.setattr(labels, "JUDGES", 10)
    save(tiny_network(), tmp_path / "old")
    drive = write_made_drive(tmp_path / "a", straight(330.0))
    tiles = write_grey_tiles(tmp_path / "tiles.mbtiles", (-100.0, -100.0), (300.0, 400.0))
    weights = ["--checkpoint", str(tmp_path / "old"), "--out", str(tmp_path / "mine")]
    return [str(drive), "--tiles", str(tiles), *weights, "--steps", "1", "--rounds", "1", "--towns", "0"]


def test_of_one_street_with_two_cameras_nothing_is_learnt_and_both_mounts_are_judged(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(labels, "JUDGES", 5)
    judged: list[set[int]] = []

    def check(model: LocalizationModel, frames: Sequence[HeldOut]) -> MountCheck:
        judged.append({each.sample.camera.width for each in frames})
        return MountCheck(None, float(len(judged)), None)

    monkeypatch.setattr(adaptation, "check_mount", check)
    other = write_made_drive(tmp_path / "b", straight(330.0), camera_at=lambda time: OTHER)
    assert main([str(other), *arguments]) == 0
    told, progress = capsys.readouterr()
    doing = ["looking where the drives were", "learning from that, and judging what is learnt"]
    assert progress.splitlines() == [f"round 1 of 1: {each}" for each in doing]
    assert told.startswith("The old weights stay: the held-out stretch does not improve")
    assert judged == [{OTHER.width}, {CAMERA.width}]
    report = json.loads((tmp_path / "mine_adapt" / "report.json").read_text())
    assert [report["drives"][name]["mount_seems_off"]["pitch_deg"] for name in ("b", "a")] == [1.0, 2.0]
    page = (tmp_path / "mine_adapt" / "report.md").read_text()
    assert page.index("## b") < page.index("pitch_deg +1.00") < page.index("## a") < page.index("pitch_deg +2.00")
    assert not list(tmp_path.glob("mine.*"))


@pytest.mark.parametrize(("room", "what"), [(2_000, "a.tum"), (100_000, "from_")], ids=["trajectory", "training"])
def test_a_full_disk_is_one_sentence(
    room: int,
    what: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(head_training, "SAVE_EVERY", 1)
    (tmp_path / "mine.safetensors").write_bytes(b"of before")
    with disk_of(room):
        assert main(arguments) == 2
    *progress, told = capsys.readouterr().err.splitlines()
    assert what in told and "cannot be written: File too large" in told
    assert all(each.startswith("round 1 of 1: ") for each in progress)
    assert (tmp_path / "mine.safetensors").read_bytes() == b"of before"
    assert not [each for each in tmp_path.rglob("*") if what in each.name], "nothing is half written"


def test_ctrl_c_while_training_keeps_what_is_resumed_from(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take = head_training._Run.take

    def interrupted(run: head_training._Run, batch: object) -> Losses:
        os.kill(os.getpid(), signal.SIGINT)
        return take(run, batch)

    monkeypatch.setattr(head_training._Run, "take", interrupted)
    assert main([*arguments, "--steps", "9"]) == 130
    out = tmp_path / "mine.safetensors"
    assert capsys.readouterr().err.endswith(f"\nstopped: {out} was not written; the same command goes on from here\n")
    (state,) = (tmp_path / "mine_adapt").glob("from_*.pt")
    assert read_state(state)["step"] == 1


def test_ctrl_c_while_bags_are_read_is_told_too(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(unlabelled_drive, "read_drive", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr().err.startswith("stopped: ")
