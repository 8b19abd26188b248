"""Which camera of a rig stamps its images by another clock than everyone else."""

from __future__ import annotations

from statistics import median_high, median_low

LEAD_S = 0.7  # of an image that came in with messages of others: more is no delay, but another clock


class RigClocks:
    """Compares the stamp of an image with the newest stamps of all that was heard since its camera's last image."""

    def __init__(self) -> None:
        self._newest_ns: dict[str, int] = {}
        self._since: dict[str, set[str]] = {}
        self._last: dict[str, tuple[int, str]] = {}  # by camera, the stamp of its last image and what was said of it

    def sensor(self, kind: str, stamp_ns: int) -> None:
        """A message of a sensor came in."""
        self._newest_ns[kind] = stamp_ns
        for heard in self._since.values():
            heard.add(kind)

    def pause(self) -> None:
        """Nobody was heard for a while: what came before says nothing of what comes now."""
        for heard in self._since.values():
            heard.clear()

    def image(self, camera: str, stamp_ns: int) -> str:
        """An image came in, or another view of it; why it cannot be used, empty if it can."""
        if camera in self._last and self._last[camera][0] == stamp_ns:
            return self._last[camera][1]
        self._last[camera] = stamp_ns, self._judged(camera, stamp_ns)
        return self._last[camera][1]

    def _judged(self, camera: str, stamp_ns: int) -> str:
        name = f"camera {camera}"
        others = [self._newest_ns[each] for each in self._since.get(camera, set()) - {name}]
        self.sensor(name, stamp_ns)
        self._since[camera] = set()
        if not others:
            return ""
        # Of two others either may be the one whose clock is wrong.
        nearest_ns = min(max(stamp_ns, median_low(others)), median_high(others))
        lead_s = (stamp_ns - nearest_ns) * 1e-9
        if abs(lead_s) <= LEAD_S:
            return ""
        side = "ahead of" if lead_s > 0.0 else "behind"
        return (
            f"its images are stamped {abs(lead_s):.1f} s {side} the other cameras and sensors: their clocks must agree"
        )
