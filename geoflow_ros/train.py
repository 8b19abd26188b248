"""Command line of training: `python -m geoflow_ros.train --config config/train/town.yaml`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from geoflow_ros.cli import run
from geoflow_ros.datasets.town import TRAIN_SEEDS, VALIDATION_SEEDS, TownSamples
from geoflow_ros.training.calibration import calibrate_checkpoint
from geoflow_ros.training.config import TrainConfig, read_config
from geoflow_ros.training.trainer import Trainer


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(prog="geoflow_ros.train", description="Train a network on generated towns.")
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train/")
    parser.add_argument("--data.root", dest="data_root", help="folder of the rendered towns (made when missing)")
    parser.add_argument("--out", type=Path, default=Path("out/train"), help="folder of the run's checkpoints")
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="fine-tune these weights")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="continue the run in this folder")
    return run(parser, _train, argv)


def _train(arguments: argparse.Namespace) -> None:
    overrides: dict[str, Any] = {} if arguments.data_root is None else {"data_root": arguments.data_root}
    config = read_config(arguments.config, overrides)
    # Halves the cost of small fp32 products where the processor has bf16; the weights stay fp32.
    torch.set_float32_matmul_precision("medium")
    folder = arguments.resume or arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, folder, arguments.init)
    if arguments.resume:
        trainer.resume()
    validation = _towns(config, trainer, VALIDATION_SEEDS[: config.validation_towns])
    trainer.fit(_towns(config, trainer, TRAIN_SEEDS[: config.train_towns]), validation)
    factors = calibrate_checkpoint(folder / "best", validation)
    print(f"best validation error {trainer.best:.2f} m: {folder / 'best.safetensors'}")
    print(f"variances scaled by {factors[0]:.2f} (position) and {factors[1]:.2f} (heading) to cover 90 %")


def _towns(config: TrainConfig, trainer: Trainer, seeds: range) -> TownSamples:
    model = trainer.model.config
    root = Path(config.data_root)
    return TownSamples(root, seeds, config.views_per_town, model.satellite_px, model.satellite_resolution)


if __name__ == "__main__":
    raise SystemExit(main())
