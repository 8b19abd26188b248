"""A folder that is read-only, or closed, for tests of what reads and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def read_only(folder: Path, mode: int = 0o555) -> Iterator[None]:
    """Nothing can be written to a folder of this user's, with 0 nothing read; root becomes somebody else meanwhile."""
    opened = [each for each in folder.parents if each.stat().st_uid == os.getuid() and not each.stat().st_mode & 0o001]
    modes = {each: each.stat().st_mode for each in (*opened, folder)}
    for each in opened:
        each.chmod(0o755)
    folder.chmod(mode)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for each, mode in modes.items():
            each.chmod(mode)
