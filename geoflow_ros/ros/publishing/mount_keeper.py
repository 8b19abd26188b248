"""What is believed of the cameras' mounts, kept across restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError
from geoflow_ros.ros.publishing.state_files import StateFile, mount_path
from geoflow_ros.tracking.mount.estimate import MountEstimate, given_stated

PERIOD_NS = 5_000_000_000
DOUBT = np.array([math.radians(0.2)] * 3 + [0.01])
"""Radians and metres (1 sigma) that someone may have moved a camera by while the node was off."""


class MountKeeper:
    """Writes the mounts at most every five seconds of image time, unless `saved_pose.max_age` is 0.

    What was kept of other cameras stays: TF may not have told of their mounts yet, or they are switched off today.
    """

    def __init__(self, config: SavedPoseConfig, node_name: str) -> None:
        self._is_on = config.max_age > 0.0
        self._file = StateFile(mount_path(config, node_name), "the cameras' mounts")
        self._written_ns = 0

    def is_due(self, stamp_ns: int) -> bool:
        """Whether `keep` would save something at this stamp."""
        return self._is_on and abs(stamp_ns - self._written_ns) >= PERIOD_NS

    def keep(self, stamp_ns: int, estimates: Mapping[str, MountEstimate]) -> None:
        """Save the estimates by the cameras' names; InputError if the file cannot be written."""
        if not self.is_due(stamp_ns):
            return
        self._written_ns = stamp_ns  # also when it fails
        believed = {name: each.to_json() for name, each in estimates.items()}
        self._file.replace({**self._kept(), **believed})

    def recall(self, name: str, prior: MountEstimate) -> MountEstimate | None:
        """What was believed of a camera's mount, None if nothing was kept; InputError if it is of no use.

        prior: what is believed without; nothing that was kept is less certain.
        """
        if not self._is_on:
            return None
        try:
            document = self._file.read()
            kept = None if document is None else document.get(name)
            return None if kept is None else _doubted(MountEstimate.from_json(kept, prior.stated), prior)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"saved mount {name} in {self._file} is not used, it is learnt anew: {error}") from error

    def _kept(self) -> dict[str, Any]:
        """What the file holds of all cameras, nothing if it is of no use."""
        try:
            document = self._file.read()
        except InputError:
            return {}
        return document if isinstance(document, dict) else {}


def _doubted(kept: MountEstimate, prior: MountEstimate) -> MountEstimate:
    """What was kept, given that what is stated as exactly known by now is as stated."""
    correction = given_stated(kept.correction, kept.covariance, np.flatnonzero(prior.std == 0.0).tolist())
    covariance = kept.covariance + np.diag(DOUBT**2)
    share = np.minimum(1.0, prior.std / np.sqrt(np.diag(covariance)))
    return replace(kept, correction=correction, covariance=covariance * np.outer(share, share))
