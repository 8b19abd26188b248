"""What a whole drive says of a mount, which is more than what its last street says, and less sure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.belief import TOLERATED
from geoflow_ros.tracking.mount.estimate import STATES, MountEstimate
from geoflow_ros.tracking.mount.mount_filter import as_stated
from geoflow_ros.tracking.mount.self_calibration import TILT, YAW
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.track import TrackState

Floats = NDArray[np.float64]


class EstimateRecorder:
    """Watches a replay, and keeps what is believed of the mounts at every localised frame."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: defaultdict[str, list[tuple[Floats, Floats]]] = defaultdict(list)

    def watch(self, index: int, message: Any, answer: Answer) -> None:
        """See a frame."""
        if answer.track.state is TrackState.LOCALISED:
            for name, each in self._session.mount_estimates.items():
                self._said[name].append((each.correction, np.diag(each.covariance)))

    def over_the_drive(self, name: str) -> MountEstimate:
        """The last estimate, no surer than it would have been had the drive ended anywhere in its second half.

        Frames of a street err alike, for longer than an estimate remembers.
        """
        last = self._session.mount_estimates[name]
        lately = self._said[name][len(self._said[name]) // 2 :]
        if not lately:
            return last
        away = np.array([correction for correction, _ in lately]) - last.correction
        away[:, [STATES.index("roll"), YAW]] = wrap_angle(away[:, [STATES.index("roll"), YAW]])
        over = np.mean(np.square(away) + [variance for _, variance in lately], axis=0)
        grown = np.sqrt(np.maximum(1.0, over / np.maximum(np.diag(last.covariance), 1e-18)) * (last.std > 0.0))
        return replace(last, covariance=last.covariance * np.outer(grown, grown))


def kept_as_stated(found: MountEstimate, observed: NDArray[np.bool_]) -> MountEstimate:
    """The estimate, as stated in all that was observed and tolerates it; as uncertain as it was off, then.

    observed: (4,). A pass of the drive that begins where the one before ended keeps what that one said wherever it
    tolerates it, though it may tolerate what was stated just as well.
    """
    correction, covariance = found.correction.copy(), found.covariance
    correction[TILT] = as_stated(correction[TILT], covariance[np.ix_(TILT, TILT)], observed[TILT])
    if observed[YAW] and correction[YAW] ** 2 <= TOLERATED * covariance[YAW, YAW]:
        correction[YAW] = 0.0
    away = found.correction - correction
    return replace(found, correction=correction, covariance=covariance + np.outer(away, away))
