"""How much later the clock of the fixes is than that of the images, from where fixes lie along the way driven."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_COMPENSATED_S = 0.5
TOLD_S = 0.3  # standard deviation of a delay that turns, stops and starts have told from a pose or fixes elsewhere
SIGMAS = 3.0  # standard deviations by which a delay must differ from none to be acted on
PRIOR_S, DRIFT_S = 1.0, 0.002  # standard deviations: of a delay before any fix, of its change in a second
ANTENNA_M = 1.0  # standard deviation of how far ahead of base_link fixes may be measured
WHITE_SHARE = 0.5  # of a fix's standard deviation that is drawn anew for each; the rest drifts
GATE = 25.0  # chi-square (2 degrees of freedom) of a fix that is not looked at
CLEARLY = 9.0  # chi-square of fixes within the time of their correlation, by which no delay fits better than one


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How much later (s) one clock is than another, and its standard deviation."""

    seconds: float
    std: float

    @property
    def compensated_s(self) -> float:
        """What to subtract from the stamps: nothing unless it is certain and plausible."""
        return self.seconds if SIGMAS * self.std <= abs(self.seconds) <= MAX_COMPENSATED_S else 0.0

    def to_json(self) -> dict[str, float]:
        """For `json.dump`."""
        return {"late_s": self.seconds, "std_s": self.std, "compensated_s": self.compensated_s}

    def __str__(self) -> str:
        return f"{self.seconds:.2f} +- {self.std:.2f}, {self.compensated_s:.2f} compensated"

    @property
    def is_implausible(self) -> bool:
        """Whether it is certainly more than can be made up for."""
        return self.std <= TOLD_S and abs(self.seconds) - SIGMAS * self.std > MAX_COMPENSATED_S


class FixDelay:
    """A Kalman filter of the fixes' drifting error (east, north), how far ahead they are measured, and their delay.

    A delay shows as fixes that lag behind in proportion to the velocity. Driven straight at one speed, that looks like
    an error of the fixes; only turns, stops and starts tell them apart, and the standard deviation says how well.
    """

    def __init__(self, correlation_s: float) -> None:
        """correlation_s: within which the error of fixes drifts away."""
        self.correlation_s = correlation_s
        self._begin()

    def _begin(self) -> None:
        """Know nothing but what is usual."""
        self._stamp_ns: int | None = None
        self._state = np.zeros(4)
        self._covariance = np.diag([0.0, 0.0, ANTENNA_M**2, PRIOR_S**2])
        self._denial = 0.0  # chi-square by which fixes of late speak for no delay rather than this one

    @property
    def offset(self) -> ClockOffset:
        """What is known of the delay."""
        return ClockOffset(float(self._state[3]), math.sqrt(self._covariance[3, 3]))

    def add(self, stamp_ns: int, residual: Floats, velocity: Floats, yaw: float, fix: Floats, belief: Floats) -> None:
        """Learn from a fix that lies `residual` (2,) from where the vehicle was believed at the fix's stamp.

        velocity: (2,) m/s east and north. fix, belief: (2, 2) covariances of both.
        """
        elapsed_s = self._drift(stamp_ns, fix)
        jacobian = np.column_stack([np.eye(2), (math.cos(yaw), math.sin(yaw)), -velocity])
        if self._is_denied(residual, jacobian[:, 2:], (1.0 + WHITE_SHARE**2) * fix + belief, elapsed_s):
            self._begin()
            self._drift(stamp_ns, fix)
        innovation = residual - jacobian @ self._state
        spread = jacobian @ self._covariance @ jacobian.T + WHITE_SHARE**2 * fix + belief
        if _chi_square(innovation, spread) > GATE:
            return
        gain = np.linalg.solve(spread, jacobian @ self._covariance).T
        self._state = self._state + gain @ innovation
        remaining = (np.eye(4) - gain @ jacobian) @ self._covariance
        self._covariance = (remaining + remaining.T) / 2

    def _is_denied(self, residual: Floats, jacobian: Floats, unsure: Floats, elapsed_s: float) -> bool:
        """Whether fixes of late fit clearly better without any delay than with the one that is believed.

        That is of a receiver that repeated a place for a while. Sure of it, the filter looks at no good fix after, or
        takes what is not behind for an error of the fixes. jacobian: (2, 2) of lever and delay; unsure: (2, 2) besides.
        """
        without = _chi_square(residual, unsure)
        off, spread = residual - jacobian @ self._state[2:], jacobian @ self._covariance[2:, 2:] @ jacobian.T
        late = _chi_square(off, unsure + spread)
        if without <= GATE:
            windows = min(1.0, elapsed_s / self.correlation_s)
            self._denial = max(0.0, self._denial + windows * min(late - without, GATE))
        return self._denial > CLEARLY

    def _drift(self, stamp_ns: int, fix: Floats) -> float:
        """Let the time since the last fix pass: its error decays (Gauss-Markov) and is stirred to the same size.

        Returns how long (s) that was; none before the first.
        """
        elapsed_s = math.inf if self._stamp_ns is None else max(stamp_ns - self._stamp_ns, 0) * 1e-9
        kept = np.array([*[math.exp(-elapsed_s / self.correlation_s)] * 2, 1.0, 1.0])
        self._state = kept * self._state
        self._covariance = kept[:, None] * self._covariance * kept
        self._covariance[:2, :2] += (1.0 - kept[0] ** 2) * fix
        self._stamp_ns = stamp_ns if self._stamp_ns is None else max(stamp_ns, self._stamp_ns)
        if math.isinf(elapsed_s):
            return 0.0
        self._covariance[3, 3] += DRIFT_S**2 * elapsed_s
        return elapsed_s


def _chi_square(offset: Floats, spread: Floats) -> float:
    return float(offset @ np.linalg.solve(spread, offset))
