from __future__ import annotations

import dataclasses
import json
import math
import signal
import sys
from pathlib import Path

import pytest
import torch
from small_disk import disk_of
from training_support import CONFIG, NOISE, tiny_network

from geoflow_ros.errors import InputError
from geoflow_ros.train.batches import Batch, swapped
from geoflow_ros.train.objective import Losses, Objective
from geoflow_ros.train.runlog import RunLog, Stopwatch
from geoflow_ros.train.state import read_state
from geoflow_ros.train.trainable import trunks
from geoflow_ros.train.trainer import Trainer


def trainer_in(folder: Path) -> Trainer:
    folder.mkdir(exist_ok=True)
    return Trainer(CONFIG, folder, tiny_network())


def first_batches(trainer: Trainer, count: int) -> list[Batch]:
    return list(trainer.stream(NOISE.training, range(count)))


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = trainer_in(tmp_path / "whole")
    whole.fit(NOISE, RunLog(whole.folder, 0, tensorboard=False))
    killed = trainer_in(tmp_path / "killed")
    log = RunLog(killed.folder, 0, tensorboard=False)
    for batch in first_batches(killed, 3):
        killed.train_step(batch)
    killed.save()
    log.write(3, {"loss": 1.0})
    log.write(4, {"loss": 2.0})  # a step after the one that was saved
    with (killed.folder / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    resumed = Trainer.resume(CONFIG, killed.folder)
    assert resumed.step == 3
    resumed.fit(NOISE, RunLog(killed.folder, resumed.step, tensorboard=False))
    ours, theirs = resumed.average.state_dict(), whole.average.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (killed.folder / "best.safetensors").exists()
    assert [line["step"] for line in lines(killed.folder)] == [3, 4, 4]
    expected, got = (next(line for line in lines(each.folder) if line["step"] == 4) for each in (whole, resumed))
    assert got["loss"] == expected["loss"]


def test_the_log_says_how_the_run_goes(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    trainer.fit(NOISE, RunLog(tmp_path, 0, tensorboard=False))
    steps = [line for line in lines(tmp_path) if "loss" in line]
    validations = [line for line in lines(tmp_path) if "validation_mean_m" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4] and [line["step"] for line in validations] == [2, 4]
    assert min(line["validation_mean_m"] for line in validations) == trainer.best
    for line in steps:
        expected = CONFIG.flow_weight * line["flow"] + line["place"] + line["pairing"]
        assert line["loss"] == pytest.approx(expected, rel=1e-5)
        assert 0.0 < line["data_share"] < 1.0
        assert line["samples_per_s"] == pytest.approx(CONFIG.batch / line["step_s"])
    assert steps[0]["learning_rate"] == pytest.approx(CONFIG.learning_rate)
    assert steps[3]["learning_rate"] < steps[1]["learning_rate"]


def test_tensorboard_shows_the_same_figures(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is an extra"
    )
    log = RunLog(tmp_path, 0, tensorboard=True)
    log.write(7, {"loss": 1.5})
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(7, 1.5)]


def test_tensorboard_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install .*\[train\]"):
        RunLog(tmp_path, 0, tensorboard=True)


def test_the_pace_tells_waiting_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 1.5, 3.0, 3.5, 4.0, 4.0])
    monkeypatch.setattr("geoflow_ros.train.runlog.time.perf_counter", lambda: next(clock))
    watch = Stopwatch()  # at 0
    for _ in range(2):  # from 1 to 1.5, from 3 to 3.5
        with watch.waiting():
            pass
    pace = watch.lap()  # at 4
    assert (pace.step_s, pace.data_share) == (2.0, 0.25)


