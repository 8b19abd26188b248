"""Time taken, compared fairly: what is compared takes turns, so that a busy machine disturbs all of it alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.errors import InputError


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of milliseconds."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Contender:
    """One of several ways of doing something; work(i) does it for frame i, `burst` frames a turn."""

    name: str
    work: Callable[[int], object]
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Speed:
    """Latency of a frame, and frames a second of back-to-back work: the median of the turns."""

    fps: float
    latency_ms_p50: float
    latency_ms_p95: float


def quantiles(milliseconds: ArrayLike) -> Quantiles:
    """Median, 95th percentile and maximum of at least one time."""
    values = np.asarray(milliseconds, dtype=np.float64)
    if values.size == 0:
        raise InputError("no time was taken: give at least one frame")
    p50, p95 = np.percentile(values, [50, 95])
    return Quantiles(float(p50), float(p95), float(values.max()))


def speed(milliseconds: NDArray[np.float64]) -> Speed:
    """Speed of turns (rounds, burst) of times."""
    overall = quantiles(milliseconds)
    return Speed(float(np.median(1e3 / milliseconds.mean(axis=1))), overall.p50, overall.p95)


def milliseconds_of(work: Callable[[int], object], index: int) -> float:
    """How long work(index) takes."""
    start = time.perf_counter()
    work(index)
    return 1e3 * (time.perf_counter() - start)


def interleaved(contenders: Sequence[Contender], rounds: int, warm_up: int = 1) -> dict[str, NDArray[np.float64]]:
    """Milliseconds (rounds, burst) of each contender by name; they take turns after `warm_up` untimed ones each.

    Turn r of a contender works on the frames r * burst, r * burst + 1, ...; the untimed ones on the first frames.
    """
    times: dict[str, list[list[float]]] = {each.name: [] for each in contenders}
    for contender in contenders:
        for index in range(warm_up * contender.burst):
            contender.work(index)
    for turn in range(rounds):
        for contender in contenders:
            frames = range(turn * contender.burst, (turn + 1) * contender.burst)
            times[contender.name].append([milliseconds_of(contender.work, index) for index in frames])
    return {name: np.array(rows) for name, rows in times.items()}
