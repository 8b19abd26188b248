"""A panoramic camera as a rig: its images are cut into pinhole views that look to all sides."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import BRIGHT, CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.cameras import CameraSetup
from geoflow_ros.tracking.mount.estimate import MountPrior
from geoflow_ros.tracking.sensors.image_decoding import Decode, Pixels, decode_image

VIEW = CameraModel(512, 256, 256.0, 256.0, 256.0, 128.0)
"""Every view: 90 degrees wide, 53 high."""
AS_SHARP = (2 * math.ceil(math.pi * VIEW.fx), math.ceil(math.pi * VIEW.fx))
"""Width and height (px) of a panorama that is as sharp as a view at its middle; a larger one is no better."""
LARGEST_LINEAR_SHRINKAGE = 1.5  # beyond it, linear interpolation skips pixels
TINY = 1e-12
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PanoramaView:
    """A view by its name. source: the panoramic camera; yaw: how far (rad) to its left the view looks.

    lens: the field of view (rad) of each of two fisheye lenses that images show side by side, the one that looks ahead
    on the left; 0 where they are equirectangular.
    """

    name: str
    source: str
    yaw: float
    lens: float = 0.0

    def mount(self, panorama: Mount) -> Mount:
        """How the view is mounted if the panoramic camera is mounted so."""
        upright = replace(panorama, roll=0.0, pitch=0.0, yaw=self.yaw)
        view = upright.on_tilted_body(panorama.roll, panorama.pitch)
        return replace(view, yaw=wrap_angle(view.yaw + panorama.yaw))

    def setup(self, panorama: CameraSetup) -> CameraSetup:
        """What is known of the view, from what is known of the panoramic camera."""
        mount, prior, cos, sin = panorama.mount, panorama.prior, math.cos(self.yaw), math.sin(self.yaw)
        roll = math.hypot(cos * prior.roll, sin * prior.pitch)
        pitch = math.hypot(cos * prior.pitch, sin * prior.roll)
        turned = MountPrior(roll, pitch, prior.yaw, prior.height)
        stated = None if mount is None else self.mount(mount)
        mask = None if panorama.mask is None else self.cut_mask(panorama.mask)
        return CameraSetup(stated, False, turned, VIEW, self.source, panorama.delay, mask)

    def cut_mask(self, mask: CameraMask) -> CameraMask:
        """The part of a panorama's mask that the view shows."""
        whole = np.repeat(mask.world[..., None].astype(np.uint8) * 255, 3, axis=2)
        return CameraMask(cut_view(whole, self.yaw, self.lens)[..., 0] >= BRIGHT)


def views_of(source: str, count: int, lens: float = 0.0) -> tuple[PanoramaView, ...]:
    """So many views of a panoramic camera, evenly all around, named by their angles; lens: as of `PanoramaView`."""
    yaws = {f"{source or 'view'}_{360.0 * index / count:.0f}": math.tau * index / count for index in range(count)}
    return tuple(PanoramaView(name, source, wrap_angle(yaw), lens) for name, yaw in yaws.items())


class ViewImage:
    """A view as a sensor_msgs/Image has it; its pixels are cut when they are asked for first."""

    encoding, is_bigendian = "rgb8", 0
    width, height, step = VIEW.width, VIEW.height, 3 * VIEW.width

    def __init__(self, header: Any, cut: Callable[[], Pixels]) -> None:
        self.header = header
        self._cut = cut

    @cached_property
    def data(self) -> memoryview:
        """Row by row; an InputError says what is wrong with the panorama."""
        return memoryview(self._cut()).cast("B")


class Panoramas:
    """The panoramic cameras of a vehicle, and what becomes of their images; other cameras' stay as they are."""

    def __init__(self, views: Iterable[PanoramaView], decode: Decode = decode_image) -> None:
        """decode: of their image messages."""
        self._views = {view.name: view for view in views}
        self._cutters = {view.source: _Cutter(decode) for view in self._views.values()}

    def images(self, camera: str, message: Any) -> Mapping[str, Any]:
        """The image messages that a camera's message gives, by the names of the cameras that a session knows."""
        if camera not in self._cutters:
            return {camera: message}
        views, cutter = [view for view in self._views.values() if view.source == camera], self._cutters[camera]
        return {view.name: ViewImage(message.header, partial(cutter.cut, message, view)) for view in views}

    def source(self, name: str) -> str:
        """The camera that takes the images of one that a session knows."""
        return self._views[name].source if name in self._views else name

    def mount(self, name: str, stated: Mount) -> Mount:
        """How that is mounted if the camera which takes its images is mounted so."""
        return self._views[name].mount(stated) if name in self._views else stated


