"""Networks on disk: NAME.safetensors holds the weights, NAME.json beside it what they are.

Either file of the pair, or NAME alone, names a checkpoint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import ModelConfig, PaperConfig, config_from_dict
from geoflow_ros.model.geoflow import GeoFlow
from geoflow_ros.model.interface import InputRange, LocalizationModel
from geoflow_ros.structured_text import parse_json
from geoflow_ros.whole_files import replace_files

FORMAT = 1  # raised when an older version could no longer read what is written
NAMED_KEYS = 3  # of those that do not fit, so many are named in a message


@dataclass(frozen=True, slots=True)
class InputRanges:
    """What convolutions read at least and at most, by name. sha256: of the weights file that this holds for."""

    sha256: str
    by_name: Mapping[str, InputRange]


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What is known of a checkpoint. sha256: of the weights file. card: free facts, such as how it was trained.

    input_ranges: what the network's convolutions read, if it was quantized.
    """

    config: ModelConfig
    parameters: int
    sha256: str
    card: Mapping[str, Any] = field(default_factory=dict)
    input_ranges: InputRanges | None = None

    @property
    def ranges(self) -> Mapping[str, InputRange] | None:
        """The input ranges, unless they are of other weights."""
        known = self.input_ranges
        return known.by_name if known is not None and known.sha256 == self.sha256 else None


def build(config: ModelConfig) -> LocalizationModel:
    """An untrained network of this config."""
    if isinstance(config, PaperConfig):
        return GeoFlow(config)
    from geoflow_ros.model.matchflow import MatchFlow

    return MatchFlow(config)


def count_parameters(model: LocalizationModel) -> int:
    """Learned numbers of the network."""
    return sum(parameter.numel() for parameter in model.parameters())


def paths(path: Path) -> tuple[Path, Path]:
    """The weights and the JSON file of the checkpoint that `path` names."""
    stem = path.with_suffix("") if path.suffix in (".safetensors", ".json") else path
    return stem.with_name(stem.name + ".safetensors"), stem.with_name(stem.name + ".json")


def save(model: LocalizationModel, path: Path, card: Mapping[str, Any] | None = None) -> CheckpointInfo:
    """Write the pair of files; an older pair of that name stays whole if the disk is full or the path is bad."""
    # copies, because safetensors takes neither channels-last weights nor a GPU's
    weights = safetensors.torch.save({name: entry.cpu().contiguous() for name, entry in model.state_dict().items()})
    info = CheckpointInfo(model.config, count_parameters(model), hashlib.sha256(weights).hexdigest(), card or {})
    replace_files(dict(zip(paths(path), (weights, _described(info)), strict=True)))
    return info


def save_ranges(path: Path, by_name: Mapping[str, InputRange]) -> None:
    """Note in a checkpoint what its network's convolutions read."""
    info, _ = read(path)
    rounded = {name: (float(f"{low:.4g}"), float(f"{high:.4g}")) for name, (low, high) in by_name.items()}
    info = dataclasses.replace(info, input_ranges=InputRanges(info.sha256, rounded))
    replace_files({paths(path)[1]: _described(info)})


def _described(info: CheckpointInfo) -> bytes:
    return (json.dumps({"format": FORMAT, **dataclasses.asdict(info)}, indent=2) + "\n").encode()


def load(path: Path) -> LocalizationModel:
    """The saved network, on the CPU, in evaluation mode."""
    info, weights = read(path)
    weights_path, info_path = paths(path)
    try:
        state = safetensors.torch.load(weights)
    except SafetensorError as error:
        raise InputError(f"{weights_path} is not a safetensors file ({error})") from error
    try:
        model = build(info.config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{info_path}: no network can be built from its config ({error})") from error
    fill(model, state, weights_path)
    model.input_ranges = info.ranges
    return model.eval()


def read(path: Path) -> tuple[CheckpointInfo, bytes]:
    """What the JSON file says of a checkpoint, and the content of the weights file, checked to belong together."""
    weights_path, info_path = paths(path)
    info = parse_info(read_bytes(info_path), info_path)
    weights = read_bytes(weights_path)
    if (found := hashlib.sha256(weights).hexdigest()) != info.sha256:
        raise InputError(
            f"{weights_path} has sha256 {found[:12]}..., {info_path.name} says {info.sha256[:12]}...: "
            "the file is damaged or belongs to another checkpoint, copy both again"
        )
    return info, weights


def read_bytes(path: Path) -> bytes:
    """Content of one file of a checkpoint."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"checkpoint file {path} cannot be read ({error.strerror}): expected a .safetensors and a .json "
            "as written by geoflow_ros.checkpoint"
        ) from error


def parse_info(content: bytes, path: Path) -> CheckpointInfo:
    """The JSON file's content."""
    try:
        values = parse_json(content)
        if values["format"] != FORMAT:
            raise InputError(f"{path} has format {values['format']!r}, this version reads {FORMAT}: update geoflow_ros")
        config = config_from_dict(values["config"])
        ranges = _input_ranges(values.get("input_ranges"))
        return CheckpointInfo(config, int(values["parameters"]), str(values["sha256"]), values["card"], ranges)
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} does not describe a checkpoint ({type(error).__name__}: {error})") from error


def _input_ranges(values: Any) -> InputRanges | None:
    if values is None:
        return None
    by_name = {str(name): (float(low), float(high)) for name, (low, high) in values["by_name"].items()}
    for name, (low, high) in by_name.items():
        if not -math.inf < low <= 0.0 <= high < math.inf:
            raise ValueError(f"input range {low:g}..{high:g} of {name}, expected finite numbers around 0")
    return InputRanges(str(values["sha256"]), by_name)


def fill(model: LocalizationModel, state: Mapping[str, Tensor], source: Path) -> None:
    """Put the entries into the network; any that is missing, left over or of another shape refuses the whole."""
    expected = model.state_dict()
    wrong = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "misshapen": [name for name in expected if name in state and state[name].shape != expected[name].shape],
    }
    if any(wrong.values()):
        raise InputError(f"{source} does not fit the network {model.config.name!r}: {describe(wrong)}")
    model.load_state_dict(dict(state))


def describe(wrong: Mapping[str, list[str]]) -> str:
    """How many keys are wrong in which way, and the first of them."""
    parts = []
    for kind, names in wrong.items():
        if names:
            ellipsis = ", ..." if len(names) > NAMED_KEYS else ""
            parts.append(f"{kind} keys: {len(names)} ({', '.join(names[:NAMED_KEYS])}{ellipsis})")
    return "; ".join(parts)
