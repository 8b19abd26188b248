"""Values much like those of a corpus, made fast: one of them with some parts changed, or taken from another."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

FLOATS = (0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e-320, 1e-30, 1e30, 1.7e308, 180.0, 90.0, 2.0**31)
TOKENS = (
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"nan",
    b"9" * 25,
    b"null",
    b"{}",
    b"[]",
    b'""',
    b",",
    b":",
    b"\n",
    b"\0",
    b"\xff",
    b" ",
)
Bytes = Callable[[bytearray, int, random.Random], None]


def mutated(value: Any, other: Any, rng: random.Random) -> Any:
    """The value with a part changed; other: of the same kind, to take parts from. Numbers stay of their kind."""
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**_with_entry(vars(value), getattr(other, "__dict__", {}), rng))
    if isinstance(value, dict):
        return _with_entry(value, other if isinstance(other, dict) else {}, rng)
    if isinstance(value, list | tuple):
        entries = dict(enumerate(other)) if isinstance(other, list | tuple) else {}
        return type(value)(_with_entry(dict(enumerate(value)), entries, rng).values())
    if isinstance(value, bytes):
        return _edited(value, other if isinstance(other, bytes) else b"", rng)
    if isinstance(value, str):
        return _edited(value.encode("utf-8", "surrogatepass"), b"", rng).decode("utf-8", "replace")
    if isinstance(value, float):
        return rng.choice(FLOATS) if rng.random() < 0.5 else struct.unpack("<d", rng.randbytes(8))[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return value ^ 1 << rng.randrange(7)  # within whatever a message can hold
    return other


def _with_entry(entries: dict[Any, Any], others: dict[Any, Any], rng: random.Random) -> dict[Any, Any]:
    if not entries:
        return entries
    key = rng.choice([*entries])
    other = others.get(key, entries[key])
    return {**entries, key: other if rng.random() < 0.3 else mutated(entries[key], other, rng)}


def _edited(value: bytes, other: bytes, rng: random.Random) -> bytes:
    data = bytearray(value)
    for _ in range(1 << rng.randrange(4)):
        place = rng.randrange(len(data) + 1)
        if not data or rng.random() < 0.2:
            data[place:place] = rng.choice(TOKENS)
        elif other and rng.random() < 0.1:
            start = rng.randrange(len(other))
            data[place:] = other[start:]
        else:
            rng.choice(EDITS)(data, min(place, len(data) - 1), rng)
    return bytes(data)


def _flip(data: bytearray, place: int, rng: random.Random) -> None:
    data[place] ^= 1 << rng.randrange(8)


def _replace(data: bytearray, place: int, rng: random.Random) -> None:
    token = rng.choice(TOKENS)
    data[place : place + rng.randrange(1, 9)] = token


def _noise(data: bytearray, place: int, rng: random.Random) -> None:
    data[place : place + 8] = rng.randbytes(rng.randrange(1, 9))


def _cut(data: bytearray, place: int, rng: random.Random) -> None:
    del data[place : place + rng.randrange(1, 1 + max(len(data) // 8, 1))]


def _repeat(data: bytearray, place: int, rng: random.Random) -> None:
    data[place:place] = data[place : place + rng.randrange(1, 33)]


EDITS: tuple[Bytes, ...] = (_flip, _flip, _replace, _noise, _cut, _repeat)
