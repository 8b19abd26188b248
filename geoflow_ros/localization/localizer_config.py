"""What can be chosen of localising a frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from geoflow_ros.options import option


class Schedule(Enum):
    """How much of the predicted flow a step takes."""

    PAPER = "paper"  # half of it, always: even a perfect prediction leaves 2^-R of the way
    FULL = "full"
    ANNEALED = "annealed"  # all of it, then less and less: averages noise, converges slower

    def fractions(self, steps: int) -> tuple[float, ...]:
        """Of steps 0, 1, ..."""
        if self is Schedule.ANNEALED:
            return tuple(2.0 / (step + 2.0) for step in range(steps))
        return (0.5 if self is Schedule.PAPER else 1.0,) * steps


@dataclass(frozen=True, slots=True)
class LocalizerConfig:
    """How hypotheses are refined, what is kept of the imagery, and when an estimate is withheld."""

    hypotheses: int = option("hypotheses drawn from what prior and frame make likely", 48, range=(1, 4096))
    steps: int = option("refinement steps", 5, range=(1, 50))
    schedule: Schedule = option("step length: paper, full or annealed", Schedule.FULL)
    bandwidth_m: float = option("how close hypotheses must be to agree", 2.0, "m", (0.1, 20.0))
    max_missing: float = option("refuse when more of the patch has no imagery", 0.3, range=(0.0, 1.0))
    min_match: float = option("a frame that matches with less probability is no answer alone", 0.5, range=(0.0, 1.0))
    max_std_m: float = option("refuse an estimate less certain than this", 10.0, "m", (0.1, 100.0))
    max_latency_ms: float = option(
        "fewer hypotheses and steps rather than a frame slower than this; the node drops an image that waits longer; "
        "0: always all",
        0.0,
        "ms",
        (0.0, 10_000.0),
    )
    patch_grid_m: float = option(
        "satellite patches lie this far apart and serve all frames near", 16.0, "m", (0.5, 16.0)
    )
    patch_heading_deg: float = option("headings of satellite patches are this far apart", 4.0, "deg", (0.5, 10.0))
    cache_mb: int = option("memory for encoded satellite patches", 128, "MB", (0, 65_536))
