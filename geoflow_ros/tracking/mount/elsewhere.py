"""Whether a camera's frames fit only as another camera's, or turned by quarters: topics swapped, a yaw mistyped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.mount.flips import OtherwiseCheck

ALIKE = math.radians(30.0)  # cameras that look less far apart see much of the same
QUARTERS = (90, -90, 180)  # degrees


class Elsewhere(NamedTuple):
    """How a camera may be mounted in fact, and what that means, in words."""

    mount: Mount
    meaning: str


def elsewhere(camera: str, stated: Mapping[str, Mount]) -> Sequence[Elsewhere]:
    """How a camera may look in fact, of several whose mounts are stated: as another of them does, or else turned."""
    own = stated[camera]
    others = [
        Elsewhere(mount, f"frames fit the imagery only as those of camera {name}: are the two swapped?")
        for name, mount in stated.items()
        if name != camera and not _is_alike(mount, own)
    ]
    turned = [_turned(own, quarter) for quarter in QUARTERS]
    return [*others, *(each for each in turned if not any(_is_alike(each.mount, other.mount) for other in others))]


def _turned(own: Mount, degrees: int) -> Elsewhere:
    side = "left" if degrees > 0 else "right"
    return Elsewhere(
        replace(own, yaw=float(wrap_angle(own.yaw + math.radians(degrees)))),
        f"frames fit the imagery only if it looks {abs(degrees)} degrees further {side} than camera.yaw says: look at "
        "the mount, and whose images these are",
    )


class ElsewhereCheck:
    """Counts, of the frames of one camera, those that fit better so."""

    def __init__(self) -> None:
        self._check = OtherwiseCheck[str]()

    def learn(self, evidence: Sequence[MountEvidence], places: Sequence[Elsewhere], matched: float) -> None:
        """Take what a frame says of the mount that is stated, then of these; of fewer it says nothing."""
        if len(evidence) == 1 + len(places):
            meanings = [each.meaning for each in places]
            self._check.learn(evidence[:1], dict(zip(meanings, evidence[1:], strict=True)), matched)

    @property
    def sentence(self) -> str:
        """What is wrong with the mount or the topic; empty if nothing is known to be."""
        return self._check.said or ""


def _is_alike(mount: Mount, other: Mount) -> bool:
    return abs(float(wrap_angle(mount.yaw - other.yaw))) < ALIKE
