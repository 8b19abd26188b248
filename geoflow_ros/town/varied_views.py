"""Views of varied towns: any camera, looking anywhere, and overhead imagery of any sharpness."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.planar import wrap_angle
from geoflow_ros.town.props import Shape
from geoflow_ros.town.world import Town

CROWNS = {
    Shape.BROAD_TREE: (0.6, 0.3), Shape.ROUND_TREE: (0.5, 0.36), Shape.CONIFER: (0.22, 0.0), Shape.BUSH: (0.65, 0.0),
    Shape.GROVE: (0.6, 0.0),
}  # fmt: skip
"""Radius, and height of the lowest leaves, of each plant over its size."""
TRUNK_M = 0.6
FROM_BUILDINGS_M = 0.4
ATTEMPTS = 200


def varied_camera(rng: np.random.Generator, width: int = 640) -> CameraModel:
    """A camera of a vehicle, robot or hand; one in three is a square cut from a panorama, its horizon in the middle."""
    square = rng.random() < 1 / 3
    height = width if square else int(width * rng.uniform(5 / 16, 1.0))
    focal = width / 2 / math.tan(math.radians(90.0 if square else rng.uniform(50.0, 110.0)) / 2)
    horizon = height * (0.5 if square else rng.uniform(0.4, 0.6))
    pitch, roll = np.radians(rng.normal(0.0, (3.0, 0.8)))
    mount = Mount(height=rng.uniform(1.0, 3.2), pitch=float(pitch), roll=float(roll))
    return CameraModel(width, height, focal, focal, width / 2, horizon, mount)


def varied_pose(town: Town, rng: np.random.Generator, height: float) -> tuple[float, float, float]:
    """East, north (m) and heading (rad) of a camera near a lane, on verges too, that looks anywhere half of the time.

    Neither buildings nor, at this height (m), leaves are where it is, unless no such place is found.
    """
    points = np.concatenate([street.path.points for street in town.network.streets])
    reach = np.concatenate([
        np.full(len(street.path.points), street.profile.half - FROM_BUILDINGS_M) for street in town.network.streets
    ])  # fmt: skip
    for _ in range(ATTEMPTS):
        east, north, yaw = town.sample_pose(rng)
        aside = rng.normal(0.0, 1.5)
        east, north = east - aside * math.sin(yaw), north + aside * math.cos(yaw)
        on_street = bool((np.hypot(*(points - (east, north)).T) < reach).any())
        if on_street and not _in_leaves(town, east, north, height):
            break
    turn = rng.uniform(-math.pi, math.pi) if rng.random() < 0.5 else 0.0
    return east, north, wrap_angle(yaw + turn)


def blurred(rng: np.random.Generator, orthophoto: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image (S, S, 3), in three of four draws as sharp as one of up to 2.5 times coarser pixels."""
    if rng.random() < 0.25:
        return orthophoto
    size = int(len(orthophoto) / rng.uniform(1.0, 2.5))
    coarse = cv2.resize(orthophoto, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, orthophoto.shape[:2], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _in_leaves(town: Town, east: float, north: float, height: float) -> bool:
    for shape, (radius, lowest) in CROWNS.items():
        rows = town.props[shape]
        distance = np.hypot(rows[:, 0] - east, rows[:, 1] - north)
        inside = (distance < radius * rows[:, 4]) & (height + 0.4 > lowest * rows[:, 6])
        if (inside | (distance < TRUNK_M)).any():
            return True
    return False
