"""How fast odometry may lead the vehicle elsewhere: wheels that spin, or stand while the vehicle is towed."""

from __future__ import annotations

from geoflow_ros.tracking.motion import STEADY

LEAST_SPEED = 0.05  # m/s: less is none


class Slip:
    """As fast as frames had to move the belief against odometry; it halves in a while, wheels slip again and again."""

    def __init__(self) -> None:
        self._speed = 0.0
        self._newest_ns: int | None = None

    def since_last(self, stamp_ns: int, speed: float, half_life_s: float) -> float:
        """How far odometry may be off (m, standard deviation) since the frame before; not at all for a late one.

        speed: by which frames have moved the belief against odometry (m/s), if that was a leap, of late; else 0.
        """
        elapsed_s = 0.0 if self._newest_ns is None else max(0.0, (stamp_ns - self._newest_ns) * 1e-9)
        elapsed_s = min(elapsed_s, half_life_s)
        self._newest_ns = stamp_ns if self._newest_ns is None else max(stamp_ns, self._newest_ns)
        self._speed = max(self._speed * 0.5 ** (elapsed_s / half_life_s), speed)
        if self._speed < LEAST_SPEED:
            self._speed = 0.0
        return STEADY * self._speed * elapsed_s
