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
from geoflow_ros.train.processes import choose_device
from geoflow_ros.train.train_config import SOURCE_KEYS

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

GRADIENT_RUN = """
import sys, torch
from geoflow_ros.train.__main__ import main
from geoflow_ros.train.trainer import Trainer
step = Trainer.train_step
def keeping(self, batch):
    losses = step(self, batch)
    if self.processes.is_first:
        learning = ((name, weight) for name, weight in self.model.named_parameters() if weight.grad is not None)
        torch.save({name: weight.grad for name, weight in learning}, self.folder / "gradients.pt")
    return losses
Trainer.train_step = keeping
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A folder with towns, a tiny network to start from, and two configs that differ in the batch."""
    write_towns(tmp_path / "towns", [0, 9000], 4, heights=True)
    save(tiny_network(), tmp_path / "tiny")
    values = asdict(CONFIG) | {
        "data_root": str(tmp_path / "towns"), "train_towns": 1, "validation_towns": 1, "views_per_town": 4,
        "steps": 6, "validate_every": 6, "save_every": 2, "height_weight": 0.2,
    }  # fmt: skip
    for key in {key for keys in SOURCE_KEYS.values() for key in keys} - set(SOURCE_KEYS["town"]):
        del values[key]
    for batch in (2, 4):
        (tmp_path / f"batch_{batch}.yaml").write_text(yaml.safe_dump(values | {"batch": batch}))
    return tmp_path


def arguments(task: Path, batch: int, *more: str) -> list[str]:
    return ["--config", str(task / f"batch_{batch}.yaml"), "--device", "cpu", *more]


def new_run(task: Path, batch: int, out: str) -> list[str]:
    return arguments(task, batch, "--init", str(task / "tiny"), "--out", str(task / out))


def python(*command: str) -> subprocess.CompletedProcess[str]:
    # Whatever the machine is told to round products to, these runs are about single precision.
    exact = {"ONEDNN_DEFAULT_FPMATH_MODE": "STRICT", "DNNL_DEFAULT_FPMATH_MODE": "STRICT"}
    environment = os.environ | exact | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
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


def gradients_of(folder: Path) -> dict[str, torch.Tensor]:
    gradients: dict[str, torch.Tensor] = torch.load(folder / "gradients.pt", weights_only=True)
    return gradients


def test_two_processes_learn_from_a_step_what_one_does_with_the_doubled_batch(task: Path) -> None:
    """Its gradient, not the weights after it: Adam makes whole steps of rounding where the gradient is nil."""
    for config in task.glob("batch_*.yaml"):
        config.write_text(config.read_text().replace("steps: 6", "steps: 1"))
    program = task / "gradient_run.py"
    program.write_text(GRADIENT_RUN)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in ([*torchrun, str(program), *new_run(task, 2, "two")], [str(program), *new_run(task, 4, "one")]):
        run = python(*command)
        assert run.returncode == 0, run.stderr
    assert losses_of(task / "two") == [(1, pytest.approx(losses_of(task / "one")[0][1], rel=1e-5))]
    ours, theirs = gradients_of(task / "two"), gradients_of(task / "one")
    assert ours.keys() == theirs.keys() and len(theirs) > 50
    whole = torch.cat([value.flatten() for value in theirs.values()]).norm()
    for name, value in theirs.items():
        # What batch normalisation takes away again has a gradient of rounding only.
        assert (ours[name] - value).norm() <= 1e-4 * value.norm() + 1e-6 * whole, name


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="there is a GPU to choose")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert choose_device("auto", 0) == choose_device("cpu", 3) == torch.device("cpu")
    with pytest.raises(InputError, match="process 0 has no GPU, 0 were found: .* --device cpu"):
        choose_device("cuda", 0)
