"""Networks exported for other runtimes, kept between runs under the hash of all that they were made from."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

import geoflow_ros

SOURCES = Path(geoflow_ros.__file__).parent / "model"
"""All code that says what a network computes, and how it is exported."""
Write = Callable[[Path], None]
"""Writes files into a folder."""


def cache_folder() -> Path:
    """Where exported networks are kept: $XDG_CACHE_HOME/geoflow_ros, by default in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geoflow_ros"


def fingerprint(network: nn.Module, *facts: object) -> str:
    """Hash of the network's weights, structure and source code, the versions of torch and this package, other facts."""
    digest = hashlib.sha256(repr((torch.__version__, geoflow_ros.__version__, str(network), facts)).encode())
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(repr((path.relative_to(SOURCES).as_posix(), path.read_bytes())).encode())
    for name, entry in network.state_dict().items():
        digest.update(name.encode())
        digest.update(entry.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


@contextlib.contextmanager
def artefact(name: str, write: Write) -> Iterator[Path]:
    """The folder `name` of the cache, written now if it is not there; a passing one where the cache cannot be written.

    It appears whole or not at all, and another process may write the same at the same time.
    """
    kept = cache_folder() / name
    if kept.is_dir():
        yield kept
        return
    with _workplace(kept.parent) as made:
        write(made)
        try:
            made.rename(kept)
        except OSError:
            yield made
        else:
            yield kept


def forget(name: str) -> None:
    """Remove an artefact that turned out to be wrong."""
    shutil.rmtree(cache_folder() / name, ignore_errors=True)


@contextlib.contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """A new folder beside the artefacts, so that it can become one; elsewhere if there it cannot be made."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".part-", dir=parent))
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="geoflow_ros-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
