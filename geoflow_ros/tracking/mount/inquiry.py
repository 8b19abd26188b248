"""A frame that is asked about its camera's mount: one answer after the other, while nothing else is to be done."""

from __future__ import annotations

from collections.abc import Iterable

from geoflow_ros.localization.pose import MountEvidence


class Inquiry:
    """The answers of a frame, each computed by a call of its own."""

    def __init__(self, answers: Iterable[MountEvidence]) -> None:
        """answers: computed as they are taken."""
        self.heard: list[MountEvidence] = []
        self._coming = iter(answers)

    def go_on(self) -> bool:
        """Hear one more answer; False when there is none. What raises midway has said nothing."""
        try:
            answer = next(self._coming, None)
        except Exception:
            self.heard, self._coming = [], iter(())  # those that are left would be taken for others
            raise
        if answer is not None:
            self.heard.append(answer)
        return answer is not None