def test_the_frozen_part_of_the_trunk_does_not_learn(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    trunk = trunks(trainer.model)[0]
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    for batch in first_batches(trainer, 2):
        trainer.train_step(batch)
    changed = {name for name, value in trunk.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(("blocks.3.", "blocks.4.")) and "conv_dw" not in name for name in changed)


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_samples(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    good, bad = first_batches(trainer, 2)
    trainer.train_step(good)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    with pytest.raises(InputError, match=f"loss is nan .* at step 1, samples {', '.join(bad.keys)}: .*last.pt"):
        trainer.train_step(dataclasses.replace(bad, truth=bad.truth * math.nan))
    saved = read_state(tmp_path / "last.pt")
    assert saved["step"] == 1
    learnt = [name for name, _ in trainer.model.named_parameters()]
    assert all(torch.equal(saved["model"][name], before[name]) for name in learnt)


def test_invalid_statistics_are_not_saved(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    (batch,) = first_batches(trainer, 1)
    assert batch.lift is not None
    trainer.save()
    saved = (tmp_path / "last.pt").read_bytes()
    with torch.no_grad():
        next(trainer.model.parameters()).mul_(math.nan)
    with pytest.raises(InputError, match="of an earlier step"):
        trainer.train_step(batch)
    assert (tmp_path / "last.pt").read_bytes() == saved


@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_ends_the_step_and_leaves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    config = dataclasses.replace(CONFIG, workers=workers)
    trainer = Trainer(config, tmp_path, tiny_network())
    step = trainer._set_learning_rate

    def interrupted() -> None:  # in the middle of the second step
        if trainer.step == 1:
            signal.raise_signal(signal.SIGINT)
        step()

    monkeypatch.setattr(trainer, "_set_learning_rate", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(NOISE)
    resumed = Trainer.resume(config, tmp_path)
    assert resumed.step == 2
    uninterrupted = trainer_in(tmp_path / "whole")
    for batch in first_batches(uninterrupted, 2):
        uninterrupted.train_step(batch)
    ours, theirs = resumed.model.state_dict(), uninterrupted.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert signal.getsignal(signal.SIGINT) is before  # which a shell may have made to ignore it


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    trainer.save()
    (batch,) = first_batches(trainer, 1)
    trainer.train_step(batch)
    with disk_of(1024), pytest.raises(InputError, match="last.pt cannot be written: File too large"):
        trainer.save()
    assert Trainer.resume(CONFIG, tmp_path).step == 0
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_full_disk_is_told_by_the_log(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0, tensorboard=False)
    with disk_of(1024), pytest.raises(InputError, match="log.jsonl cannot be written .File too large.: free some disk"):
        log.write(1, {f"figure_{index}": 0.0 for index in range(200)})


def test_another_config_does_not_resume(tmp_path: Path) -> None:
    trainer_in(tmp_path).save()
    with pytest.raises(InputError, match="another learning_rate"):
        Trainer.resume(dataclasses.replace(CONFIG, learning_rate=1.0), tmp_path)


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    trainer_in(tmp_path).save()
    with pytest.raises(InputError, match="already holds a run: --resume it"):
        Trainer.start(CONFIG, tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist: nothing to resume"),
        (b"", "is not a readable PyTorch file"),
        (b"PK\3\4 cut off", "is not a readable PyTorch file"),
    ],
)
def test_what_is_no_saved_run_is_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        Trainer.resume(CONFIG, tmp_path)


def test_a_saved_run_of_another_version_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {}, "step": 3}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="lacks model_config, average, .*another version"):
        Trainer.resume(CONFIG, tmp_path)


def test_neighbours_are_the_wrong_pairs_whoever_shares_the_batch() -> None:
    assert swapped(4).tolist() == [1, 0, 3, 2] and swapped(5).tolist() == [1, 0, 3, 2] and swapped(1).tolist() == []
    assert swapped(2).tolist() == (swapped(4)[2:] - 2).tolist()


def test_the_loss_of_a_batch_is_the_mean_of_its_halves(tmp_path: Path) -> None:
    trainer = Trainer(dataclasses.replace(CONFIG, batch=4), tmp_path, tiny_network())
    trainer.model.eval()  # batch statistics are the other thing that a half does not share
    objective = Objective(trainer.model, CONFIG)
    (batch,) = first_batches(trainer, 1)

    def part(rows: slice) -> Losses:
        tensors = {name: getattr(batch, name)[rows] for name in ("ground", "satellite", "lift", "truth", "hypotheses")}
        losses: Losses = objective(dataclasses.replace(batch, **tensors))
        return losses

    whole, first, second = part(slice(4)), part(slice(2)), part(slice(2, 4))
    for name in ("total", "flow", "pose_nll", "pairing"):
        mean = (getattr(first, name) + getattr(second, name)) / 2
        assert getattr(whole, name).item() == pytest.approx(mean.item(), rel=1e-5)
    assert whole.pairing.item() > 0.0


def test_pairing_can_be_left_out(tmp_path: Path) -> None:
    trainer = Trainer(dataclasses.replace(CONFIG, pairing_weight=0.0), tmp_path, tiny_network())
    (batch,) = first_batches(trainer, 1)
    assert trainer.train_step(batch).pairing == 0.0
