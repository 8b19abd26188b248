"""Samples made of real orthophotos: a patch of the photograph, and a ground view made of the same photograph."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.orthophotos.ground_view import ground_view
from geoflow_ros.datasets.orthophotos.library import read_orthophotos, read_street
from geoflow_ros.datasets.orthophotos.placed_photo import placed
from geoflow_ros.datasets.orthophotos.relief import random_relief
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.town.varied_views import varied_camera

Image = NDArray[np.uint8]
GROUND_PX = (640, 160)
COARSER, SHARPER = 0.4, 0.3  # how often an image is
COARSEST = 3.0


class OrthophotoViews:
    """`count` samples an epoch, each index drawn anew. What stands on the ground, and how high, is made up."""

    def __init__(
        self,
        folder: Path,
        count: int,
        size_px: int,
        resolution: float,
        shift_range_m: float = 20.0,
        rotation_range_deg: float = 10.0,
        seed: int = 0,
    ) -> None:
        """folder: with orthophotos in `overhead` and, if there is `street`, photographs to cut sky and clutter from."""
        self._photos, self._street = read_orthophotos(folder / "overhead"), read_street(folder / "street")
        self._count, self._size_px, self._resolution, self._seed = count, size_px, resolution, seed
        self._noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)
        self[0]  # compiles what makes views once, here, and not in every loader process

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self._seed, 4, index])
        photo = self._photos[int(rng.integers(len(self._photos)))]
        place, camera = placed(photo, rng), varied_camera(rng).resized(*GROUND_PX)
        ground = ground_view(camera, random_relief(place, rng), self._street, rng)
        prior = self._noise.draw(index)
        patch = place.patch(prior, self._size_px, self._resolution)
        patch = replace(patch, image=_sharpness(patch.image, rng))
        known = self._noise.known(prior)
        image, truth = _sharpness(ground.image, rng), (0.0, 0.0, 0.0)
        # What the patch shows does not tell how high it is: heights are made up.
        return Sample(photo.key, image, camera, patch, truth, known, ground_heights=ground.heights)


def _sharpness(image: Image, rng: np.random.Generator) -> Image:
    """The image as if taken with fewer pixels, or sharpened, sometimes."""
    if rng.random() < COARSER:
        height, width = image.shape[:2]
        size = tuple(max(1, int(side / rng.uniform(1.0, COARSEST))) for side in (width, height))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < SHARPER:
        soft, amount = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 2.0)), rng.uniform(0.3, 1.2)
        image = np.asarray(cv2.addWeighted(image, 1.0 + amount, soft, -amount, 0.0), np.uint8)
    return image
