"""The cameras of a vehicle by their names: calibration and mount of each, and which of them shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.tracking.camera_input import CameraInput
from geoflow_ros.tracking.mount.estimate import MountPrior

ONE = ""
"""The name of the camera of a vehicle that has a single one."""
STALLED_NS = 2 * 10**9  # behind the newest image of the others


@dataclass(frozen=True, slots=True)
class CameraSetup:
    """What is known of a camera beforehand. rectified: read P of its camera_info instead of K and D.

    mount: None as long as it is not known; prior: how well it is, by default exactly.
    """

    mount: Mount | None = None
    rectified: bool = False
    prior: MountPrior = MountPrior()


class Cameras:
    """Inputs by name, and when each camera was last heard of."""

    def __init__(self, setups: Mapping[str, CameraSetup]) -> None:
        self._inputs = {name: CameraInput(each.mount, each.rectified) for name, each in setups.items()}
        self.forget_images()

    def __getitem__(self, name: str) -> CameraInput:
        """Calibration and mount of a camera; an InputError if there is none of that name."""
        if name not in self._inputs:
            raise InputError(f"there is no camera {name!r}: the cameras are {', '.join(map(repr, self._inputs))}")
        return self._inputs[name]

    @property
    def is_rig(self) -> bool:
        """Whether there are several."""
        return len(self._inputs) > 1

    def forget_images(self) -> None:
        """Time jumped."""
        self._last_ns: dict[str, int] = {}
        self._first_ns: int | None = None
        self._blind: dict[str, str] = {}

    def heard(self, name: str, stamp_ns: int) -> None:
        """An image came."""
        self._first_ns = stamp_ns if self._first_ns is None else min(stamp_ns, self._first_ns)
        self._last_ns[name] = max(stamp_ns, self._last_ns.get(name, stamp_ns))

    def blind(self, name: str, reason: str) -> None:
        """Why a camera shows nothing now; an empty reason: it does."""
        self._blind[name] = reason

    @property
    def warnings(self) -> dict[str, str]:
        """What is wrong with each camera of a rig while others may go on, by `camera NAME`; a single one has none."""
        if not self.is_rig or self._first_ns is None:
            return {}
        newest_ns = max(self._last_ns.values())
        sentences = {name: self._stalled(name, newest_ns) or self._blind.get(name, "") for name in self._inputs}
        return {f"camera {name}": of_camera(name, each) for name, each in sentences.items() if each}

    def _stalled(self, name: str, newest_ns: int) -> str:
        last_ns = self._last_ns.get(name, self._first_ns or 0)
        if newest_ns - last_ns <= STALLED_NS:
            return ""
        if name not in self._last_ns:
            return "no image received yet"
        return f"no image for {(newest_ns - last_ns) * 1e-9:.0f} s"


def of_camera(name: str, sentence: str) -> str:
    """The sentence, with the name of the camera where there are several."""
    return f"camera {name}: {sentence}" if name else sentence
