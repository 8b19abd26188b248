"""Whether images and sensors are stamped by the same clock, from what comes in together."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from statistics import median, median_high

LEAP_S = 5.0  # between two images, beyond which a sensor must have come as far
LEAD_S = 1.5  # between what comes in together: more is no delay, but another clock
AGREEING = 3  # messages in a row
UNITS = ((2 * 86400.0, 86400.0, "days"), (2 * 3600.0, 3600.0, "h"), (120.0, 60.0, "min"), (0.0, 1.0, "s"))


class Clocks:
    """Compares the stamp of every image with those of the sensor messages that came since the image before."""

    def __init__(self) -> None:
        self._image_ns: int | None = None
        self._said: str | None = None  # of the last image
        self._sensors: dict[str, int] = {}
        self._fresh: set[str] = set()
        self._leads: dict[str, deque[float]] = {}

    @property
    def now_ns(self) -> int | None:
        """What the sensors say the time is; None if there are none."""
        return median_high(self._sensors.values()) if self._sensors else None

    def sensor(self, kind: str, stamp_ns: int) -> None:
        """A message of this kind came in."""
        self._sensors[kind] = stamp_ns
        self._fresh.add(kind)

    def image(self, stamp_ns: int) -> str | None:
        """An image came in, or another view of it; why it cannot be used, if it alone has leapt in time."""
        before_ns, self._image_ns = self._image_ns, stamp_ns
        leads = {kind: (sensor_ns - stamp_ns) * 1e-9 for kind, sensor_ns in self._sensors.items()}
        for kind in self._fresh:
            self._leads.setdefault(kind, deque(maxlen=AGREEING)).append(leads[kind])
        self._fresh.clear()
        if stamp_ns != before_ns:
            self._said = None if before_ns is None else _judged((stamp_ns - before_ns) * 1e-9, leads.values())
        return self._said

    @property
    def complaint(self) -> str:
        """Whose clock differs from that of the images, empty if none."""
        leads = {kind: median(each) for kind, each in self._leads.items() if len(each) == AGREEING}
        apart = {kind: lead for kind, lead in sorted(leads.items()) if abs(lead) > LEAD_S}
        if not apart or self._image_ns is None:
            return ""
        nearest = min(apart.values(), key=abs)
        if len(apart) == len(leads) and all(lead * nearest > 0.0 for lead in apart.values()):
            told, stamps = f"images are stamped {_lead(-nearest)} every sensor ({', '.join(apart)})", [self._image_ns]
        else:
            told = " and ".join(f"{kind} is stamped {_lead(lead)} the images" for kind, lead in apart.items())
            stamps = [self._sensors[kind] for kind in apart]
        return f"{told}: {'its driver sets no stamp' if 0 in stamps else 'their clocks must agree'}"


def _judged(leap_s: float, leads_s: Collection[float]) -> str | None:
    """Why the image after such a leap cannot be used; leads: of each sensor before it."""
    if not leads_s or min(abs(leap_s), *map(abs, leads_s)) <= LEAP_S:
        return None
    return f"the image is stamped {_lead(leap_s)} the one before, where no sensor is: its stamp is not believed"


def apart(seconds: float) -> str:
    """A time without its sign, in the unit that fits, such as `3.0 s`."""
    _, unit, name = next(each for each in UNITS if abs(seconds) >= each[0])
    return f"{abs(seconds) / unit:.1f} {name}"


def _lead(seconds: float) -> str:
    return f"{apart(seconds)} {'ahead of' if seconds > 0.0 else 'behind'}"
