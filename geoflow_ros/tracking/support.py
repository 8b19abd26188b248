"""How well the frames of the last seconds support the belief."""

from __future__ import annotations

LOST, DOUBTFUL, CONFIRMED = 0.1, 0.5, 0.7
"""Levels of support: below the first there is nothing, below the second too little; the last must be reached once."""
MIN_STREAK = 3  # confirming frames in a row, however slowly they come


class Support:
    """A moving average over time of whether frames confirm the belief, in [0, 1]."""

    def __init__(self) -> None:
        self.level = 0.0
        self._streak = 0
        self._stamp_ns: int | None = None

    @property
    def is_firm(self) -> bool:
        """Whether it is enough to start to believe."""
        return self.level >= CONFIRMED and self._streak >= MIN_STREAK

    def add(self, stamp_ns: int, confirms: bool, lost_after_s: float) -> None:
        """Count a frame; a late one as if it were taken with the newest.

        Without a confirming frame, full support falls to `LOST` in `lost_after_s`.
        """
        elapsed_s = 0.0 if self._stamp_ns is None else max(stamp_ns - self._stamp_ns, 0) * 1e-9
        kept: float = LOST ** (elapsed_s / lost_after_s)
        self.level = kept * self.level + (1.0 - kept if confirms else 0.0)
        self._streak = self._streak + 1 if confirms else 0
        self._stamp_ns = stamp_ns if self._stamp_ns is None else max(stamp_ns, self._stamp_ns)

    def begin(self, stamp_ns: int) -> None:
        """Start anew with the belief that a frame brought."""
        self.level, self._streak, self._stamp_ns = 0.0, 1, stamp_ns
