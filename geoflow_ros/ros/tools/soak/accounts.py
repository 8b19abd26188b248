"""What became of every image that was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Accounts:
    """Images that the node refused with a reason, as it counts them, and that came while no node listened.

    Told whenever the node says its counts, so that what it had not said when it was killed is among the latter.
    """

    refused: int = 0
    absent: int = 0
    _counted: int = 0
    _sent: int = 0
    _answered: int = 0
    _heard: int = 0
    _is_gap: bool = True

    def told(self, counted: int, sent: int, answered: int) -> None:
        """A node has refused so many; in all so many were sent, and so many poses have come."""
        if self._is_gap and counted == self._counted and answered == self._heard:
            return  # it does not listen yet
        if self._is_gap:
            self.absent += max(sent - self._sent - (answered - self._answered) - (counted - self._counted), 0)
        self.refused += counted - self._counted
        self._counted, self._sent, self._answered, self._is_gap = counted, sent, answered, False

    def gap(self, is_new: bool, answered: int) -> None:
        """From what was told last until the node is heard again it does not listen; is_new: another one comes.

        answered: poses that have come by now.
        """
        self._is_gap, self._heard = True, answered
        if is_new:
            self._counted = 0

    def unaccounted(self, sent: int, answered: int) -> int:
        """Images without an answer or a reason, of so many sent and answered in all."""
        return sent - answered - self.refused - self.absent
