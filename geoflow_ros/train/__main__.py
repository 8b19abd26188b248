"""Command line of training: `python -m geoflow_ros.train --config config/train/town.yaml`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from geoflow_ros.cli import prepare_folder, run
from geoflow_ros.errors import InputError
from geoflow_ros.train.covariance_calibration import calibrate_checkpoint
from geoflow_ros.train.dryrun import forecast, without_rendering
from geoflow_ros.train.processes import DEVICES, Processes, joined
from geoflow_ros.train.runlog import RunLog
from geoflow_ros.train.sources import open_data
from geoflow_ros.train.train_config import TrainConfig, read_config
from geoflow_ros.train.trainable import new_model
from geoflow_ros.train.trainer import Trainer

DEFAULT_OUT = Path("out/train")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.train",
        description="Train a network on generated towns, KITTI, VIGOR or recorded drives.",
        epilog="Several processes: torchrun --nproc-per-node 2 -m geoflow_ros.train ... (each takes `batch` samples).",
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train/")
    parser.add_argument("--data.root", dest="data_root", help="folder of the data, instead of the config's data_root")
    parser.add_argument("--out", type=Path, help=f"folder of a new run (default: {DEFAULT_OUT})")
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="fine-tune these weights")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="continue the run in this folder")
    parser.add_argument("--dry-run", action="store_true", help="check the data, take one step, say what a run takes")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: a GPU if any)")
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard's event files into the folder")
    return run(parser, _train, argv)


def _train(arguments: argparse.Namespace) -> None:
    if arguments.resume is not None:
        _refuse_others(arguments)
    overrides: dict[str, Any] = {} if arguments.data_root is None else {"data_root": arguments.data_root}
    config = read_config(arguments.config, overrides)
    # Halves the cost of small fp32 products where the processor has bf16; the weights stay fp32.
    torch.set_float32_matmul_precision("medium")
    with joined(arguments.device) as processes:
        if arguments.dry_run:
            _dry_run(config, arguments.init, processes)
        else:
            _fit(config, arguments, processes)


def _refuse_others(arguments: argparse.Namespace) -> None:
    """InputError where a run that is resumed is told to begin, too."""
    others = {"--init": arguments.init, "--out": arguments.out, "--dry-run": arguments.dry_run}
    if given := [name for name, value in others.items() if value]:
        raise InputError(
            f"{', '.join(given)} with --resume: a run goes on with its own weights in its folder; leave out the one "
            "or the other"
        )


def _fit(config: TrainConfig, arguments: argparse.Namespace, processes: Processes) -> None:
    folder = arguments.resume or arguments.out or DEFAULT_OUT
    if arguments.resume:
        trainer = Trainer.resume(config, folder, processes)
    else:
        trainer = Trainer.start(config, folder, arguments.init, processes)
    with processes.first_goes_first():
        data = open_data(config, trainer.model.config)
    if not processes.is_first:
        trainer.fit(data)
        return
    print(f"{data}, on {processes.count} x {processes.device.type}")
    prepare_folder(folder)
    with contextlib.closing(RunLog(folder, trainer.step, arguments.tensorboard)) as log:
        trainer.fit(data, log)
    factors = calibrate_checkpoint(folder / "best", data.validation)
    print(f"best validation error {trainer.best:.2f} m: {folder / 'best.safetensors'}")
    print(f"variances scaled by {factors[0]:.2f} (position) and {factors[1]:.2f} (heading) to cover 90 %")


def _dry_run(config: TrainConfig, initial: Path | None, processes: Processes) -> None:
    model = new_model(config, initial)
    cut = without_rendering(config) if config.source == "town" else contextlib.nullcontext((config, ""))
    with cut as (part, note):
        data = open_data(part, model.config)
        if processes.is_first:
            print("; ".join(filter(None, (f"{data}: every file is there", note))))
        # Without loader processes, so that loading a batch and learning from it are timed apart.
        learning = Trainer(dataclasses.replace(part, workers=0), Path(), model, processes)
        text = forecast(learning, data).text(config)
        if processes.is_first:
            print(text)


if __name__ == "__main__":
    raise SystemExit(main())
