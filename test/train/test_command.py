"""The command line of training on towns of noise."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_support import tiny_network, write_towns

from geoflow_ros.model.weights import save
from geoflow_ros.train.__main__ import main
from geoflow_ros.train.dryrun import missing_share, without_rendering
from geoflow_ros.train.sources import TrainingData
from geoflow_ros.train.train_config import TrainConfig

KEYS = "train_towns: 1\nvalidation_towns: 1\nviews_per_town: 2\nbatch: 2\nsteps: 2\nhypotheses: 4\nworkers: 0\n"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    write_towns(tmp_path / "towns", [0, 9000], 2)
    save(tiny_network(), tmp_path / "tiny")
    (tmp_path / "train.yaml").write_text(f"data_root: {tmp_path / 'towns'}\n{KEYS}")
    return tmp_path


def run(task: Path, *more: str) -> int:
    return main(["--config", str(task / "train.yaml"), "--device", "cpu", *more])


def test_a_dry_run_tells_what_a_run_takes_and_leaves_nothing(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(task.rglob("*"))
    assert run(task, "--init", str(task / "tiny"), "--dry-run", "--out", str(task / "out")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 samples to train on, 2 to validate on: every file is there"
    starts = ("one batch of 2 prepared in ", "one step ", "memory ", "imagery missing from 0.0% of the patches",
              "2 steps and their validations: about ")  # fmt: skip
    assert all(line.startswith(start) for line, start in zip(lines[1:], starts, strict=True))
    assert sorted(task.rglob("*")) == before


def test_a_dry_run_counts_the_towns_to_render_and_goes_on_with_those_that_are_there(tmp_path: Path) -> None:
    write_towns(tmp_path, [9000, 9001, 30_000], 1)
    config = TrainConfig(data_root=str(tmp_path), train_towns=1, varied_towns=3, validation_towns=2, views_per_town=1)
    with without_rendering(config) as (cut, note):
        assert (cut.train_towns, cut.varied_towns, cut.validation_towns) == (0, 1, 2)
        assert note == "3 of 6 towns have to be rendered first"
    with without_rendering(dataclasses.replace(config, varied_towns=0)) as (cut, note):
        assert (cut.train_towns, cut.varied_towns, cut.validation_towns) == (1, 0, 1)
        assert cut.data_root != config.data_root and note == "1 of 3 towns have to be rendered first"


def test_a_run_is_trained_and_then_only_resumed(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = ("--init", str(task / "tiny"), "--out", str(task / "out"))
    assert run(task, *new) == 0
    assert sorted(path.name for path in (task / "out").iterdir()) == [
        "best.json", "best.safetensors", "last.pt", "log.jsonl"
    ]  # fmt: skip
    assert "to cover 90 %" in capsys.readouterr().out
    assert run(task, *new) == 2
    message = capsys.readouterr().err
    assert message.startswith("geoflow_ros.train: ") and "already holds a run: --resume it" in message
    assert run(task, "--resume", str(task / "out")) == 0
    best = (task / "out" / "best.safetensors").read_bytes()
    (task / "out" / "last.pt").unlink()  # to save room
    assert run(task, *new) == 2
    assert "already holds the best weights of a run" in capsys.readouterr().err
    assert (task / "out" / "best.safetensors").read_bytes() == best


@pytest.mark.parametrize("other", [("--init", "tiny"), ("--out", "new"), ("--dry-run",)])
def test_a_resumed_run_takes_nothing_of_a_new_one(
    task: Path, capsys: pytest.CaptureFixture[str], other: tuple[str, ...]
) -> None:
    """Not in silence: fine-tuned would be other weights, a checked run another one."""
    name, *value = other
    assert run(task, "--resume", str(task / "out"), name, *(str(task / each) for each in value)) == 2
    assert f"{name} with --resume: a run goes on with its own weights" in capsys.readouterr().err


def test_bad_input_is_one_sentence(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task / "towns" / "000000" / "0001_ortho.jpg").write_bytes(b"")
    (task / "towns" / "009000" / "0000_ground.jpg").unlink()
    assert run(task, "--init", str(task / "tiny"), "--out", str(task / "out")) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "1 x missing or empty file (000000/0001_ortho.jpg)" in message
    assert not (task / "out").exists()


def test_weights_of_another_network_are_refused(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (task / "train.yaml").open("a") as file:
        file.write("model: paper\n")
    assert run(task, "--init", str(task / "tiny")) == 2
    assert "is a 'default' network, the config trains 'paper'" in capsys.readouterr().err


class HalfSeen:
    """Samples of which the second half lies beyond the imagery, a quarter of each of those."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(patch=SimpleNamespace(missing=0.25 * (index >= 50)))


def test_missing_imagery_is_told_of_the_whole_of_the_data() -> None:
    data: Any = HalfSeen()
    assert missing_share(TrainingData(data, data)) == pytest.approx(0.125)
