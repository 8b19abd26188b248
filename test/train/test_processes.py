"""Runs in processes of their own: killed and resumed, and shared by two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from paths import REPOSITORY
from training_support import CONFIG, tiny_network, write_towns

from geoflow_ros.errors import InputError
from geoflow_ros.model.weights import save
from geoflow_ros.train.__main__ import main
from geoflow_ros.train.processes import choose_device

KILLED_AT = 5
KILLED_RUN = f"""
import os, signal, sys
from geoflow_ros.train.__main__ import main
from geoflow_ros.train.trainer import Trainer
step = Trainer.train_step
def dying(self, batch):
    if self.step == {KILLED_AT}:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch)
Trainer.train_step = dying
main(sys.argv[1:])
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A folder with towns, a tiny network to start from, and two configs that differ in the batch."""
    write_towns(tmp_path / "towns", [0, 9000], 4)
    save(tiny_network(), tmp_path / "tiny")
    values = asdict(CONFIG) | {
        "data_root": str(tmp_path / "towns"), "train_towns": 1, "validation_towns": 1, "views_per_town": 4,
        "steps": 6, "validate_every": 6, "save_every": 2,
    }  # fmt: skip
    for key in ("area", "corrected_labels", "semi_positives", "validation_share", "validation_drive"):
        del values[key]  # not of towns
    for batch in (2, 4):
        (tmp_path / f"batch_{batch}.yaml").write_text(yaml.safe_dump(values | {"batch": batch}))
    return tmp_path


def arguments(task: Path, batch: int, *more: str) -> list[str]:
    return ["--config", str(task / f"batch_{batch}.yaml"), "--device", "cpu", *more]


def new_run(task: Path, batch: int, out: str) -> list[str]:
    return arguments(task, batch, "--init", str(task / "tiny"), "--out", str(task / out))


def python(*command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def state_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "last.pt", weights_only=True)
    return state


def losses_of(folder: Path) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(task: Path) -> None:
    killed = python("-c", KILLED_RUN, *new_run(task, 2, "killed"))
    assert killed.returncode == -9, killed.stderr
    assert state_of(task / "killed")["step"] == 4 and losses_of(task / "killed")[-1][0] == KILLED_AT
    whole, resumed = new_run(task, 2, "whole"), arguments(task, 2, "--resume", str(task / "killed"))
    both = python(
        "-c", f"from geoflow_ros.train.__main__ import main\nassert main({whole}) == 0 and main({resumed}) == 0"
    )
    assert both.returncode == 0, both.stderr
    ours, theirs = state_of(task / "killed"), state_of(task / "whole")
    assert ours["step"] == theirs["step"] == 6
    for part in ("model", "average"):
        assert all(torch.equal(ours[part][name], value) for name, value in theirs[part].items())
    assert losses_of(task / "killed") == losses_of(task / "whole")
    assert (task / "killed" / "best.safetensors").read_bytes() == (task / "whole" / "best.safetensors").read_bytes()


def test_two_processes_are_one_with_the_doubled_batch(task: Path) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    shared = python(*torchrun, "-m", "geoflow_ros.train", *new_run(task, 2, "two"))
    assert shared.returncode == 0, shared.stderr
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert main(new_run(task, 4, "one")) == 0
    torch.set_num_threads(threads)
    for (step, ours), (same, theirs) in zip(losses_of(task / "two"), losses_of(task / "one"), strict=True):
        assert step == same and ours == pytest.approx(theirs, rel=1e-3)
    ours, theirs = state_of(task / "two")["model"], state_of(task / "one")["model"]
    start = tiny_network().state_dict()
    for name, value in theirs.items():
        moved, apart = (value - start[name]).float().norm(), (value - ours[name]).float().norm()
        assert apart <= 0.05 * moved, (
            name
        )  # Adam makes steps of a weight's size of rounding, too, where the gradient is nil


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="there is a GPU to choose")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert choose_device("auto", 0) == choose_device("cpu", 3) == torch.device("cpu")
    with pytest.raises(InputError, match="process 0 has no GPU, 0 were found: .* --device cpu"):
        choose_device("cuda", 0)
