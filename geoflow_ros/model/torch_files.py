"""Files that torch.save wrote, read without executing anything of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from geoflow_ros.errors import InputError


def read_torch_file(path: Path, remedy: str) -> Any:
    """The numbers, texts, tensors and their containers in a file, on the CPU; an InputError ends in `remedy`.

    Nothing else is unpickled but argparse.Namespace, which published checkpoints carry and which runs no code.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except Exception as error:  # damaged bytes end torch's restricted unpickler with whatever it stumbles over
        reason = " ".join(str(error).partition("\n")[0].split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path} is not a readable PyTorch file ({reason}): {remedy}") from error
