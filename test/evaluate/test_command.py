"""The command line of the evaluation on a tree made here."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_support import estimate_at
from paths import REPOSITORY

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.datasets.select import Selection, open_dataset
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate import __main__ as module
from geoflow_ros.evaluate import locators as network
from geoflow_ros.evaluate.__main__ import main
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, UniformPosePrior
from geoflow_ros.model.config import DefaultConfig, PaperConfig, Runtime
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.satellite.patch import SatellitePatch

DRIVE = "2011_09_26/2011_09_26_drive_0005_sync"
BLOCKED = "test2_files.txt/figures"  # a folder below a file


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
        (root / f"raw_data/{DRIVE}/oxts/data/{i:010d}.txt").write_text(f"{49 + 0.001 * i} 8 116 0 0 0.4 " + "0 " * 24)
    return root


def kitti_command(root: Path) -> list[str]:
    return ["--dataset", "kitti", "--root", str(root), "--split", "test2", "--checkpoint", "any"]


@pytest.fixture
def center_locator(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float, LocalizerConfig]]:
    """Replaces the network by one that always answers the middle of the patch; returns what it was asked."""
    asked: list[tuple[int, float, LocalizerConfig]] = []

    def estimate_pose(
        model: LocalizationModel, latent: Latent, patch: SatellitePatch, prior: PosePrior | UniformPosePrior,
        config: LocalizerConfig, seed: int,
    ) -> PoseEstimate:  # fmt: skip
        assert isinstance(prior, UniformPosePrior)
        asked.append((patch.size_px, patch.resolution, config))
        return estimate_at(0.0, 0.0, patch.yaw if model.config.lift_shape else prior.yaw, patch)

    monkeypatch.setattr(network, "encode", lambda model, ground, camera, patch: Latent())
    monkeypatch.setattr(network, "estimate_pose", estimate_pose)
    monkeypatch.setattr(module, "load_model", lambda path, runtime: Fake(DefaultConfig()))
    return asked


def test_command_line(
    kitti: Path,
    tmp_path: Path,
    center_locator: list[tuple[int, float, LocalizerConfig]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "results" / "out.json"
    command = [*kitti_command(kitti), "--json", str(out)]
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
    said = capsys.readouterr().out
    assert "mean 5.00 m" in said and said.endswith(f"wrote {out}, {tmp_path / 'out.csv'}\n")
    assert main([*command, "--every", "2", "--limit", "1"]) == 0
    assert json.loads(out.read_text())["count"] == 1


def test_a_sweep_is_one_run_and_the_first_setting_is_the_summary(
    kitti: Path,
    tmp_path: Path,
    center_locator: list[tuple[int, float, LocalizerConfig]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, table = tmp_path / "o.json", tmp_path / "o.csv"
    lists = ["--hypotheses", "1", "20", "--steps", "5", "3", "--schedule", "paper", "full"]
    assert main([*kitti_command(kitti), "--json", str(out), "--csv", str(table), *lists]) == 0
    document = json.loads(out.read_text())
    expected = [(name, n, r) for name in ("paper", "full") for n in (1, 20) for r in (5, 3)]
    assert [(row["schedule"], row["hypotheses"], row["steps"]) for row in document["sweep"]] == expected
    assert (document["schedule"], document["hypotheses"], document["steps"]) == expected[0]
    assert all(document[key] == value for key, value in document["sweep"][0].items())
    assert len(table.read_text().splitlines()) == 1 + 8 * 3
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 8 and rows[2].startswith("| paper | 1 | 5 | 5.00 | 5.00 | 33.3% | 3.33 |")


def test_an_unknown_heading_is_searched_all_around_in_a_wider_patch(
    kitti: Path,
    tmp_path: Path,
    center_locator: list[tuple[int, float, LocalizerConfig]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = DefaultConfig().satellite_px
    wide: list[int] = []

    def search(model: object, sample: Sample) -> object:
        wide.append(sample.patch.size_px)
        image = sample.patch.image[:size, :size]
        return dataclasses.replace(sample.patch, image=image, yaw=math.radians(180.0)), Latent()

    monkeypatch.setattr(network, "search_headings", search)
    command = [*kitti_command(kitti), "--json", str(tmp_path / "o.json"), "--rotation-range-deg"]
    assert main([*command, "180"]) == 0
    assert wide == [math.ceil(size * math.sqrt(2.0))] * 3
    # The three truths are turned by 0, 0 and 180 degrees, every answer by 180.
    assert json.loads((tmp_path / "o.json").read_text())["yaw_mean_deg"] == pytest.approx(120.0)
    assert main([*command, "10"]) == 0
    monkeypatch.setattr(module, "load_model", lambda path, runtime: Fake(PaperConfig()))
    assert main([*command, "180"]) == 0  # takes the heading as known: its error is the prior's
    assert json.loads((tmp_path / "o.json").read_text())["yaw_mean_deg"] == pytest.approx(60.0)
    assert (
        len(wide) == 3 and [size for size, _, _ in center_locator[3:]] == [size] * 3 + [PaperConfig().satellite_px] * 3
    )


def test_the_runtime_is_the_one_asked_for(
    kitti: Path, tmp_path: Path, center_locator: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Runtime] = []

    def load_model(path: Path, runtime: Runtime) -> Fake:
        loaded.append(runtime)
        return Fake(DefaultConfig())

    monkeypatch.setattr(module, "load_model", load_model)
    command = [*kitti_command(kitti), "--json", str(tmp_path / "o.json"), "--limit", "1"]
    assert main(command) == main([*command, "--runtime", "onnxruntime"]) == 0
    assert loaded == [Runtime.TORCH, Runtime.ONNXRUNTIME]
    assert json.loads((tmp_path / "o.json").read_text())["runtime"] == "onnxruntime"


def test_figures_are_written_and_it_is_said_where(
    kitti: Path,
    tmp_path: Path,
    center_locator: list[tuple[int, float, LocalizerConfig]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    folder = tmp_path / "new" / "figures"
    pages = tmp_path / "pages" / "of this run"
    out = ["--json", str(tmp_path / "o.json"), "--figures", str(folder), "--report", str(pages)]
    assert main([*kitti_command(kitti), *out]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert f"{pages / 'report.html'} (open it in a browser)" in said and f"pictures in {folder}" in said
    page = (pages / "report.html").read_text(encoding="utf-8")
    shown = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert shown["error"] == pytest.approx([0.0, 10.0, 5.0], abs=1e-3) and shown["worst"] == [1, 2, 0]
    assert "<title>kitti test2, any, 3 frames</title>" in page
    names = ("best.jpg", "worst.jpg", "error_cdf.png", "error_map.png", "reliability.png")
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert all(cv2.imread(str(folder / name)).std() > 5.0 for name in names)


def test_frames_of_another_place_are_told_apart_from_accepted_ones(
    kitti: Path, tmp_path: Path, center_locator: list[tuple[int, float, LocalizerConfig]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    centre = network.estimate_pose

    def doubtful(model: object, latent: object, patch: SatellitePatch, *rest: object) -> PoseEstimate:
        estimate = centre(model, latent, patch, *rest)
        return dataclasses.replace(estimate, match=0.2 if patch.yaw == 0.0 and len(center_locator) % 3 == 2 else 0.9)

    monkeypatch.setattr(network, "estimate_pose", doubtful)
    assert main([*kitti_command(kitti), "--json", str(tmp_path / "o.json"), "--mismatch"]) == 0
    document = json.loads((tmp_path / "o.json").read_text())
    assert document["accepted"] == pytest.approx(2 / 3)
    assert document["of_accepted"]["mean_error_m"] == pytest.approx(2.5)  # without the one that is 10 m off
    assert document["mismatch_refused"] == pytest.approx(1 / 3)
    assert (document["mismatch_accepted"]["count"], document["mismatch_accepted"]["of"]) == (2, 3)
    assert (document["error_over_5m"]["count"], document["error_over_5m"]["of"]) == (0, 2)


def test_without_a_checkpoint_the_shipped_weights_are_judged(
    kitti: Path, center_locator: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Path]()
    monkeypatch.setattr(module, "load_model", lambda path, runtime: asked.append(path) or Fake(DefaultConfig()))
    command = [*kitti_command(kitti), "--json", str(kitti / "o.json")]
    at = command.index("--checkpoint")
    assert main(command[:at] + command[at + 2 :]) == 0
    assert asked == [REPOSITORY / "models" / "default.safetensors"]


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
        monkeypatch.setattr(module, "load_model", lambda path, runtime, config=config: Fake(config))
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
        (["--dataset", "kitti", "--split", "test9"], "kitti has no split 'test9': give one of "),
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


def test_a_setting_out_of_range_is_told_before_the_work(
    kitti: Path, center_locator: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*kitti_command(kitti), "--json", str(kitti / "o.json"), "--steps", "5", "51"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "steps" in error and "51" in error and error.count("\n") == 1 and not center_locator


def test_unwritable_output_is_told_before_the_work(
    kitti: Path, center_locator: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*kitti_command(kitti), "--json", str(kitti)]) == 2
    assert main([*kitti_command(kitti), "--json", str(kitti.parent / "o.json"), "--figures", str(kitti / BLOCKED)]) == 2
    assert main([*kitti_command(kitti), "--json", str(kitti.parent / "o.json"), "--report", str(kitti / BLOCKED)]) == 2
    error = capsys.readouterr().err
    assert error.count("cannot be written") == 3 and BLOCKED in error and not center_locator


def test_missing_root_and_the_protocols_rotation(kitti: Path, tmp_path: Path) -> None:
    selection = Selection("kitti", kitti, "test2", 256, 0.4, north_up=False)
    assert open_dataset(selection)[2].truth[2] == pytest.approx(math.radians(10.0))
    turned = dataclasses.replace(selection, rotation_range_deg=40.0)
    assert open_dataset(turned)[2].truth[2] == pytest.approx(math.radians(40.0))
    with pytest.raises(InputError, match="is not a folder"):
        open_dataset(dataclasses.replace(selection, root=tmp_path / "nowhere"))
