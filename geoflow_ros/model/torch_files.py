"""Files that torch.save wrote, read without executing anything of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import torch

from geoflow_ros.errors import InputError

NOT_ALLOWED = re.compile(r"GLOBAL (\S+)")
HARMLESS = ("argparse.", "pathlib.", "numpy.")
NUMBERS = "?bhilqBHILQefdFD"
"""NumPy's types of numbers, by letter."""
NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
"""How files of NumPy 1 and 2 call it."""


def read_torch_file(path: Path, remedy: str) -> Any:
    """The numbers, texts, tensors and their containers in a file, on the CPU; an InputError ends in `remedy`.

    Nothing else is unpickled but what published checkpoints carry and what runs no code: argparse.Namespace, paths, and
    NumPy's numbers and arrays.
    """
    try:
        with _harmless_allowed():
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except Exception as error:  # damaged bytes end torch's restricted unpickler with whatever it stumbles over
        raise InputError(f"{path} is not a readable PyTorch file ({_reason(error)}): {remedy}") from error


def _reason(error: Exception) -> str:
    """Torch's, without its advice to read files that may run code."""
    text = str(error) or ("it is cut short" if isinstance(error, EOFError) else type(error).__name__)
    refused = NOT_ALLOWED.search(text)
    if refused and refused[1].startswith(HARMLESS) and not hasattr(torch.serialization, "safe_globals"):
        return f"what it has of {refused[1]} takes torch 2.5 or later, this is {torch.__version__}"
    if refused:
        return f"it has {refused[1]} in it, which is no number, text or tensor and may run code"
    text = text.partition("WeightsUnpickler error: ")[2].strip() or text
    return " ".join(text.partition("\n")[0].split()).rstrip(".")


def _harmless_allowed() -> AbstractContextManager[Any]:
    """Within it torch reads them; torch before 2.5 cannot be told so, and refuses a file that has one."""
    allow = getattr(torch.serialization, "safe_globals", None)
    return allow([argparse.Namespace, PosixPath, *_of_numpy()]) if allow else nullcontext()


def _of_numpy() -> list[Callable[..., Any]]:
    """What makes numbers and arrays: a training's best metric is a mean, and so a number of NumPy's."""
    makers: list[Any] = [np.float64(0).__reduce__()[0], np.empty(0).__reduce__()[0]]
    named = [_named(maker, module) for maker in makers for module in NUMPY_MODULES]
    return [np.dtype, np.ndarray, *{type(np.dtype(letter)) for letter in NUMBERS}, *named]


def _named(maker: Callable[..., Any], module: str) -> Callable[..., Any]:
    """The same, as a file may call it."""

    def make(*arguments: Any) -> Any:
        return maker(*arguments)

    make.__module__, make.__name__, make.__qualname__ = module, maker.__name__, maker.__name__
    return make
