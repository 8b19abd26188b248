"""Checkpoints of the authors' released format, which name the parts of the network differently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.geoflow import GeoFlow
from geoflow_ros.model.torch_files import read_torch_file
from geoflow_ros.model.weights import fill

PARTS = {  # theirs -> ours; inside a part the names are the same
    "sat_extractor": "satellite_trunk",
    "grd_extractor": "ground_trunk",
    "sat_proj": "satellite_projection",
    "grd_proj": "ground_projection",
    "cross_attention": "attention.attend",
    "coord_proj": "head.coordinates",
    "decoder_r": "head.distance",
    "decoder_theta": "head.direction",
    "decoder_orientation": "head.orientation",
}
ORIENTATION = "head.orientation."


def import_released(path: Path) -> GeoFlow:
    """The network of a released checkpoint, on the CPU, in evaluation mode, computing the same function.

    The file is a dict whose "model" is the state dict, possibly of a DistributedDataParallel wrapper. Nothing in it
    is executed: besides tensors only the argparse.Namespace of the training's options is let through.
    """
    state = {translate(name): entry for name, entry in read_state(path).items()}
    model = GeoFlow(PaperConfig(orientation_head=any(name.startswith(ORIENTATION) for name in state)))
    fill(model, state, path)
    return model.eval()


def translate(name: str) -> str:
    """Our name of one of their entries; a name not theirs is left as it is."""
    part, dot, rest = name.removeprefix("module.").partition(".")
    return PARTS.get(part, part) + dot + rest


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The state dict in the file, under their names."""
    content = read_torch_file(path, "give a checkpoint as the authors' training saves it")
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(entry, Tensor) for entry in state.values()):
        raise InputError(f"{path} is not a released GeoFlow checkpoint: expected a dict with the state dict as 'model'")
    return state
