"""A thread that always works on the newest item of a source: nothing queues up, what was dropped is counted."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from geoflow_ros.errors import described

T = TypeVar("T")
PUT_OFF_S = 0.5  # a call may take thirty milliseconds, a sixteenth of the images then
BEHIND_S = 1.0  # after an item was dropped there is no time to spare


class NewestWorker(Generic[T]):
    """Calls `work` on the newest item offered, one at a time, in its own thread.

    Of several sources with an item that waits, the one whose last turn is longest ago comes first, its time counted as
    often as it is worth: each so gets its share of the turns when there are too few. One that has waited too long is
    dropped.
    After an item, and while no other waits, it calls `idle` until that returns False; where one always waits, or some
    were dropped of late, it calls it once in `PUT_OFF_S`, or what can wait would never be done. It is told whether that
    is so. `work` must not raise; what `idle` raises ends that idle time and is counted.
    """

    def __init__(
        self,
        work: Callable[[T], None],
        idle: Callable[[bool], bool] = lambda is_hurried: False,
        worth: Callable[[str], float] = lambda source: 1.0,
        patience_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """worth: of a source, positive. patience_s: how long an item may wait."""
        self._work = work
        self._idle = idle
        self._worth, self._patience_s = worth, patience_s
        self._slots: dict[str, tuple[T, float]] = {}  # and when it was offered
        self._worked_s: dict[str, float] = {}
        self._stopping = False
        self._is_at_work, self._ended_s = False, 0.0  # when work on an item ended last, or there was none before one
        self._idled_s, self._missed_s = time.monotonic(), -math.inf
        self._dropped, self._stale = Counter[str](), Counter[str]()
        self._idle_failures, self._idle_error = 0, ""
        self._changed = threading.Condition()
        # A daemon: a network stuck in a long call must not keep a stopped node alive.
        self._thread = threading.Thread(target=self._run, name="newest-worker", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> Counter[str]:
        """By source, items that were overtaken by a newer one before work on them began."""
        with self._changed:
            return self._dropped.copy()

    @property
    def stale(self) -> Counter[str]:
        """By source, items that were dropped because they had waited too long."""
        with self._changed:
            return self._stale.copy()

    @property
    def in_vain_s(self) -> float:
        """For how long there have been items, and work on none has ended: it grows if a call never returns."""
        with self._changed:
            return time.monotonic() - self._ended_s if self._slots or self._is_at_work else 0.0

    @property
    def idle_complaint(self) -> str:
        """How often `idle` raised and what it said last, empty if it never did."""
        with self._changed:
            return f"failed {self._idle_failures} times, the last: {self._idle_error}" if self._idle_failures else ""

    def offer(self, item: T, source: str = "") -> None:
        """Make this the next item of a source; one that still waits is dropped."""
        with self._changed:
            if source in self._slots:
                self._dropped[source] += 1
                self._missed_s = time.monotonic()
            if not (self._slots or self._is_at_work):
                self._ended_s = time.monotonic()
            self._slots[source] = item, time.monotonic()
            self._changed.notify()

    def clear(self) -> int:
        """Forget the items that wait; how many did."""
        with self._changed:
            count, self._slots = len(self._slots), {}
        return count

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
                self._changed.wait_for(lambda: self._slots or self._stopping)
                if self._stopping:
                    return
                self._drop_stale()
                if not self._slots:
                    continue
                item, self._is_at_work = self._next(), True
            self._work(item)
            with self._changed:
                self._is_at_work, self._ended_s = False, time.monotonic()
            while self._may_idle() and self._has_more_to_do():
                pass

    def _has_more_to_do(self) -> bool:
        try:
            return self._idle(self._is_hurried)
        except Exception as error:  # what is done ahead of time can be done without
            with self._changed:
                self._idle_failures += 1
                self._idle_error = described(error)
            return False

    @property
    def _is_hurried(self) -> bool:
        """Whether an item waits, or some could not lately."""
        with self._changed:
            return bool(self._slots) or time.monotonic() - self._missed_s < BEHIND_S

    def _may_idle(self) -> bool:
        """Whether there is time to spare, or has not been for long."""
        now_s, is_hurried = time.monotonic(), self._is_hurried
        with self._changed:
            may = not self._stopping and (not is_hurried or now_s - self._idled_s > PUT_OFF_S)
        if may:
            self._idled_s = now_s
        return may

    def _next(self) -> T:
        now_s = time.monotonic()
        source = max(self._slots, key=lambda each: (now_s - self._worked_s.get(each, 0.0)) * self._worth(each))
        self._worked_s[source] = now_s
        return self._slots.pop(source)[0]

    def _drop_stale(self) -> None:
        oldest_s = time.monotonic() - self._patience_s()
        for source in [source for source, (_, offered_s) in self._slots.items() if offered_s < oldest_s]:
            del self._slots[source]
            self._stale[source] += 1
            self._missed_s = time.monotonic()
