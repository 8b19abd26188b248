"""Whose clock runs faster or slower than the others', from how early stamps come at best, some seconds at a time."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_high, median_low

WINDOW_S = 5.0  # within which the earliest stamp counts: what comes late by chance says nothing
FEWEST = 3  # messages in it
LEAST_STEP_S, STEPS, LEAST_S = 0.003, 6, 0.1
"""From a window to the next, windows in a row that go the same way, and how far in all, until a clock is said to drift.
Those of computers that are kept alike move by less; loads and queues move stamps back and forth."""
MOST_RATE_S = 0.05  # of a window, by which stamps go on otherwise than time: else a bag is played slower or faster
TAKEN_BACK_S = LEAST_S / 2


class Drifts:
    """Compares by how much stamps are ahead of the steady clock with what they were before, for every stream."""

    def __init__(self) -> None:
        self._streams: dict[str, _Lead] = {}
        self._began_ns: int | None = None

    def hear(self, name: str, lead_s: float, steady_ns: int) -> None:
        """A message came, stamped so far ahead of the steady clock."""
        if self._began_ns is None:
            self._began_ns = steady_ns
        if steady_ns - self._began_ns >= WINDOW_S * 1e9:
            self._end_window()
            self._began_ns = steady_ns
        self._streams.setdefault(name, _Lead()).hear(lead_s)

    @property
    def seconds(self) -> Mapping[str, float]:
        """By how much the stamps of those that drift have come to lie ahead of the others'."""
        return {name: each.moved_s for name, each in self._streams.items() if each.is_said}

    @property
    def sentences(self) -> Mapping[str, str]:
        """What is wrong with whose stamps."""
        return {
            name: _sentence(name, each.moved_s, each.windows) for name, each in self._streams.items() if each.is_said
        }

    def _end_window(self) -> None:
        steps = {name: each.end_window() for name, each in self._streams.items()}
        known = {name: step for name, step in steps.items() if step is not None}
        for name, step in known.items():
            if others := [each for other, each in known.items() if other != name]:
                # Of two others either may be the one whose clock drifts.
                low, high = median_low(others), median_high(others)
                is_live = max(abs(low), abs(high)) < MOST_RATE_S * WINDOW_S
                self._streams[name].move(step - min(max(step, low), high) if is_live else 0.0)


class _Lead:
    """Of a stream. moved_s: by how much it moved, in so many windows, since it went on and on the same way."""

    def __init__(self) -> None:
        self.is_said, self.moved_s, self.windows = False, 0.0, 0
        self._before_s: float | None = None
        self._heard: list[float] = []

    def hear(self, lead_s: float) -> None:
        self._heard.append(lead_s)

    def end_window(self) -> float | None:
        """By how much the earliest stamp came earlier than that of the window before; None where one had too few."""
        best, before_s = max(self._heard) if len(self._heard) >= FEWEST else None, self._before_s
        self._before_s, self._heard = best, []
        return None if best is None or before_s is None else best - before_s

    def move(self, step_s: float) -> None:
        """It moved so in a window, against the others."""
        goes_on = abs(step_s) >= LEAST_STEP_S and step_s * self.moved_s >= 0.0
        if not (goes_on or self.is_said):
            self.moved_s, self.windows = 0.0, 0
            goes_on = abs(step_s) >= LEAST_STEP_S
        if goes_on or self.is_said:
            self.moved_s, self.windows = self.moved_s + step_s, self.windows + 1
        self.is_said = (
            abs(self.moved_s) >= TAKEN_BACK_S
            if self.is_said
            else self.windows >= STEPS and abs(self.moved_s) >= LEAST_S
        )


def _sentence(name: str, moved_s: float, windows: int) -> str:
    rate = 1e3 * abs(moved_s) / (windows * WINDOW_S)
    way = "fast" if moved_s > 0.0 else "slow, or its messages come later and later"
    return (
        f"the stamps of {name} have moved by {abs(moved_s):.2f} s against all others in {windows * WINDOW_S:.0f} s "
        f"({rate:.1f} ms a second): its clock runs too {way}; keep the clocks alike, or stamp by the host's"
    )
