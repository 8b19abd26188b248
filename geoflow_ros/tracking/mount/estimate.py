"""What is believed of a camera's mount: the one that was stated, what frames correct of it, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import HIGHEST_M, LOWEST_M, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle

Floats = NDArray[np.float64]
CAMERA = "camera"  # what the camera of a vehicle with a single one is called where it needs a name
STATES = ("roll", "pitch", "yaw", "height")
"""What is estimated, in this order everywhere: rad, rad, rad, m."""
WORTH_SAYING, WORTH_SAYING_HEIGHT = math.radians(1.0), 0.05  # of an angle; of the height, as a share of it
SIGNIFICANT = 3.0  # standard deviations
SAME = 1e-5  # rad, m: of a stated mount
ROUNDING = 1e-9  # of the largest eigenvalue


@dataclass(frozen=True, slots=True)
class MountPrior:
    """How well a stated mount is known: standard deviations of the angles (rad), and of the height as a share of it."""

    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    height: float = 0.0

    def of(self, stated: Mount) -> MountEstimate:
        """What is believed of a mount before any frame."""
        std = np.array([self.roll, self.pitch, self.yaw, self.height * stated.height])
        return MountEstimate(stated, covariance=np.diag(std**2))


@dataclass(frozen=True, slots=True, eq=False)
class MountEstimate:
    """A mount around the one that was stated.

    correction: (4,) mean of what is added to `stated`, by `STATES`; covariance: (4, 4) of it. suspicion: why no mount
    near the stated one explains the frames; empty if one may.
    """

    stated: Mount
    correction: Floats = field(default_factory=lambda: np.zeros(4))
    covariance: Floats = field(default_factory=lambda: np.zeros((4, 4)))
    suspicion: str = ""

    @property
    def mount(self) -> Mount:
        """The mean."""
        return corrected(self.stated, self.correction)

    @property
    def std(self) -> Floats:
        """Standard deviations (4,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def sentence(self) -> str:
        """What to look at on the vehicle: the suspicion, or what is surely a degree (5 % of the height) off."""
        if self.suspicion:
            return self.suspicion
        least = np.array([WORTH_SAYING, WORTH_SAYING, WORTH_SAYING, WORTH_SAYING_HEIGHT * self.stated.height])
        is_off = (np.abs(self.correction) > least) & (np.abs(self.correction) > SIGNIFICANT * self.std)
        said = [self._said(index) for index in np.flatnonzero(is_off).tolist()]
        return f"{'; '.join(said)}: look at the mount" if said else ""

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; roll, pitch, yaw (rad) and height (m) as stated and as estimated."""
        return {
            "stated": _values(self.stated),
            "estimated": _values(self.mount),
            "std": dict(zip(STATES, self.std.tolist(), strict=True)),
            "correction": self.correction.tolist(),
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], stated: Mount) -> MountEstimate:
        """The estimate that was kept; InputError if it is of another stated mount, or none."""
        try:
            kept = [float(document["stated"][name]) for name in STATES]
            correction = np.array(document["correction"], dtype=np.float64)
            covariance = np.array(document["covariance"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"a kept mount lacks what is expected ({error!r}): delete it, it is learnt anew"
            ) from error
        if correction.shape != (4,) or covariance.shape != (4, 4) or not np.isfinite(correction).all():
            raise InputError(f"a kept mount has the correction {correction.tolist()}, expected 4 numbers: delete it")
        if not np.isfinite(covariance).all() or not _is_positive(covariance):
            raise InputError(f"a kept mount has the covariance {covariance.tolist()}, expected positive: delete it")
        away = np.array(kept) - list(_values(stated).values())
        away[:3] = wrap_angle(away[:3])
        if not np.abs(away).max() < SAME:
            raise InputError(
                f"the kept mount corrects {kept} (roll, pitch, yaw, height), but {_values(stated)} is stated"
            )
        return cls(stated, correction, covariance)

    def _said(self, index: int) -> str:
        name, value = STATES[index], getattr(self.stated, STATES[index])
        found, unit = getattr(self.mount, name), "m"
        if name != "height":  # beside what is stated: backwards is 3.14 as well as -3.14
            found, unit = value + wrap_angle(found - value), "rad"
        return f"camera.{name} is {value:.3g}, frames say {found:.3f} +- {self.std[index]:.3f} {unit}"


def _is_positive(covariance: Floats) -> bool:
    """Whether it has no negative eigenvalue; of a state that is known exactly one is zero, or what rounding makes."""
    values = np.linalg.eigvalsh(covariance)
    return bool(values[0] >= -ROUNDING * abs(values).max())


def corrected(mount: Mount, correction: Floats) -> Mount:
    """The mount with (4,) added to roll, pitch, yaw and height, which stays one that a camera may have."""
    roll, pitch, yaw, height = correction.tolist()
    return replace(
        mount,
        roll=float(wrap_angle(mount.roll + roll)),
        pitch=mount.pitch + pitch,
        yaw=float(wrap_angle(mount.yaw + yaw)),
        height=min(max(mount.height + height, LOWEST_M), HIGHEST_M),
    )


def given_stated(mean: Floats, covariance: Floats, states: list[int]) -> Floats:
    """The mean (N,) of corrections given that these states are as stated: zero."""
    known = np.linalg.pinv(covariance[np.ix_(states, states)], hermitian=True)
    given = mean - covariance[:, states] @ known @ mean[states]
    given[states] = 0.0
    return np.asarray(given)


def _values(mount: Mount) -> dict[str, float]:
    return {name: float(getattr(mount, name)) for name in STATES}


def group_of(name: str) -> str:
    """The group of a camera's parameters."""
    return CAMERA if name == CAMERA else f"{CAMERA}.{name}"


def in_words(state: str, value: float) -> str:
    """A value of one of `STATES` in the unit that people think in."""
    return f"{value:.3f} m" if state == "height" else f"{math.degrees(value):.2f} deg"
