"""A thread that always works on the newest item: nothing queues up, what was overtaken is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class NewestWorker(Generic[T]):
    """Calls `work` on the newest item offered, one at a time, in its own thread.

    After an item, and while no other waits, it calls `idle` until that returns False. `work` must not raise; what
    `idle` raises ends that idle time and is counted.
    """

    def __init__(self, work: Callable[[T], None], idle: Callable[[], bool] = lambda: False) -> None:
        self._work = work
        self._idle = idle
        self._slot: list[T] = []
        self._stopping = False
        self._dropped = 0
        self._idle_failures, self._idle_error = 0, ""
        self._changed = threading.Condition()
        # A daemon: a network stuck in a long call must not keep a stopped node alive.
        self._thread = threading.Thread(target=self._run, name="newest-worker", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Items that were overtaken by a newer one before work on them began."""
        with self._changed:
            return self._dropped

    @property
    def idle_complaint(self) -> str:
        """How often `idle` raised and what it said last, empty if it never did."""
        with self._changed:
            return f"failed {self._idle_failures} times, the last: {self._idle_error}" if self._idle_failures else ""

    def offer(self, item: T) -> None:
        """Make this the next item; one that still waits is dropped."""
        with self._changed:
            self._dropped += len(self._slot)
            self._slot = [item]
            self._changed.notify()

    def clear(self) -> None:
        """Forget the item that waits."""
        with self._changed:
            self._slot = []

    def stop(self, timeout_s: float) -> bool:
        """Finish the item in work, take no other; True if the thread ended in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot or self._stopping)
                if self._stopping:
                    return
                item = self._slot.pop()
            self._work(item)
            while not self._is_wanted() and self._has_more_to_do():
                pass

    def _has_more_to_do(self) -> bool:
        try:
            return self._idle()
        except Exception as error:  # what is done ahead of time can be done without
            with self._changed:
                self._idle_failures += 1
                self._idle_error = f"{type(error).__name__}: {error}"
            return False

    def _is_wanted(self) -> bool:
        with self._changed:
            return bool(self._slot) or self._stopping
