"""How many hypotheses and steps a frame can afford."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_HYPOTHESES, FEWEST_STEPS = 16, 2
MEMORY = 0.8  # share of the old estimate that is kept when a frame was timed


@dataclass(slots=True)
class TimeBudget:
    """Shrinks the refinement to what is left of `limit_s` seconds a frame; 0 is no limit.

    The cost of a hypothesis-step is learnt from the frames, so under a limit answers depend on the machine's load.
    """

    limit_s: float
    cost_s: float = 2e-6

    def affordable(self, elapsed_s: float, hypotheses: int, steps: int) -> tuple[int, int]:
        """Hypotheses and steps, fewer hypotheses first, then fewer steps, that fit into the rest of the frame."""
        if self.limit_s <= 0.0 or self.cost_s <= 0.0:
            return hypotheses, steps
        products = (self.limit_s - elapsed_s) / self.cost_s
        count = min(hypotheses, max(FEWEST_HYPOTHESES, int(products / steps)))
        return count, min(steps, max(FEWEST_STEPS, int(products / count)))

    def spent(self, seconds: float, hypotheses: int, steps: int) -> None:
        """Learn from one frame's refinement."""
        self.cost_s = MEMORY * self.cost_s + (1 - MEMORY) * seconds / (hypotheses * steps)
