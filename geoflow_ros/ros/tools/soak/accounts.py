"""What became of every image that was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What a node counts of images since it began: received, refused with a reason, answered."""

    received: int
    refused: int
    answered: int

    @property
    def inside(self) -> int:
        """What it has received and says nothing of: in work, or lost."""
        return self.received - self.refused - self.answered


NOTHING = Told(0, 0, 0)


@dataclass(slots=True)
class Accounts:
    """Images that the node refused with a reason, as it counts them, and that came while no node listened.

    The latter are known once no image is on its way: they were sent since the pause before the node ended or was
    stopped, and are neither answered nor refused nor inside the node. So what a node had not said when it was killed
    is among them.
    """

    refused: int = 0
    absent: int = 0
    _told: Told = NOTHING
    _is_gap: bool = True
    _at_rest: Told = NOTHING  # what the node had counted in the last pause
    _unexplained: int = 0  # by then

    def told(self, told: Told, sent: int, answered: int, is_rest: bool) -> None:
        """In all so many were sent, and so many poses have come. is_rest: for a while nothing has been sent."""
        self.refused += told.refused - self._told.refused
        self._told = told
        if not is_rest or not told.received:
            return
        unexplained = self._left(sent, answered)
        if self._is_gap:
            missing = unexplained - self._unexplained - (told.inside - self._at_rest.inside)
            self.absent += max(missing, 0)
            unexplained -= max(missing, 0)
        self._unexplained, self._at_rest, self._is_gap = unexplained, told, False

    def gap(self, is_new: bool) -> None:
        """The node does not listen from now on for a while; is_new: another one comes."""
        self._is_gap = True
        if is_new:
            self._told = self._at_rest = NOTHING

    def unaccounted(self, sent: int, answered: int) -> int:
        """Images without an answer or a reason, of so many sent and answered in all, give or take those in work."""
        if self._is_gap:
            return self._unexplained + self._told.inside - self._at_rest.inside
        return self._left(sent, answered)

    def _left(self, sent: int, answered: int) -> int:
        return sent - answered - self.refused - self.absent
