"""Evaluation with locators whose errors are known, and the command line on a tree made here."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from geoflow_ros import evaluate as module
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.base import Sample
from geoflow_ros.datasets.select import Selection, open_dataset
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate import errors_of, evaluate, main, refused_fraction, summary_of, write_csv
from geoflow_ros.localizer import LocalizerConfig
from geoflow_ros.model.base import LocalizationModel
from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.pose import PoseEstimate, PosePrior
from geoflow_ros.satellite.patch import SatellitePatch

DRIVE = "2011_09_26/2011_09_26_drive_0005_sync"


class Samples:
    """Five samples with different truths."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Sample:
        image = np.zeros((8, 8, 3), np.uint8)
        truth = (float(index), -2.0, math.radians(80.0 * index))
        return Sample(f"s{index}", image, CameraModel(8, 8, 8, 8, 4, 4), SatellitePatch(image, (0.0, 0.0), 0.2), truth)


def estimate_at(east: float, north: float, yaw: float, patch: SatellitePatch) -> PoseEstimate:
    density = np.full((2, 2), 0.25, np.float32)
    return PoseEstimate(
        east, north, yaw, np.diag([4.0, 4.0, 0.01]), np.array([[east, north, yaw]]), np.ones(1), density, 40.0, patch
    )


def perfect(sample: Sample, seed: int) -> PoseEstimate:
    return estimate_at(*sample.truth, sample.patch)


def two_metres_ahead_and_one_left(sample: Sample, seed: int) -> PoseEstimate:
    east, north, yaw = sample.truth
    cos, sin = math.cos(yaw), math.sin(yaw)
    return estimate_at(east + 2 * cos - sin, north + 2 * sin + cos, yaw + math.radians(3.5) + 2 * math.pi, sample.patch)


def test_a_perfect_locator_has_no_error() -> None:
    summary = summary_of(evaluate(Samples(), perfect, range(5), seed=0))
    assert (summary.count, summary.mean_error_m, summary.yaw_mean_deg, summary.nees_mean) == (5, 0.0, 0.0, 0.0)
    assert summary.position_recall == (1.0, 1.0, 1.0) and summary.coverage_50 == 1.0


def test_a_known_offset_is_measured() -> None:
    summary = summary_of(evaluate(Samples(), two_metres_ahead_and_one_left, range(5), seed=0))
    assert summary.mean_error_m == pytest.approx(math.sqrt(5)) and summary.yaw_median_deg == pytest.approx(3.5)
    assert summary.longitudinal_recall == (0.0, 1.0, 1.0) and summary.lateral_recall[1:] == (1.0, 1.0)
    assert summary.yaw_recall == (0.0, 0.0, 1.0)
    assert summary.nees_mean == pytest.approx(5 / 4)
    assert (summary.coverage_50, summary.coverage_90) == (1.0, 1.0)  # 1.25 < 1.386


def test_every_sample_has_its_own_seed() -> None:
    seen = []

    def locator(sample: Sample, seed: int) -> PoseEstimate:
        seen.append((sample.key, seed))
        return perfect(sample, seed)

    evaluate(Samples(), locator, range(0, 5, 2), seed=10)
    assert seen == [("s0", 10), ("s2", 12), ("s4", 14)]


def test_a_mismatched_patch_is_that_of_another_sample() -> None:
    seen: list[tuple[int, int]] = []

    class Numbered(Samples):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return dataclasses.replace(sample, patch=dataclasses.replace(sample.patch, center=(float(index), 0.0)))

    def locator(sample: Sample, seed: int) -> PoseEstimate:
        own, shown = int(sample.key[1:]), int(sample.patch.center[0])
        seen.append((own, shown))
        return dataclasses.replace(estimate_at(0.0, 0.0, 0.0, sample.patch), match=0.1 if shown == 4 else 0.9)

    assert refused_fraction(Numbered(), locator, range(1, 5), seed=0) == 0.25
    assert seen == [(1, 3), (2, 4), (3, 1), (4, 2)]


