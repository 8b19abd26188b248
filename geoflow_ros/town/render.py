"""Pictures of a town: what a camera sees from the street, and the orthophoto of the same place."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Projection
from geoflow_ros.errors import InputError
from geoflow_ros.town.canvas import Canvas, Cars, Image, Picture
from geoflow_ros.town.look import Look
from geoflow_ros.town.panorama import cube_maps, cube_rotations
from geoflow_ros.town.scene import View
from geoflow_ros.town.world import Town

Floats = NDArray[np.float64]
NEAR_M, FAR_M = 0.3, 900.0
SHADOW_REACH_M = 75.0
SMALLEST_PROP = 0.012
"""Size over distance (about 6 px at a focal length of 500) below which a tree, car or lamp is left out."""
RIGHT_UP_BACK = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
"""Camera axes of OpenGL from forward, left, up."""


class Renderer:
    """Load a town, then take pictures of it. Owns an OpenGL context: use each renderer from one thread."""

    def __init__(self) -> None:
        self._canvas = Canvas()

    def load(self, town: Town, layers: NDArray[np.uint8] | None = None) -> None:
        """Take pictures of this town from now on; layers: see `texture_array`, None for those that towns share."""
        with self._canvas.context:
            self._canvas.load(town, layers)

    def camera(self, camera: CameraModel, east: float, north: float, yaw: float, look: Look) -> Image:
        """The view (H, W, 3) RGB of a rectified camera, see `view`."""
        return self.view(camera, east, north, yaw, look).image

    def view(self, camera: CameraModel, east: float, north: float, yaw: float, look: Look) -> Picture:
        """What a rectified camera sees.

        east, north: the ground point under the lens (m). yaw: heading of the viewing direction (rad,
        counter-clockwise from east). Height, pitch and roll are the camera mount's.
        """
        if any(camera.distortion) or camera.projection is Projection.EQUIDISTANT:
            raise InputError(f"the town renders cameras without distortion, not {camera.projection.value}: rectify it")
        foot, eye = np.array([east, north]), np.array([east, north, camera.mount.height])
        cars = {shape: rows[_far(rows, foot, look.clear)] for shape, rows in self._cars(look).items()}
        axes = _rotation(yaw) @ camera.level_from_camera()
        with self._canvas.context:
            if camera.projection is Projection.EQUIRECTANGULAR:
                self._canvas.cast_shadows(foot, SHADOW_REACH_M, look, cars)
                picture = self._panorama(camera, eye, axes, look, cars)
            else:
                ahead = 0.75 * SHADOW_REACH_M * np.array([math.cos(yaw), math.sin(yaw)])
                self._canvas.cast_shadows(foot + ahead, SHADOW_REACH_M, look, cars)
                picture = self._view(camera, eye, axes, look, cars)
        return _developed(picture, look, east, north)

    def orthophoto(self, east: float, north: float, size_m: float, size_px: int, look: Look, yaw: float = 0.0) -> Image:
        """The ground from straight above (S, S, 3) RGB, see `overhead`."""
        return self.overhead(east, north, size_m, size_px, look, yaw).image

    def overhead(self, east: float, north: float, size_m: float, size_px: int, look: Look, yaw: float = 0.0) -> Picture:
        """The ground from straight above, as `SatellitePatch` lays it out: +u along yaw.

        Heights are displaced by `look.lean`; the ground is true to scale.
        """
        half, size, cars = size_m / 2, (size_px, size_px), self._cars(look)
        cos, sin = math.cos(yaw), math.sin(yaw)
        matrix = np.eye(4)
        matrix[:2, :2] = np.array([[cos, sin], [sin, -cos]]) / half
        matrix[:2, 2] = matrix[:2, :2] @ look.lean
        matrix[:2, 3] = -matrix[:2, :2] @ (east, north)
        matrix[2, 2:] = -1.0 / 60.0, 0.5  # 90 m down to -30 m
        with self._canvas.context:
            self._canvas.cast_shadows(np.array([east, north]), half * math.sqrt(2.0), look, cars)
            self._canvas.draw(size, View(matrix, np.array([east, north, 1e4])), look, cars, haze=0.0)
            picture = self._canvas.read(size)
        return _developed(picture, look, east, north)

    def _cars(self, look: Look) -> Cars:
        town = self._canvas.scene.town
        return look.cars(town.parked, town.driving)

    def _view(self, camera: CameraModel, eye: Floats, axes: Floats, look: Look, cars: Cars) -> Picture:
        """A perspective view; axes (3, 3): columns are the camera's forward, left, up in the world."""
        size, projection, to_camera = (camera.width, camera.height), _perspective(camera), np.eye(4)
        to_camera[:3, :3] = RIGHT_UP_BACK @ axes.T
        to_camera[:3, 3] = -to_camera[:3, :3] @ eye
        self._canvas.draw(size, View(projection @ to_camera, eye, SMALLEST_PROP), look, cars, look.haze)
        self._canvas.draw_sky(projection, to_camera[:3, :3], look)
        return self._canvas.read(size)

    def _panorama(self, camera: CameraModel, eye: Floats, axes: Floats, look: Look, cars: Cars) -> Picture:
        side, map_u, map_v = cube_maps(camera.width, camera.height)
        face = CameraModel(side, side, side / 2.1, side / 2.1, side / 2, side / 2)
        views = [self._view(face, eye, axes @ turn, look, cars) for turn in cube_rotations()]
        image = cv2.remap(np.vstack([view.image for view in views]), map_u, map_v, cv2.INTER_LINEAR)
        half_u, half_v = ((each[1::2, 1::2] / 2 - 0.25) for each in (map_u, map_v))  # to pixels half as many
        heights = cv2.remap(np.vstack([view.heights for view in views]), half_u, half_v, cv2.INTER_NEAREST)
        return Picture(np.asarray(image, np.uint8), np.asarray(heights, np.uint8))


def _developed(picture: Picture, look: Look, east: float, north: float) -> Picture:
    return replace(picture, image=look.develop(picture.image, (int(abs(east) * 1e4), int(abs(north) * 1e4))))


def _far(rows: NDArray[np.float32], foot: Floats, clear: float) -> NDArray[np.bool_]:
    return np.asarray(np.hypot(*(rows[:, :2] - foot).T) > clear)


def _rotation(yaw: float) -> Floats:
    cos, sin = math.cos(yaw), math.sin(yaw)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _perspective(camera: CameraModel) -> Floats:
    """The clip matrix of K, image row 0 at clip y = -1, camera axes right, up, back."""
    w, h = camera.width, camera.height
    return np.array([
        [2 * camera.fx / w, 0, 1 - 2 * camera.cx / w, 0],
        [0, -2 * camera.fy / h, 1 - 2 * camera.cy / h, 0],
        [0, 0, -(FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)],
        [0, 0, -1, 0],
    ])  # fmt: skip
