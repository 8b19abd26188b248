"""Satellite patches encoded once for many frames: snapped to a grid of places and headings, kept while in use."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.inputs import image_tensor
from geoflow_ros.localization.pose import PosePrior, position_std
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.patch import SatellitePatch

Key = tuple[float, int, int, int, int]
HALVINGS = 4  # of a spacing, until it is as fine as it gets
LOOK_AHEAD = PlanarPose(3.0), PlanarPose(yaw=math.radians(1.5)), PlanarPose(y=3.0)  # 0.1 s at 30 m/s and 15 degrees/s
WELL = 0.75  # of what a patch may be away and turned: up to here it will serve the next frames, too
RETRY_S = 5.0  # until missing tiles are asked for again
SIGMAS = 2.0  # of the prior that must lie within what is searched
TURNED = math.radians(2.0)  # beyond its bin, so far a patch serves: as if patches were as much further apart


@dataclass(frozen=True, slots=True)
class Snapping:
    """Where patches lie: on a grid along their own axes, their headings in bins.

    The grid (at most `grid_m`) is halved until the prior's SIGMAS lie within the searched `radius` (m) of any patch it
    gives; bins are `heading` (rad) apart, and the heading is searched around the prior's, not the bin's. A patch's
    grid runs along its own axes because a network whose features have a stride then sees the same ground at the same
    phase in neighbouring patches, and answers alike.
    """

    grid_m: float
    heading: float
    radius: float

    def key(self, prior: PosePrior) -> Key:
        """Spacing, turns to the circle, and indices (right, up, turn) of the patch for a camera with this prior."""
        std = position_std(prior.covariance)
        grid = _halved(self.grid_m, math.sqrt(2) * (self.radius - SIGMAS * std))
        turns = max(1, round(math.tau / self.heading))
        turn = round(prior.yaw / math.tau * turns) % turns
        along_axes = PlanarPose(yaw=-math.tau * turn / turns) @ PlanarPose(prior.east, prior.north)
        return grid, turns, round(along_axes.x / grid), round(along_axes.y / grid), turn

    def misfit(self, key: Key, prior: PosePrior) -> float:
        """How far from serving a camera with this prior a patch is: up to 1 it does, though another may be nearer."""
        patch = pose_of(key)
        away = math.hypot(prior.east - patch.x, prior.north - patch.y) + SIGMAS * position_std(prior.covariance)
        return max(away / self.radius, abs(wrap_angle(prior.yaw - patch.yaw)) / (self.heading / 2 + TURNED))


def _halved(spacing: float, limit: float) -> float:
    """The spacing, or the largest half, quarter, ... of it that is within the limit, or else the smallest."""
    finer = [spacing / 2.0**power for power in range(HALVINGS + 1)]
    return next((each for each in finer if each <= limit), finer[-1])


def pose_of(key: Key) -> PlanarPose:
    """Centre (east, north, m) and direction of +u (rad) of a patch."""
    grid, turns, right, up, turn = key
    return PlanarPose(yaw=math.tau * turn / turns) @ PlanarPose(grid * right, grid * up)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPatch:
    """A patch and what the network keeps of it. looked_up_s: when its tiles were last asked for."""

    patch: SatellitePatch
    features: Tensor
    looked_up_s: float

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.patch.image.nbytes + self.features.nbytes


class PatchEncoder:
    """Encoded patches of a map, the most recently used kept up to a budget. Safe across threads.

    What it returns depends on the prior and the imagery alone, never on what was asked before; unless nobody is to wait
    for a patch while another one serves. Of a patch that lacks imagery the tiles are asked for again, should they have
    arrived, but not within RETRY_S.
    """

    def __init__(
        self,
        model: LocalizationModel,
        satellite: SatelliteMap,
        frame: LocalFrame,
        snapping: Snapping,
        budget_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        waits: bool = True,
    ) -> None:
        """clock: seconds since whenever. waits: whether `around` encodes a patch where another one serves."""
        self.snapping = snapping
        self._model, self._satellite, self._frame = model, satellite, frame
        self._budget, self._clock, self._waits = budget_bytes, clock, waits
        self._kept: OrderedDict[Key, EncodedPatch] = OrderedDict()
        self._bytes = 0
        self._largest = 0  # bytes of a patch, as far as is known
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory that the kept patches take."""
        return self._bytes

    def resize(self, budget_bytes: int) -> None:
        """Keep as much from now on."""
        with self._lock:
            self._budget = budget_bytes
            self._shrink()

    def around(self, prior: PosePrior) -> EncodedPatch:
        """The encoded patch for a camera with this prior in the `map` frame."""
        key = self.snapping.key(prior)
        kept = self._recall(key)
        if kept is None and not self._waits and (other := self._serving(prior)):
            return other
        return self._renewed(key, kept) if kept is None or self._is_due(kept) else kept

    def ahead(self, prior: PosePrior, is_hurried: bool = False) -> bool:
        """Encode (or look up again) one patch that this prior or one a little further would need.

        False if there is none: all are kept, or one more would push out another of them. is_hurried: only that of this
        prior, and only if soon no other will serve it.
        """
        if is_hurried and self._serving(prior, WELL) is not None:
            return False
        keys = [self.snapping.key(prior)] if is_hurried else self._nearby(prior)
        nearby = {key: self._recall(key) for key in keys}
        kept = sum(each is not None for each in nearby.values())
        has_room = (kept + 1) * self._largest <= self._budget
        for key, encoded in nearby.items():
            if has_room if encoded is None else self._is_due(encoded):
                self._renewed(key, encoded)
                return True
        return False

    def _nearby(self, prior: PosePrior) -> Iterator[Key]:
        """The patches for a prior moved along each axis of its own, both ways."""
        yield self.snapping.key(prior)
        for step in LOOK_AHEAD:
            for way in (step, step.inverse()):
                there = prior.planar @ way
                yield self.snapping.key(replace(prior, east=there.x, north=there.y, yaw=there.yaw))

    def _recall(self, key: Key) -> EncodedPatch | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _serving(self, prior: PosePrior, misfit: float = 1.0) -> EncodedPatch | None:
        """The kept patch that serves this prior best, if one does up to this misfit."""
        with self._lock:
            whole = [key for key, each in self._kept.items() if not each.patch.missing]
        misfits = {key: self.snapping.misfit(key, prior) for key in whole}
        best = min(misfits, key=misfits.__getitem__, default=None)
        return None if best is None or misfits[best] > misfit else self._recall(best)

    def _is_due(self, kept: EncodedPatch) -> bool:
        return kept.patch.missing > 0.0 and self._clock() >= kept.looked_up_s + RETRY_S

    def _renewed(self, key: Key, kept: EncodedPatch | None) -> EncodedPatch:
        """The patch as the tiles are now, encoded unless it looks as the one that is kept."""
        looked_up_s, pose, config = self._clock(), pose_of(key), self._model.config
        size_px, resolution = config.satellite_px, config.satellite_resolution
        patch = self._satellite.patch(self._frame, (pose.x, pose.y), pose.yaw, size_px, resolution)
        if kept is not None and np.array_equal(patch.image, kept.patch.image):
            encoded = EncodedPatch(patch, kept.features, looked_up_s)
        else:
            encoded = EncodedPatch(patch, self._encode(patch), looked_up_s)
        self._keep(key, encoded)
        return encoded

    @torch.inference_mode()
    def _encode(self, patch: SatellitePatch) -> Tensor:
        return self._model.encode_satellite(image_tensor(np.asarray(patch.image)))

    def _keep(self, key: Key, encoded: EncodedPatch) -> None:
        with self._lock:
            replaced = self._kept.pop(key, None)
            self._kept[key] = encoded
            self._bytes += encoded.nbytes - (0 if replaced is None else replaced.nbytes)
            self._largest = max(self._largest, encoded.nbytes)
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._budget:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