def test_rows_of_the_csv(tmp_path: Path) -> None:
    outcomes = evaluate(Samples(), two_metres_ahead_and_one_left, [3], seed=0)
    write_csv(tmp_path / "o.csv", outcomes)
    (row,) = csv.DictReader((tmp_path / "o.csv").open())
    assert row["key"] == "s3" and float(row["true_yaw_deg"]) == 240.0
    names = ("error_m", "longitudinal_m", "lateral_m", "yaw_error_deg", "nees")
    assert [float(row[name]) for name in names] == pytest.approx([2.2361, 2.0, 1.0, 3.5, 1.25], abs=1e-4)
    assert float(row["ms"]) >= 0.0 and None not in row


def test_nothing_to_evaluate() -> None:
    with pytest.raises(InputError, match="leave no sample"):
        errors_of([])


class Fake:
    """Stands in for a network of a configuration."""

    def __init__(self, config: PaperConfig | DefaultConfig) -> None:
        self.config = config


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    root = tmp_path / "kitti"
    for folder in (f"raw_data/{DRIVE}/image_02/data", f"raw_data/{DRIVE}/oxts/data", f"satmap/{DRIVE}"):
        (root / folder).mkdir(parents=True)
    (root / "raw_data/2011_09_26/calib_cam_to_cam.txt").write_text(
        "S_rect_02: 1242 375\nP_rect_02: 721.5 0 609.6 44.9 0 721.5 172.9 0.2 0 0 1 0.003\n"
    )
    noise = ("0 0 0", "0.5 0 0", "0 0.25 1")
    (root / "test2_files.txt").write_text("".join(f"{DRIVE}/{i:010d}.png {n}\n" for i, n in enumerate(noise)))
    for i in range(3):
        cv2.imwrite(str(root / f"raw_data/{DRIVE}/image_02/data/{i:010d}.png"), np.zeros((375, 1242, 3), np.uint8))
        cv2.imwrite(str(root / f"satmap/{DRIVE}/{i:010d}.png"), np.zeros((1280, 1280, 3), np.uint8))
        (root / f"raw_data/{DRIVE}/oxts/data/{i:010d}.txt").write_text("49 8 116 0 0 0.4 " + "0 " * 24)
    return root


@pytest.fixture
def center_locator(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float, LocalizerConfig]]:
    """Replaces the network by one that always answers the middle of the patch; returns what it was asked."""
    asked: list[tuple[int, float, LocalizerConfig]] = []

    def locate(
        model: LocalizationModel, ground: np.ndarray, camera: CameraModel, patch: SatellitePatch,
        prior: PosePrior | None, config: LocalizerConfig, seed: int,
    ) -> PoseEstimate:  # fmt: skip
        assert prior is None
        asked.append((patch.size_px, patch.resolution, config))
        return estimate_at(0.0, 0.0, patch.yaw, patch)

    monkeypatch.setattr(module, "locate", locate)
    monkeypatch.setattr(module, "load_model", lambda path: Fake(DefaultConfig()))
    return asked


