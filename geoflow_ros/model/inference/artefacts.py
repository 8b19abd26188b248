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


def cache_folder() -> Path | None:
    """Where exported networks are kept: $XDG_CACHE_HOME/geoflow_ros, by default in ~/.cache; None without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geoflow_ros"
    except RuntimeError:  # of a user without a name, as containers have it
        return None


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
    folder = cache_folder()
    kept = None if folder is None else folder / name
    if kept is not None and os.path.isdir(kept):  # Path's own raises in another user's home
        yield kept
        return
    with _workplace(folder) as made:
        write(made)
        yield made if kept is None or not _has_moved(made, kept) else kept


def forget(name: str) -> None:
    """Remove an artefact that turned out to be wrong."""
    if (folder := cache_folder()) is not None:
        shutil.rmtree(folder / name, ignore_errors=True)


def _has_moved(made: Path, kept: Path) -> bool:
    try:
        made.rename(kept)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _workplace(parent: Path | None) -> Iterator[Path]:
    """A new folder beside the artefacts, so that it can become one; elsewhere if there it cannot be made."""
    folder = None if parent is None else _made_in(parent)
    folder = Path(tempfile.mkdtemp(prefix="geoflow_ros-")) if folder is None else folder
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made_in(parent: Path) -> Path | None:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".part-", dir=parent))
    except OSError:
        return None
