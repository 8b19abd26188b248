"""Input ranges noted in checkpoints: those of the shipped weights, of new ones, and of weights that have changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from geoflow_ros.checkpoint.__main__ import main
from geoflow_ros.errors import InputError
from geoflow_ros.model import weights
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.inference.quantization import quantizable
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.resources import share_file

SMALL = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    weights.save(MatchFlow(SMALL), tmp_path / "net", {"origin": "a test"})
    return tmp_path / "net"


def test_the_shipped_weights_have_ranges_of_their_own() -> None:
    info, _ = weights.read(share_file("models/default.safetensors"))
    how = "weights without ranges of their own: run `python -m geoflow_ros.checkpoint quantize models/default`"
    assert info.input_ranges is not None and info.input_ranges.sha256 == info.sha256, how
    assert set(info.input_ranges.by_name) == {name for name, _ in quantizable(weights.build(info.config))}, how


def test_quantizing_notes_ranges_and_changes_nothing_else(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = weights.read(checkpoint)
    assert weights.load(checkpoint).input_ranges is None
    assert main(["quantize", str(checkpoint), "--frames", "2"]) == 0
    assert "in 8 bits the features differ by" in capsys.readouterr().out
    info, content = weights.read(checkpoint)
    assert (info.config, info.sha256, info.card, content) == (
        before[0].config,
        before[0].sha256,
        before[0].card,
        before[1],
    )
    ranges = weights.load(checkpoint).input_ranges
    assert ranges is not None and all(low <= 0.0 < high for low, high in ranges.values())


def test_a_constant_in_the_features_does_not_hide_what_rounding_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Features of an untrained `paper` are little but a constant, of which rounding changes 0.0 %."""
    assert main(["new", "--config", "paper", str(tmp_path / "net")]) == 0
    assert main(["quantize", str(tmp_path / "net"), "--frames", "1"]) == 0
    told = capsys.readouterr().out.rpartition("differ by ")[2].partition("%")[0]
    assert 5.0 < float(told) < 50.0


def test_ranges_of_other_weights_do_not_count(checkpoint: Path) -> None:
    weights.save_ranges(checkpoint, {"ground.out": (-1.23456789, 2.0)})
    assert weights.load(checkpoint).input_ranges == {"ground.out": (-1.235, 2.0)}
    path = checkpoint.with_suffix(".json")
    values = json.loads(path.read_text())
    values["input_ranges"]["sha256"] = "0" * 64
    path.write_text(json.dumps(values))
    assert weights.load(checkpoint).input_ranges is None


@pytest.mark.parametrize("reach", [[1.0, 2.0], [0.0, float("inf")], [0.0], "wide", None])
def test_impossible_ranges_are_refused(checkpoint: Path, reach: object) -> None:
    path = checkpoint.with_suffix(".json")
    values = json.loads(path.read_text())
    values["input_ranges"] = {"sha256": values["sha256"], "by_name": {"ground.out": reach}}
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="does not describe a checkpoint"):
        weights.load(checkpoint)