def test_command_line(
    kitti: Path,
    tmp_path: Path,
    center_locator: list[tuple[int, float, LocalizerConfig]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "results" / "out.json"
    command = [
        "--dataset",
        "kitti",
        "--root",
        str(kitti),
        "--split",
        "test2",
        "--checkpoint",
        "any",
        "--json",
        str(out),
    ]
    assert main([*command, "--csv", str(tmp_path / "out.csv"), "--hypotheses", "7", "--schedule", "paper"]) == 0
    document = json.loads(out.read_text())
    # The truths are 0, 10 and 5 m from the middle; the last crop is turned by 10 degrees.
    assert document["count"] == 3 and document["mean_error_m"] == pytest.approx(5.0)
    assert document["median_error_m"] == pytest.approx(5.0) and document["yaw_mean_deg"] == pytest.approx(10 / 3)
    assert document["longitudinal_recall"] == pytest.approx({"1": 2 / 3, "3": 2 / 3, "5": 2 / 3})
    assert document["lateral_recall"]["3"] == pytest.approx(2 / 3)
    assert (document["dataset"], document["split"], document["hypotheses"]) == ("kitti", "test2", 7)
    size, resolution, config = center_locator[0]
    assert (size, resolution) == (DefaultConfig().satellite_px, DefaultConfig().satellite_resolution)
    assert config.hypotheses == 7 and config.schedule.value == "paper"
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    assert "mean 5.00 m" in capsys.readouterr().out
    assert main([*command, "--every", "2", "--limit", "1"]) == 0
    assert json.loads(out.read_text())["count"] == 1


def test_a_north_up_network_answers_relative_to_north(
    tmp_path: Path, center_locator: list[tuple[int, float, LocalizerConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for city in ("SanFrancisco", "Chicago"):
        for folder in (f"{city}/panorama", f"{city}/satellite", f"splits__corrected/{city}"):
            (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / city / "panorama" / "p,1,2,.jpg"), np.zeros((64, 128, 3), np.uint8))
        cv2.imwrite(str(tmp_path / city / "satellite" / "s.png"), np.zeros((640, 640, 3), np.uint8))
        row = "p,1,2,.jpg" + " s.png 30 0" * 4
        (tmp_path / "splits__corrected" / city / "pano_label_balanced.txt").write_text(row + "\n")
    command = ["--dataset", "vigor", "--root", str(tmp_path), "--split", "cross-test", "--checkpoint", "any"]
    for config in (PaperConfig(), DefaultConfig()):
        monkeypatch.setattr(module, "load_model", lambda path, config=config: Fake(config))
        assert main([*command, "--json", str(tmp_path / "o.json")]) == 0
        document = json.loads((tmp_path / "o.json").read_text())
        # 30 rows below the middle is south, behind a camera that looks north.
        assert document["yaw_mean_deg"] == pytest.approx(0.0) and document["mean_error_m"] == pytest.approx(
            30 * (0.118141 + 0.111262) / 2
        )
        assert document["lateral_recall"]["1"] == 1.0 and document["longitudinal_recall"]["1"] == 0.0
        assert document["missing_mean"] > 0.2  # 100 m of a 75 m satellite image


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--dataset", "kitti", "--split", "test9"], "kitti has no split 'test9': give one of train, test1, test2"),
        (["--dataset", "kitti"], "kitti has no split None"),
        (["--dataset", "vigor", "--split", "cross-test"], "2 x missing label file"),
        (["--dataset", "bag"], "4 x missing or empty file"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, center_locator: list[object], capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    paths = ["--root", str(tmp_path / "empty"), "--checkpoint", "any", "--json", str(tmp_path / "o.json")]
    assert main([*options, *paths]) == 2
    error = capsys.readouterr().err
    assert error.startswith("geoflow_ros.evaluate: ") and error.count("\n") == 1 and sentence in error
    assert not center_locator


def test_unwritable_output_is_told_before_the_work(
    kitti: Path, center_locator: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--dataset", "kitti", "--root", str(kitti), "--split", "test2", "--checkpoint", "any"]
    assert main([*command, "--json", str(kitti)]) == 2
    assert "cannot be written" in capsys.readouterr().err and not center_locator


def test_missing_root_and_the_protocols_rotation(kitti: Path, tmp_path: Path) -> None:
    selection = Selection("kitti", kitti, "test2", 256, 0.4, north_up=False)
    assert open_dataset(selection).samples[2].truth[2] == pytest.approx(math.radians(10.0))
    turned = dataclasses.replace(selection, rotation_range_deg=40.0)
    assert open_dataset(turned).samples[2].truth[2] == pytest.approx(math.radians(40.0))
    with pytest.raises(InputError, match="is not a folder"):
        open_dataset(dataclasses.replace(selection, root=tmp_path / "nowhere"))
