"""How well the frames of the last seconds support the belief."""

from __future__ import annotations

from dataclasses import dataclass

from geoflow_ros.tracking.cameras import ONE

LOST, DOUBTFUL, CONFIRMED = 0.1, 0.5, 0.7
"""Levels of support: below the first there is nothing, below the second too little; the last must be reached once."""
MIN_STREAK = 3  # confirming frames in a row, however slowly they come
SILENT_NS = 10**9  # behind the newest frame: what a camera said is no longer asked


@dataclass(slots=True)
class _View:
    """Of one camera. level: a moving average over time of whether its frames confirm the belief, in [0, 1]."""

    stamp_ns: int
    level: float = 0.0
    streak: int = 0
    is_blind: bool = False


class Support:
    """Whether the frames of a camera, or of those of a rig that show anything, confirm the belief."""

    def __init__(self) -> None:
        self._views: dict[str, _View] = {}
        self._began_ns: int | None = None

    @property
    def level(self) -> float:
        """The mean of the cameras' levels, in [0, 1]."""
        views = self._asked()
        return sum(view.level for view in views) / len(views) if views else 0.0

    @property
    def cameras(self) -> int:
        """How many cameras are asked."""
        return max(1, len(self._asked()))

    @property
    def is_blind(self) -> bool:
        """Whether no camera shows anything."""
        return all(view.is_blind for view in self._asked())

    @property
    def is_firm(self) -> bool:
        """Whether it is enough to start to believe: what several cameras confirm is confirmed sooner."""
        views, doubt = self._asked(), 1.0
        for view in views:
            doubt *= 1.0 - view.level
        confirming = sum(view.streak > 0 for view in views)
        return (
            1.0 - doubt >= CONFIRMED
            and sum(view.streak for view in views) >= MIN_STREAK
            and 2 * confirming > len(views)
        )

    def add(
        self, stamp_ns: int, confirms: bool, lost_after_s: float, camera: str = ONE, is_blind: bool = False
    ) -> None:
        """Count a frame; a late one as if it were taken with the newest of its camera.

        Without a confirming frame, full support falls to `LOST` in `lost_after_s`.
        """
        began_ns = stamp_ns if self._began_ns is None else self._began_ns
        view = self._views.setdefault(camera, _View(began_ns))
        kept: float = LOST ** (max(stamp_ns - view.stamp_ns, 0) * 1e-9 / lost_after_s)
        view.level = kept * view.level + (1.0 - kept if confirms else 0.0)
        view.streak = view.streak + 1 if confirms else 0
        view.stamp_ns, view.is_blind = max(stamp_ns, view.stamp_ns), is_blind

    def begin(self, stamp_ns: int, camera: str = ONE) -> None:
        """Start anew with the belief that a frame brought."""
        self._views, self._began_ns = {camera: _View(stamp_ns, streak=1)}, stamp_ns

    def _asked(self) -> list[_View]:
        """Of the cameras that are heard of, those that show anything; all of them if none does."""
        newest_ns = max((view.stamp_ns for view in self._views.values()), default=0)
        heard = [view for view in self._views.values() if view.stamp_ns >= newest_ns - SILENT_NS]
        return [view for view in heard if not view.is_blind] or heard
