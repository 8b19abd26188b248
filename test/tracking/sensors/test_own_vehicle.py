"""What images show unchanged while the vehicle drives is a part of it, and frames do not fit before it is masked."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.image_check import ImageChecks

Image = NDArray[np.uint8]
Sight = Callable[[Image, np.random.Generator], Image]
HEIGHT, WIDTH = 192, 640


def world(rng: np.random.Generator) -> Image:
    """Blocks of any grey."""
    blocks = rng.integers(40, 200, (12, 40, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((16, 16, 1), np.uint8))


def told(spoilt: Sight, mask: CameraMask | None = None, speed: float = 8.0) -> str:
    """What is said of images of 20 s, at 10 Hz."""
    motions, checks, rng = MotionBuffer(), ImageChecks(["front"]), np.random.default_rng(0)
    for index in range(200):
        taken_ns = index * 100_000_000
        motions.add_velocity(BodyVelocity(taken_ns, speed, 0.0))
        checks.look("front", spoilt(world(rng), rng), mask, taken_ns, motions)
    return checks.own_vehicle("front")


def bonnet(image: Image, rng: np.random.Generator) -> Image:
    """Of which noise, and a little of the sky, is seen."""
    image[140:] = np.clip(60 + rng.normal(0, 4, (HEIGHT - 140, WIDTH, 3)) + rng.normal(0, 1), 0, 255)
    return image


def mirror(image: Image, rng: np.random.Generator) -> Image:
    """At the lower left."""
    image[110:, :220] = 30
    return image


@pytest.mark.parametrize(("part", "share"), [(bonnet, "2[5-9]%"), (mirror, "1[0-6]%")])
def test_a_part_of_the_vehicle_is_noticed_until_it_is_masked(part: Sight, share: str) -> None:
    assert re.match(f"{share} of the images, from below, do not change .* camera.mask", told(part))
    rng = np.random.default_rng(1)
    shown = (part(world(rng), rng).astype(int) != part(world(rng), rng)).any(axis=2)
    shown[140:] &= part is not bonnet
    assert told(part, CameraMask(shown)) == ""


def dark(image: Image, rng: np.random.Generator) -> Image:
    return np.clip(image / 50 + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


def sky(image: Image, rng: np.random.Generator) -> Image:
    image[:90] = 230
    return image


def far_road(image: Image, rng: np.random.Generator) -> Image:
    """Which changes less than houses do, and does not reach the border unchanged."""
    image[100:] = 100 + image[100:] // 8
    image[100:130] = 100
    return image


@pytest.mark.parametrize("sight", [dark, sky, far_road, lambda image, rng: image])
def test_a_dark_or_a_plain_world_is_not_taken_for_the_vehicle(
    sight: Sight,
) -> None:
    assert told(sight) == ""


def test_nothing_is_said_of_a_vehicle_that_stands() -> None:
    assert told(bonnet, speed=0.0) == ""
