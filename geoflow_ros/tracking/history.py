"""The last seconds of a stamped stream, in order of time."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

KEPT_NS = 5_000_000_000
JUMP_NS = 1_000_000_000  # back in time: a bag looped or a simulation restarted
FIRST_ROOM = 1024  # rows: 5 s of 100 Hz, and as much again before they are moved to the front
MOST = 10_000  # items, of 2 kHz: stamps may stand still, of a clock that does not run or a driver that sets none


class Stamped(Protocol):
    """Anything with a time."""

    @property
    def stamp_ns(self) -> int:
        """Nanoseconds."""


S = TypeVar("S", bound=Stamped)


class History(Generic[S]):
    """Items of the last `KEPT_NS`, oldest first; the newest `MOST` of them."""

    def __init__(self) -> None:
        self._items: list[S] = []

    def __iter__(self) -> Iterator[S]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: S) -> None:
        """Insert in order of time and forget what is too old; a jump back in time forgets everything before."""
        if self._items and item.stamp_ns < self._items[-1].stamp_ns - JUMP_NS:
            self._items.clear()
        bisect.insort(self._items, item, key=lambda each: each.stamp_ns)
        while len(self._items) > MOST or self._items[0].stamp_ns < self._items[-1].stamp_ns - KEPT_NS:
            self._items.pop(0)

    @property
    def newest(self) -> S | None:
        """The item of the latest stamp."""
        return self._items[-1] if self._items else None

    def pop_until(self, stamp_ns: int) -> tuple[S, ...]:
        """Take out the items up to a stamp."""
        count = bisect.bisect_right(self._items, stamp_ns, key=lambda item: item.stamp_ns)
        taken, self._items = tuple(self._items[:count]), self._items[count:]
        return taken

    def nearest(self, stamp_ns: int) -> S | None:
        """The item nearest in time."""
        return min(self._items, key=lambda item: abs(item.stamp_ns - stamp_ns), default=None)

    def around(self, stamp_ns: int, max_age_s: float) -> tuple[S, ...]:
        """The newest item before and the oldest after a stamp, each only if within `max_age_s` of it."""
        after = bisect.bisect_right(self._items, stamp_ns, key=lambda item: item.stamp_ns)
        neighbours = self._items[max(after - 1, 0) : after + 1]
        return tuple(item for item in neighbours if abs(item.stamp_ns - stamp_ns) <= max_age_s * 1e9)


class Rows(NamedTuple):
    """Stamps (n,) in ascending order (ns), and the numbers (n, C) of each."""

    stamps_ns: NDArray[np.int64]
    values: NDArray[np.float64]


class NumberHistory:
    """As `History` of rows of numbers, which lie in memory as compiled code reads them."""

    def __init__(self, columns: int) -> None:
        self._memory = Rows(np.empty(FIRST_ROOM, np.int64), np.empty((FIRST_ROOM, columns)))
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def rows(self) -> Rows:
        """All of them, until the next one is added."""
        return Rows(self._memory.stamps_ns[self._start : self._end], self._memory.values[self._start : self._end])

    @property
    def newest_ns(self) -> int | None:
        """The latest stamp."""
        return int(self._memory.stamps_ns[self._end - 1]) if self._end > self._start else None

    def add(self, stamp_ns: int, numbers: Sequence[float]) -> None:
        """As `History.add`."""
        newest_ns = self.newest_ns
        if newest_ns is not None and stamp_ns < newest_ns - JUMP_NS:
            self._start = self._end = 0
        if self._end == len(self._memory.stamps_ns):
            self._make_room()
        stamps_ns, values = self._memory
        place = self._end
        if newest_ns is not None and stamp_ns < newest_ns:
            place = self._start + int(np.searchsorted(self.rows.stamps_ns, stamp_ns, "right"))
            for each in self._memory:
                each[place + 1 : self._end + 1] = each[place : self._end].copy()
        stamps_ns[place], values[place] = stamp_ns, numbers
        self._end += 1
        oldest_ns = int(stamps_ns[self._end - 1]) - KEPT_NS
        while len(self) > MOST or stamps_ns[self._start] < oldest_ns:
            self._start += 1

    def within(self, start_ns: int, end_ns: int) -> Rows:
        """The rows from one stamp to another, until the next one is added."""
        stamps_ns, values = self.rows
        first, last = np.searchsorted(stamps_ns, start_ns), np.searchsorted(stamps_ns, end_ns, "right")
        return Rows(stamps_ns[first:last], values[first:last])

    def around(self, stamp_ns: int, max_age_s: float) -> Rows:
        """The newest row before and the oldest after a stamp, each only if within `max_age_s` of it; likewise."""
        stamps_ns, values = self.rows
        after = int(np.searchsorted(stamps_ns, stamp_ns, "right"))
        neighbours = slice(max(after - 1, 0), after + 1)
        is_near = np.abs(stamps_ns[neighbours] - stamp_ns) <= max_age_s * 1e9
        return Rows(stamps_ns[neighbours][is_near], values[neighbours][is_near])

    def _make_room(self) -> None:
        """In memory twice as long as what is kept."""
        kept, room = self.rows, max(FIRST_ROOM, 2 * len(self))
        self._memory = Rows(np.empty(room, np.int64), np.empty((room, kept.values.shape[1])))
        self._start, self._end = 0, len(kept.stamps_ns)
        for memory, each in zip(self._memory, kept, strict=True):
            memory[: len(each)] = each


def share_of_second(first: Stamped, second: Stamped, stamp_ns: int) -> float:
    """Weight in [0, 1] of the second of two items when interpolating linearly at a stamp between them."""
    span = second.stamp_ns - first.stamp_ns
    return (stamp_ns - first.stamp_ns) / span if span > 0 else 0.0
