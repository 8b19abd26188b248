"""The files that a running node has read, or reads when it is restarted, damaged and mended in their place."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

HEADER = 4096
"""Bytes at the beginning of a tile file that stay: behind them are pages of which none tells what is wrong."""


class DamagedFiles:
    """Those files below a folder that the patterns find when they are damaged.

    deleted: moved away. truncated: to half their length. overwritten: with random bytes at random places. locked: by
    another process that writes, as SQLite does.
    """

    def __init__(self, folder: Path, patterns: Sequence[str]) -> None:
        self._folder, self._patterns = folder, patterns
        self._contents: dict[Path, bytes] = {}
        self._lock: sqlite3.Connection | None = None

    def damage(self, how: str, rng: random.Random) -> None:
        """Begin what a `Fault` names."""
        found = {path for pattern in self._patterns for path in self._folder.glob(pattern) if path.is_file()}
        self._contents = {path: path.read_bytes() for path in sorted(found)}
        for path, content in self._contents.items():
            if how == "deleted":
                path.rename(_beside(path))
            elif how == "truncated":
                os.truncate(path, len(content) // 2)
            elif how == "overwritten":
                _overwrite(path, len(content), rng)
            else:
                self._lock = sqlite3.connect(path, isolation_level=None)
                self._lock.execute("BEGIN EXCLUSIVE")

    def mend(self) -> None:
        """As they were, each in the same file if that is still there: a node may have it open."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        for path, content in self._contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if _beside(path).exists():
                _beside(path).replace(path)
            with path.open("r+b" if path.exists() else "wb") as file:
                file.write(content)
                file.truncate()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.gone")


def _overwrite(path: Path, size: int, rng: random.Random) -> None:
    least = HEADER if size > 2 * HEADER else 0
    with path.open("r+b") as file:
        for _ in range(100):
            file.seek(rng.randrange(least, max(size - 16, least + 1)))
            file.write(rng.randbytes(16))
