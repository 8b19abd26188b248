"""The newest of a series, and how much of it has been seen."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """How much a page has seen: moments, pictures and fixes since `epoch` began."""

    epoch: int
    moments: int = 0
    pictures: int = 0
    fixes: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}-{self.moments}-{self.pictures}-{self.fixes}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None for what is none."""
        found = re.fullmatch(r"(\d{1,20})-(\d{1,20})-(\d{1,20})-(\d{1,20})", text, re.ASCII)
        return None if found is None else cls(*map(int, found.groups()))


class Recent(Generic[T]):
    """The newest items of a series, which are numbered from its beginning."""

    def __init__(self, limit: int) -> None:
        self.items: deque[T] = deque(maxlen=limit)
        self.count = 0

    def add(self, item: T) -> None:
        """The next one; the oldest beyond the limit goes."""
        self.items.append(item)
        self.count += 1

    def since(self, seen: int) -> list[T]:
        """All that are kept from number `seen` on."""
        new = min(self.count - seen, len(self.items))
        return list(self.items)[len(self.items) - new :]
