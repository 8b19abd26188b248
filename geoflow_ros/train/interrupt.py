"""Ctrl-C, held back until nothing is half done."""

from __future__ import annotations

import signal
from types import FrameType

from tqdm import tqdm


class HeldBackInterrupt:
    """Notes the first Ctrl-C inside it instead of raising; a second one goes through at once."""

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> HeldBackInterrupt:
        self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        signal.signal(signal.SIGINT, self._previous)
        tqdm.write("stopping after this step; press Ctrl-C again to stop at once, without saving")


def ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C to the process that started this loader process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
