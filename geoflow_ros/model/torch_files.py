"""Files that torch.save wrote, read without executing anything of them."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from geoflow_ros.errors import InputError


def read_torch_file(path: Path, remedy: str) -> Any:
    """The numbers, texts, tensors and their containers in a file, on the CPU; an InputError ends in `remedy`.

    Nothing else is unpickled but argparse.Namespace, which published checkpoints carry and which runs no code.
    """
    try:
        with _namespaces_allowed():
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except Exception as error:  # damaged bytes end torch's restricted unpickler with whatever it stumbles over
        reason = " ".join(str(error).partition("\n")[0].split()).rstrip(".") or type(error).__name__
        if not hasattr(torch.serialization, "safe_globals") and "argparse.Namespace" in str(error):
            reason = f"what it has of argparse takes torch 2.5 or later, this is {torch.__version__}"
        raise InputError(f"{path} is not a readable PyTorch file ({reason}): {remedy}") from error


def _namespaces_allowed() -> AbstractContextManager[Any]:
    """Within it torch reads argparse.Namespace; torch before 2.5 cannot be told so, and refuses a file that has one."""
    allow = getattr(torch.serialization, "safe_globals", None)
    return allow([argparse.Namespace]) if allow else nullcontext()
