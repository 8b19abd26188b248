"""The benchmark command as a whole, on the shipped drive, and what it answers to bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("rosbags", reason="rosbags is not installed")

from geoflow_ros.benchmark import __main__ as benchmark


@pytest.fixture(autouse=True)
def threads_are_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_quick_benchmark_measures_a_little_of_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "out.json"
    arguments = ["--quick", "--frames", "4", "--threads", "1", "--runtime", "torch", "--leak", "3"]
    assert benchmark.main([*arguments, "--json", str(out)]) == 0
    document = json.loads(out.read_text())
    assert (document["machine"]["threads"], document["runtime"], document["frames"]) == (1, "torch", 4)
    localizer, paper = document["localizer"], document["paper_eager"]
    assert 0 < localizer["latency_ms_p50"] <= localizer["latency_ms_p95"]
    assert document["speedup"] == pytest.approx(localizer["fps"] / paper["fps"])
    stages = ["decode", "preprocess", "patch", "encode_ground", "encode_satellite", "match", "refine", "estimate"]
    stages += ["frame", "frames_of_4"]
    assert [name for name in document["stages"] if name != "publish"] == stages
    assert all(0 < each["p50"] <= each["p95"] <= each["max"] for each in document["stages"].values())
    assert document["runtimes"]["torch"]["error_ratio"] == 1.0
    assert document["runtimes"]["torch"]["mean_error_m"] < 3.0  # the shipped network, on the drive it ships with
    assert [(row["hypotheses"], row["steps"]) for row in document["refine"]] == [(10, 5), (64, 5)]
    assert [row["decoded_width"] for row in document["image_sizes"]] == [640, 640]
    assert [row["count"] for row in document["tiles"]] == [100]
    assert [row["frames"] for row in document["leak"]] == [0, 1, 2, 3]
    assert 50 < document["memory"]["localizer_peak_mb"] <= document["memory"]["total_peak_mb"]
    table = capsys.readouterr().out
    assert f"{localizer['fps']:.1f} frames/s" in table and "encode_satellite" in table


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--drive", "/nowhere"], "drive.json"),
        (["--checkpoint", "/nowhere/default"], "cannot be read"),
        (["--json", "/proc/nowhere/out.json"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--quick", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("geoflow_ros.benchmark: ") and sentence in error and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--frames", "0"], ["--threads", "-1"], ["--leak", "no"], ["--rates", "0"]])
def test_numbers_out_of_range_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark.main(arguments)
    assert ended.value.code == 2
    assert f"argument {arguments[0]}" in capsys.readouterr().err