class _Cutter:
    """Decodes the newest image of a panoramic camera once for all views; thread-safe."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._camera = CameraModel.panorama(2, 1)  # as large as its last image
        self._last: tuple[Any, Pixels | InputError] = None, InputError("no panorama received yet")
        self._lock = threading.Lock()

    def cut(self, message: Any, view: PanoramaView) -> Pixels:
        """The pixels (H, W, 3) of a view."""
        with self._lock:
            if self._last[0] is not message:
                self._last = message, self._read(message)
            panorama = self._last[1]
        if isinstance(panorama, InputError):
            raise panorama
        return cut_view(panorama, view.yaw, view.lens)

    def _read(self, message: Any) -> Pixels | InputError:
        """The panorama, no larger than is of use, or what is wrong with it."""
        try:
            image, read = self._decode(message, self._camera, AS_SHARP)
            check_panorama(image)
        except InputError as error:
            return error
        height, width = image.shape[:2]
        if read is self._camera and (read.width, read.height) != (width, height):
            self._camera = CameraModel.panorama(width, height)
        return no_larger_than_useful(image)


def no_larger_than_useful(panorama: Pixels) -> Pixels:
    """The panorama (H, W, 3), shrunk where views cut from it would skip pixels."""
    if panorama.shape[1] <= LARGEST_LINEAR_SHRINKAGE * AS_SHARP[0]:
        return panorama
    return np.asarray(cv2.resize(panorama, AS_SHARP, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def check_panorama(image: Pixels) -> None:
    """An InputError for an image that is no equirectangular panorama of the whole sphere."""
    height, width = image.shape[:2]
    if width != 2 * height:
        raise InputError(
            f"its panorama is {width} x {height} px: expected one twice as wide as high, 360 x 180 degrees "
            "(equirectangular), or two lenses' circles side by side, or do not call it a panorama"
        )


def cut_view(panorama: Pixels, yaw: float, lens: float = 0.0) -> Pixels:
    """The image (H, W, 3) of `VIEW` that looks so far (rad) to the left; lens: as of `PanoramaView`."""
    map_u, map_v = _maps(panorama.shape[1], panorama.shape[0], yaw, lens)
    cut = cv2.remap(panorama, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(cut, dtype=np.uint8)


@lru_cache(maxsize=64)
def _maps(width: int, height: int, yaw: float, lens: float) -> tuple[Any, Any]:
    """What cv2.remap needs to cut a view from a panorama of this size (px)."""
    u, v = np.meshgrid(np.arange(VIEW.width) + 0.5, np.arange(VIEW.height) + 0.5)
    left, up = (VIEW.cx - u) / VIEW.fx, (VIEW.cy - v) / VIEW.fy  # of a ray one ahead
    azimuth, level = np.arctan(left) + yaw, np.hypot(1.0, left)
    if lens:
        column, row = _in_circles(level * np.cos(azimuth), level * np.sin(azimuth), up, lens)
    else:
        column, row = 0.5 - azimuth / math.tau, 0.5 - np.arctan2(up, level) / math.pi
    u, v = (column * width - 0.5) % width, row * height - 0.5
    map_u, map_v = cv2.convertMaps(u.astype(np.float32), v.astype(np.float32), cv2.CV_16SC2)
    return map_u, map_v


def _in_circles(ahead: Floats, left: Floats, up: Floats, lens: float) -> tuple[Floats, Floats]:
    """Where rays fall in an image of two equidistant lenses, as shares of its width and height.

    Each circle is as high as the image; the right one looks back. A ray is seen by the lens that it is nearer to.
    """
    behind = ahead < 0.0
    left = np.where(behind, -left, left)
    aside = np.hypot(left, up)
    outwards = np.arctan2(aside, abs(ahead)) / lens / np.maximum(aside, TINY)  # in heights of the image
    return (0.5 - outwards * left + behind) / 2, 0.5 - outwards * up
