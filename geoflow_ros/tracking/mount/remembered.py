"""A value that is asked for with every frame, and made of what few frames change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Makes a value anew once what it is made of are other objects; arrays among them must not change in place."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._of: tuple[object, ...] | None = None
        self._value: T

    def of(self, *parts: object) -> T:
        """The value of these parts, always as many."""
        if self._of is None or any(part is not before for part, before in zip(parts, self._of, strict=True)):
            self._value, self._of = self._make(), parts
        return self._value
