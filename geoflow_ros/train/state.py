"""What a killed run resumes from: `last.pt` in its folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from geoflow_ros.errors import InputError
from geoflow_ros.model.torch_files import read_torch_file
from geoflow_ros.whole_files import replace_files

KEYS = ("model_config", "model", "average", "optimiser", "step", "best", "config")
HEADS = "heads"
"""Key of what only the training has, in runs that have such a thing."""


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the state; a full disk or a kill leaves the old file whole."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    replace_files({path: buffer.getvalue()})


def read_state(path: Path) -> dict[str, Any]:
    """The state that `write_state` wrote, on the CPU."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: nothing to resume from")
    state = read_torch_file(path, "start anew in another folder")
    if not isinstance(state, dict):
        raise InputError(f"{path} is not a saved run but holds a {type(state).__name__}: start anew in another folder")
    if missing := [key for key in KEYS if key not in state]:
        raise InputError(f"{path} lacks {', '.join(missing)}: it was saved by another version, start anew")
    return state
