"""Sensor errors of a drive: what GNSS, an IMU and wheels make of the truth, with covariances that say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SensorErrors:
    """Standard deviations. GNSS, metres on each axis: drifting and white, a mean horizontal error of 8 m in all.

    yaw_drift, tilt_drift (of roll and pitch): rad. gyro: rad/s white; gyro_bias: rad/s.
    wheel_scale: share of the distance.
    """

    gnss_drift: float = 6.2
    gnss_white: float = 1.5
    gnss_tau: float = 30.0
    altitude: float = 3.0
    yaw_drift: float = 0.035
    yaw_tau: float = 60.0
    tilt_drift: float = 0.01
    gyro: float = 0.005
    gyro_bias: float = 0.002
    wheel_scale: float = 0.01
    wheel_white: float = 0.05

    @property
    def gnss_variance(self) -> float:
        """Square metres on each horizontal axis."""
        return self.gnss_drift**2 + self.gnss_white**2


def gauss_markov(rng: np.random.Generator, times: Floats, sigma: float, tau: float) -> Floats:
    """A first-order Gauss-Markov process (n,) of deviation `sigma` and correlation time `tau` (s) at times (n,)."""
    values = np.empty(len(times))
    values[0] = rng.normal(0.0, sigma)
    decay = np.exp(-np.diff(times) / tau)
    kicks = rng.normal(0.0, 1.0, len(decay)) * sigma * np.sqrt(1.0 - decay**2)
    for index, (keep, kick) in enumerate(zip(decay, kicks, strict=True)):
        values[index + 1] = keep * values[index] + kick
    return values


def gnss_fixes(rng: np.random.Generator, times: Floats, truth: Floats, errors: SensorErrors) -> Floats:
    """East, north, up (n, 3) that a receiver reports at true positions (n, 2)."""
    drift = [gauss_markov(rng, times, errors.gnss_drift, errors.gnss_tau) for _ in range(2)]
    white = rng.normal(0.0, errors.gnss_white, (len(times), 2))
    up = gauss_markov(rng, times, errors.altitude, errors.gnss_tau)
    return np.column_stack([truth + np.column_stack(drift) + white, up])


def dead_reckoning(
    rng: np.random.Generator, times: Floats, speed: Floats, yaw_rate: Floats, errors: SensorErrors
) -> Floats:
    """x, y, yaw, forward speed, yaw rate (n, 5) of wheel odometry, from 0, 0, 0."""
    scale = 1.0 + rng.normal(0.0, errors.wheel_scale)
    measured_speed = speed * scale + rng.normal(0.0, errors.wheel_white, len(speed))
    measured_rate = yaw_rate + rng.normal(0.0, errors.gyro_bias) + rng.normal(0.0, errors.gyro, len(speed))
    dt = np.diff(times, prepend=times[0])
    yaw = np.cumsum(measured_rate * dt)
    x, y = np.cumsum(measured_speed * np.cos(yaw) * dt), np.cumsum(measured_speed * np.sin(yaw) * dt)
    return np.column_stack([x, y, yaw, measured_speed, measured_rate])
