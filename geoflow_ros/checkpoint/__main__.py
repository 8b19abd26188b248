"""Make, import, average, quantize and inspect checkpoints: `python -m geoflow_ros.checkpoint COMMAND`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from geoflow_ros import cli
from geoflow_ros.checkpoint.quantizing import FRAMES, quantize_checkpoint
from geoflow_ros.errors import InputError
from geoflow_ros.model import encoder, weights
from geoflow_ros.model.averaging import mean_of
from geoflow_ros.model.config import CONFIGS
from geoflow_ros.model.encoder import EfficientNetLite0
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.released import import_released
from geoflow_ros.resources import share_file


def new(arguments: argparse.Namespace) -> None:
    """Write an untrained network."""
    torch.manual_seed(arguments.seed)
    model = weights.build(CONFIGS[arguments.config]())
    if arguments.pretrained:
        load_pretrained(model)
    save(model, arguments.out, {"origin": "untrained", "seed": arguments.seed, "pretrained": arguments.pretrained})


def load_pretrained(model: LocalizationModel) -> None:
    """Fill the network's trunks with ImageNet weights."""
    trunks = [module for module in model.modules() if isinstance(module, EfficientNetLite0)]
    if not trunks:
        raise InputError(
            f"--pretrained with config {model.config.name!r}: no package carries ImageNet weights for its trunks, "
            "leave the option out"
        )
    for trunk in trunks:
        encoder.load_pretrained(trunk)


def import_(arguments: argparse.Namespace) -> None:
    """Turn a checkpoint of the authors' released format into ours."""
    save(import_released(arguments.theirs), arguments.out, {"origin": f"imported from {arguments.theirs.name}"})


def mean(arguments: argparse.Namespace) -> None:
    """Average networks that were trained from the same start."""
    paths = arguments.checkpoints
    shares = arguments.shares or [1.0 / len(paths)] * len(paths)
    origin = [f"{share:g} of {weights.read(path)[0].sha256[:12]}" for path, share in zip(paths, shares, strict=False)]
    save(mean_of([weights.load(path) for path in paths], shares), arguments.out, {"mean_of": origin})


def quantize(arguments: argparse.Namespace) -> None:
    """Note in a checkpoint what its convolutions read on drives, for computing in 8 bits."""
    drives = arguments.drive or [share_file("demo")]
    error = quantize_checkpoint(arguments.file, drives, arguments.frames)
    noted = f"{weights.paths(arguments.file)[1]}: input ranges noted"
    print(f"{noted}; in 8 bits the features differ by {error:.1%} of how much they vary over an image")


def save(model: LocalizationModel, out: Path, card: dict[str, object]) -> None:
    """Write the network and say so."""
    info = weights.save(model, out, card)
    print(f"{weights.paths(out)[0]}: {info.config.name}, {info.parameters} parameters, sha256 {info.sha256}")


def info(arguments: argparse.Namespace) -> None:
    """Print what a checkpoint is."""
    found, _ = weights.read(arguments.file)
    if arguments.json:
        values = {**dataclasses.asdict(found), "config": found.config.name, "sizes": dataclasses.asdict(found.config)}
        print(json.dumps(values, indent=2))
    else:
        print(f"config      {found.config.name}\nparameters  {found.parameters}\nsha256      {found.sha256}")
        print(f"8 bits      {'ready' if found.ranges else 'needs `python -m geoflow_ros.checkpoint quantize`'}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="geoflow_ros.checkpoint", description="Make, import, average, quantize and inspect checkpoints."
    )
    commands = root.add_subparsers(required=True, metavar="{new,import,mean,quantize,info}")
    command = commands.add_parser("new", help="write an untrained network")
    command.add_argument("--config", choices=tuple(CONFIGS), required=True)
    command.add_argument("out", type=Path, metavar="OUT", help="OUT.safetensors and OUT.json are written")
    command.add_argument("--seed", type=int, default=0, help="of the random weights (default 0)")
    command.add_argument("--pretrained", action="store_true", help="fill the trunks with ImageNet weights")
    command.set_defaults(command=new)
    command = commands.add_parser("import", help="turn a checkpoint of the GeoFlow authors' format into ours")
    command.add_argument("theirs", type=Path, metavar="THEIRS.pth")
    command.add_argument("out", type=Path, metavar="OUT", help="OUT.safetensors and OUT.json are written")
    command.set_defaults(command=import_)
    command = commands.add_parser("mean", help="average checkpoints that were trained from the same start")
    command.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    command.add_argument("--out", type=Path, required=True, help="OUT.safetensors and OUT.json are written")
    command.add_argument("--shares", type=float, nargs="+", help="of each, adding up to 1 (default: equal ones)")
    command.set_defaults(command=mean)
    command = commands.add_parser("quantize", help="note what the convolutions read, for the runtime openvino-int8")
    command.add_argument("file", type=Path, metavar="FILE", help="either file of the pair; the JSON file is rewritten")
    command.add_argument("--drive", type=Path, nargs="+", metavar="DRIVE", help="folders of drives (default: the demo)")
    command.add_argument("--frames", type=cli.positive, default=FRAMES, help="of each drive (%(default)s)")
    command.set_defaults(command=quantize)
    command = commands.add_parser("info", help="print what a checkpoint is, after checking it")
    command.add_argument("file", type=Path, metavar="FILE", help="either file of the pair")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(command=info)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(parser(), lambda arguments: arguments.command(arguments), argv)


if __name__ == "__main__":
    sys.exit(main())
