"""The last seconds of a stamped stream, in order of time."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

KEPT_NS = 5_000_000_000
JUMP_NS = 1_000_000_000  # back in time: a bag looped or a simulation restarted
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

    def within(self, start_ns: int, end_ns: int) -> list[S]:
        """The items from one stamp to another."""
        start = bisect.bisect_left(self._items, start_ns, key=lambda item: item.stamp_ns)
        return self._items[start : bisect.bisect_right(self._items, end_ns, key=lambda item: item.stamp_ns)]

    def spanning(self, start_ns: int, end_ns: int, reach_ns: int) -> list[S]:
        """The items from one stamp to another with the nearest before and after, if within `reach_ns` of them."""
        first = bisect.bisect_right(self._items, start_ns, key=lambda item: item.stamp_ns) - 1
        last = bisect.bisect_left(self._items, end_ns, key=lambda item: item.stamp_ns) + 1
        taken = self._items[max(first, 0) : last]
        return [item for item in taken if start_ns - reach_ns <= item.stamp_ns <= end_ns + reach_ns]

    def nearest(self, stamp_ns: int) -> S | None:
        """The item nearest in time."""
        return min(self._items, key=lambda item: abs(item.stamp_ns - stamp_ns), default=None)

    def around(self, stamp_ns: int, max_age_s: float) -> tuple[S, ...]:
        """The newest item before and the oldest after a stamp, each only if within `max_age_s` of it."""
        after = bisect.bisect_right(self._items, stamp_ns, key=lambda item: item.stamp_ns)
        neighbours = self._items[max(after - 1, 0) : after + 1]
        return tuple(item for item in neighbours if abs(item.stamp_ns - stamp_ns) <= max_age_s * 1e9)


def share_of_second(first: Stamped, second: Stamped, stamp_ns: int) -> float:
    """Weight in [0, 1] of the second of two items when interpolating linearly at a stamp between them."""
    span = second.stamp_ns - first.stamp_ns
    return (stamp_ns - first.stamp_ns) / span if span > 0 else 0.0
