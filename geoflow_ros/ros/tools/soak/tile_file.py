"""The tile file of a node that is running, damaged and mended in its place."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

PAGE = 4096


class TileFile:
    """A copy of a tile file that a running node has open."""

    def __init__(self, original: Path, path: Path) -> None:
        self.path, self._content = path, original.read_bytes()
        self.path.write_bytes(self._content)
        self._lock: sqlite3.Connection | None = None

    def damage(self, how: str, rng: random.Random) -> None:
        """Begin what a `Fault` names."""
        if how == "deleted":
            self.path.rename(self.path.with_suffix(".gone"))
        elif how == "truncated":
            os.truncate(self.path, len(self._content) // 2)
        elif how == "overwritten":
            with self.path.open("r+b") as file:
                for _ in range(100):
                    file.seek(rng.randrange(PAGE, len(self._content) - 16))
                    file.write(rng.randbytes(16))
        else:
            self._lock = sqlite3.connect(self.path, isolation_level=None)
            self._lock.execute("BEGIN EXCLUSIVE")

    def mend(self) -> None:
        """As it was, in the same file: the node still has that open."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        gone = self.path.with_suffix(".gone")
        if gone.exists():
            gone.replace(self.path)
        with self.path.open("r+b") as file:
            file.write(self._content)
