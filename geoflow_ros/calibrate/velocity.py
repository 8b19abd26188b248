"""Whether a drive tells how the vehicle moved, without which a wrong mount cannot be told from a wrong way."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.session import Session

VELOCITIES = frozenset({"odom", "twist"})
MOST_REFUSED = 0.5
"""The share of the frames at which a drive's velocities may be refused."""


def check_velocity(bag: Path, roles: Collection[str]) -> None:
    """InputError where none of the roles that are played tells a velocity."""
    if not VELOCITIES.intersection(roles):
        raise InputError(
            f"{bag} has no odometry, without which a wrong mount cannot be told from a wrong way: record "
            "nav_msgs/Odometry, or choose a velocity of the vehicle with --topic twist:=NAME"
        )


class VelocityUse:
    """At how many frames of a drive no velocity could be used, and why: odometry that is refused is none."""

    def __init__(self, session: Session, roles: Collection[str]) -> None:
        """roles: that are played."""
        self._session = session
        self._velocities = sorted(VELOCITIES.intersection(roles))
        self._frames, self._without, self._reason = 0, 0, ""

    def watch(self, index: int, message: Any, answer: Answer) -> None:
        """A frame that was answered."""
        refused = self._session.refused
        reasons = [refused[name] for name in self._velocities if name in refused]
        self._frames += 1
        if len(reasons) == len(self._velocities):
            self._without, self._reason = self._without + 1, reasons[0]

    def check(self, bag: Path) -> None:
        """InputError where velocities were of no use at most frames."""
        if self._without > MOST_REFUSED * self._frames:
            raise InputError(
                f"{bag} does not show the mount: its {' and '.join(self._velocities)} could not be used at "
                f"{self._without} of {self._frames} frames, and without odometry a wrong mount cannot be told from a "
                f"wrong way: {self._reason}"
            )
