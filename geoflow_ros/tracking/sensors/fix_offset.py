"""Whether fixes lie to one side of where frames put the vehicle, for minutes: then imagery or receiver is off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.tracking.prior import Fix

Floats = NDArray[np.float64]
SLACK = 2.0  # errors of fixes may be correlated for so many times longer than stated
REMEMBERED = 80.0  # correlation times after which a difference counts 1 / e
END = 0.5  # of a fix, that the first one counts, and the newest
GATE = 13.8  # chi-square of a fix; one further away counts less, so that no glitch counts for much
SYSTEMATIC_M = 1.0
"""An axis, for good: levers, mount, datum (ETRS89 lies 0.8 m from WGS84), atmosphere. Half of it is another antenna."""
SIGNIFICANT, SETTLED = 20.0, 10.0
"""Chi-square (2 degrees of freedom) from which an offset is one, and below which it is over. By chance the first is
exceeded in 0.02 % of hours if errors last SLACK times as long as stated, in none of 10,000 hours if not."""
UNPROVEN, AGREED, CLOSE = 9.2, 6.0, 2.0
"""The same while fixes have not agreed with the belief yet: exceeded by chance in 1 % and 5 %. They agree once
chi-square is below the second, or that of a fix alone below the third, as of most fixes."""
LIKELY_DELAY_S = 0.5
"""Of fixes: meanwhile no larger one explains why they lie along the way, or tens of metres would be none at speed."""
LEAST_INFORMATION = 1e-6  # nothing is known beyond a kilometre
COMPASS = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east")


@dataclass(frozen=True, slots=True, eq=False)
class FixOffset:
    """How far (2,) east and north of the belief fixes lie on average, its covariance (2, 2), over so many seconds."""

    mean: Floats
    covariance: Floats
    seconds: float
    is_significant: bool

    @property
    def metres(self) -> float:
        """How far that is."""
        return float(np.hypot(*self.mean))

    @property
    def std(self) -> float:
        """Standard deviation (m) along the offset."""
        along = self.mean / self.metres if self.metres else np.array([1.0, 0.0])
        return math.sqrt(along @ self.covariance @ along)

    @property
    def doubt(self) -> Floats:
        """What it adds to the covariance (2, 2) of the place: either of both may be the one that is right."""
        return (np.outer(self.mean, self.mean) + self.covariance) * self.is_significant

    @property
    def sentence(self) -> str:
        """What is to be said of it; empty unless it is significant."""
        if not self.is_significant:
            return ""
        side = COMPASS[round(math.atan2(self.mean[1], self.mean[0]) / (math.pi / 4)) % len(COMPASS)]
        which = f"GNSS fixes of the last {self.seconds:.0f} s" if self.seconds >= 1.0 else "the newest GNSS fixes"
        return (
            f"{which} lie {self.metres:.1f} +- {self.std:.1f} m to the {side} of "
            "where frames put the vehicle: imagery or receiver is off: measure it by tiles align, or state it by "
            "tracker.imagery_sigma"
        )

    def to_json(self) -> dict[str, float | bool]:
        """For `json.dump`."""
        east, north = map(float, self.mean)
        numbers = {"east_m": east, "north_m": north, "std_m": self.std, "seconds": self.seconds}
        return {**numbers, "is_significant": self.is_significant}

    def __str__(self) -> str:
        east, north = self.mean
        return f"{east:.1f} east, {north:.1f} north, +- {self.std:.1f}, in {self.seconds:.0f} s"


NO_OFFSET = FixOffset(np.zeros(2), np.eye(2) / LEAST_INFORMATION, 0.0, False)


class FixOffsetCheck:
    """The mean of fixes less belief, whose error drifts (Gauss-Markov): in a time T, 1 + T / 2 tau independent ones.

    Of such errors half of the first, half of the last and all between in T / 2 tau tell the mean best: no single fix
    that happens to lie near holds it.
    """

    def __init__(self, correlation_s: float) -> None:
        """correlation_s: within which the error of fixes is stated to drift away."""
        self.correlation_s = correlation_s
        self.restart()

    def restart(self) -> None:
        """There is another belief, or another antenna."""
        self.found, self._is_open = NO_OFFSET, True  # whether they agree
        self._information = np.zeros((2, 2))
        self._pull = np.zeros(2)
        self._count, self._way = 0.0, np.zeros(2)  # weighted: of the velocities (m/s), and their sum
        self._last: tuple[Fix, Floats] | None = None

    def suspect(self) -> None:
        """Each fix is refused for long: it is open again whether they agree."""
        self._is_open = True

    def add(self, fix: Fix, residual: Floats, believed: tuple[Floats, Floats], delay_s: float, unsure_m: float) -> None:
        """Learn from a fix that lies `residual` (2,) from where the antenna is believed: mean (3,), covariance (3, 3).

        delay_s: standard deviation of the fixes' clock, which puts fixes along the way. unsure_m: of imagery and mount.
        """
        if self._last is not None and math.dist(self._last[0].antenna, fix.antenna) > SYSTEMATIC_M / 2:
            self.restart()
        elapsed_s = math.inf if self._last is None else (fix.stamp_ns - self._last[0].stamp_ns) * 1e-9
        if elapsed_s <= 0.0:
            return
        here, covariance = believed[0][:2], fix.covariance + believed[1][:2, :2]
        surprise = float(residual @ np.linalg.solve(covariance, residual))
        if self._is_open and surprise < CLOSE:
            self.restart()
            self._is_open, elapsed_s = False, math.inf
        trust = GATE / max(GATE, surprise)
        share = trust * (END if self._last is None else min(1.0, elapsed_s / (2.0 * SLACK * self.correlation_s)))
        kept = math.exp(-elapsed_s / (REMEMBERED * self.correlation_s))
        information = share * np.linalg.inv(covariance)
        self._information = kept * self._information + information
        self._pull = kept * self._pull + information @ residual
        seconds = 0.0
        if self._last is not None:
            self._count = kept * self._count + share
            self._way = kept * self._way + share * (here - self._last[1]) / elapsed_s
            seconds = min(self.found.seconds + elapsed_s, REMEMBERED * self.correlation_s)
        self._last = fix, here
        last = np.asarray(END * trust * np.linalg.inv(covariance), dtype=np.float64)
        self._judge(last, residual, seconds, delay_s, unsure_m)

    def _judge(self, last: Floats, residual: Floats, seconds: float, delay_s: float, unsure_m: float) -> None:
        """last: information (2, 2) of the newest fix for being that, `residual` (2,) from the belief."""
        information = self._information + last + LEAST_INFORMATION * np.eye(2)
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        mean = covariance @ (self._pull + last @ residual)
        delay_s = min(delay_s, LIKELY_DELAY_S) if self._is_open else delay_s
        late = delay_s * self._way / max(self._count, LEAST_INFORMATION)
        in_time = covariance + (SYSTEMATIC_M**2 + unsure_m**2) * np.eye(2)
        covariance = in_time + np.outer(late, late)
        chi_square, unexcused = (float(mean @ np.linalg.solve(each, mean)) for each in (covariance, in_time))
        begins, ends = (UNPROVEN, AGREED) if self._is_open else (SIGNIFICANT, SETTLED)
        limit = ends if self.found.is_significant else begins
        self.found = FixOffset(mean, covariance, seconds, chi_square > limit)
        self._is_open &= unexcused >= AGREED and chi_square <= SIGNIFICANT  # a delay that may be is no agreement
