"""The cameras of a vehicle by their names: calibration and mount of each, and which of them shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.camera_input import CameraInput
from geoflow_ros.tracking.mount.estimate import MountPrior

ONE = ""
"""The name of the camera of a vehicle that has a single one."""
CERTAIN_M, NOTHING_WORTH, LEARNING = 0.2, 0.1, 0.2
"""A standard deviation than which none is better (m), the worth of a camera that says nothing (1/m), and how much of
an image's worth goes into that of its camera: it must get a turn now and then, or it would never be seen to be well."""
STALLED_NS = 2 * 10**9  # behind the newest image of the others
ALIKE = 3  # images in a row of one stamp: one that is sent twice is no fault


@dataclass(frozen=True, slots=True)
class CameraSetup:
    """What is known of a camera beforehand. rectified: read P of its camera_info instead of K and D.

    mount: None as long as it is not known; prior: how well it is, by default exactly. calibrated: what needs no
    camera_info. source: the panoramic camera of which it is a view, None if it is a camera of its own. delay: by how
    much (s) its images are stamped later than they were exposed. mask: where they show the world, None if everywhere.
    """

    mount: Mount | None = None
    rectified: bool = False
    prior: MountPrior = MountPrior()
    calibrated: CameraModel | None = None
    source: str | None = None
    delay: float = 0.0
    mask: CameraMask | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Which camera takes a frame, and where it is on base_link and looks, seen from above."""

    camera: str = ONE
    mount: PlanarPose = PlanarPose()


AHEAD = View()


class Cameras:
    """Inputs by name, and when each camera was last heard of."""

    def __init__(self, setups: Mapping[str, CameraSetup]) -> None:
        self._worth = dict.fromkeys(setups, 1.0)
        self._inputs = {
            name: CameraInput(each.mount, each.rectified, each.calibrated, each.mask) for name, each in setups.items()
        }
        self._sources = {name: name if each.source is None else each.source for name, each in setups.items()}
        self._delays = {name: each.delay for name, each in setups.items()}
        self._delays |= {source: self._delays[name] for name, source in self._sources.items()}
        self.forget_images()

    def __getitem__(self, name: str) -> CameraInput:
        """Calibration and mount of a camera; an InputError if there is none of that name."""
        if name not in self._inputs:
            raise InputError(f"there is no camera {name!r}: the cameras are {', '.join(map(repr, self._inputs))}")
        return self._inputs[name]

    @property
    def is_rig(self) -> bool:
        """Whether there are several; the views of a panoramic camera are one."""
        return len({*self._sources.values()}) > 1

    @property
    def mounts(self) -> Mapping[str, Mount | None]:
        """Of each camera, as stated; None before it is."""
        return {name: each.mount for name, each in self._inputs.items()}

    def source(self, name: str) -> str:
        """The camera that takes the images of this one: itself, or the panoramic camera of which it is a view."""
        return self._sources[name]

    def delay(self, name: str) -> float:
        """By how much (s) images are stamped late, of a camera or of one that is cut into views."""
        return self._delays[name]

    def driver_ns(self, name: str, taken_ns: int) -> int:
        """The stamp that its driver gave an image of this stamp: what tells of clocks, and of what is missing.

        One that sets none (0) has no clock.
        """
        return taken_ns and taken_ns + round(self._delays[name] * 1e9)

    def forget_images(self) -> None:
        """Time jumped."""
        self._last_ns: dict[str, int] = {}
        self._first_ns: int | None = None
        self._alike: dict[str, tuple[int, int]] = {}  # the newest stamp, and how many images in a row have it
        self._blind: dict[str, str] = {}

    def heard(self, name: str, stamp_ns: int) -> None:
        """An image came."""
        self._first_ns = stamp_ns if self._first_ns is None else min(stamp_ns, self._first_ns)
        self._last_ns[name] = max(stamp_ns, self._last_ns.get(name, stamp_ns))

    def standstill(self, name: str, stamp_ns: int) -> str:
        """Why an image that is to be answered cannot be: its driver gives all images this stamp; else empty."""
        last_ns, count = self._alike.get(name, (stamp_ns, 0))
        count = count + 1 if last_ns == stamp_ns else 1
        self._alike[name] = stamp_ns, count
        if count < ALIKE:
            return ""
        return f"one image after another is stamped {stamp_ns * 1e-9:.3f} s: its driver must stamp each as it is taken"

    def learn_worth(self, name: str, std_m: float | None) -> None:
        """How uncertain an image of a camera was alone (m); None if it said nothing."""
        told = NOTHING_WORTH if std_m is None else 1.0 / max(std_m, CERTAIN_M)
        self._worth[name] += LEARNING * (told - self._worth[name])

    def worth(self, name: str) -> float:
        """What the next image of a camera promises: the inverse of its standard deviation (1/m), positive."""
        return self._worth[name]

    def blind(self, name: str, reason: str) -> None:
        """Why a camera shows nothing now; an empty reason: it does."""
        self._blind[name] = reason

    @property
    def warnings(self) -> dict[str, str]:
        """What is wrong with each camera of a rig while others may go on, by `camera NAME`; a single one has none."""
        if len(self._inputs) == 1:
            return {}
        newest_ns = max(self._last_ns.values(), default=0)
        sentences = {name: self._blind.get(name) or self._stalled(name, newest_ns) for name in self._inputs}
        named = {self._named(name, sentences): each for name, each in sentences.items() if each}
        return {f"camera {name}".strip(): of_camera(name, each) for name, each in named.items()}

    def _named(self, name: str, sentences: Mapping[str, str]) -> str:
        """Whose fault it is: of what is said of all views of a panoramic camera alike, its own."""
        source = self._sources[name]
        alike = {sentences[each] for each, of in self._sources.items() if of == source}
        return source if len(alike) == 1 else name

    def _stalled(self, name: str, newest_ns: int) -> str:
        last_ns = self._last_ns.get(name, newest_ns if self._first_ns is None else self._first_ns)
        if newest_ns - last_ns <= STALLED_NS:
            return ""
        if name not in self._last_ns:
            return "no image received yet"
        return f"no image for {(newest_ns - last_ns) * 1e-9:.0f} s"


def of_camera(name: str, sentence: str) -> str:
    """The sentence, if any, with the name of the camera where there are several."""
    return f"camera {name}: {sentence}" if name and sentence else sentence
