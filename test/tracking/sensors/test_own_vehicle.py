"""What images show unchanged while the vehicle drives is a part of it, and frames do not fit before it is masked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.camera_mask import CameraMask, read_mask
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.image_check import ImageChecks

Image = NDArray[np.uint8]
Sight = Callable[[Image, np.random.Generator], Image]
HEIGHT, WIDTH = 188, 640  # whose shape 64 pixels of width cannot have


def world(rng: np.random.Generator) -> Image:
    """Blocks of any grey."""
    blocks = rng.integers(40, 200, (12, 40, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((16, 16, 1), np.uint8))[:HEIGHT]


def shown(spoilt: Sight, mask: CameraMask | None = None, speed: float = 8.0) -> ImageChecks:
    """Images of 20 s, at 10 Hz."""
    motions, checks, rng = MotionBuffer(), ImageChecks(["front"]), np.random.default_rng(0)
    for index in range(200):
        taken_ns = index * 100_000_000
        motions.add_velocity(BodyVelocity(taken_ns, speed, 0.0))
        checks.look("front", spoilt(world(rng), rng), mask, taken_ns, motions)
    return checks


def told(spoilt: Sight, mask: CameraMask | None = None, speed: float = 8.0) -> str:
    """What is said of them."""
    return shown(spoilt, mask, speed).own_vehicle("front")


def bonnet(image: Image, rng: np.random.Generator) -> Image:
    """Of which noise, and a little of the sky, is seen."""
    image[140:] = np.clip(60 + rng.normal(0, 4, (HEIGHT - 140, WIDTH, 3)) + rng.normal(0, 1), 0, 255)
    return image


def mirror(image: Image, rng: np.random.Generator) -> Image:
    """At the lower left."""
    image[110:, :220] = 30
    return image


@pytest.mark.parametrize(("part", "share"), [(bonnet, "2[0-9]%"), (mirror, "1[0-6]%")])
def test_a_part_of_the_vehicle_is_noticed_until_it_is_masked(part: Sight, share: str) -> None:
    assert re.match(f"{share} of the images, from below, do not change .* camera.mask", told(part))
    rng = np.random.default_rng(1)
    lively = (part(world(rng), rng).astype(int) != part(world(rng), rng)).any(axis=2)
    lively[140:] &= part is not bonnet
    assert told(part, CameraMask(lively)) == ""


@pytest.mark.parametrize(
    ("part", "where", "masked"),
    [(bonnet, np.s_[140:, :], 0), (mirror, np.s_[110:, :220], 0), (mirror, np.s_[110:, :220], 100)],
)
def test_the_mask_that_is_drawn_leaves_out_all_of_it_and_little_else(
    part: Sight, where: tuple[slice, slice], masked: int, tmp_path: Path
) -> None:
    world = np.ones((HEIGHT, WIDTH), dtype=bool)
    world[:, WIDTH - masked :] = False
    path = tmp_path / "mask.png"
    path.write_bytes(shown(part, CameraMask(world.copy()) if masked else None).worlds["front"].png())
    world[where] = False
    v, u = np.meshgrid((np.arange(HEIGHT) + 0.5) / HEIGHT, (np.arange(WIDTH) + 0.5) / WIDTH, indexing="ij")
    mask = read_mask(path)
    mask.check(WIDTH, HEIGHT)
    seen = mask.sees(u, v)
    assert not seen[~world].any() and seen[world].mean() > 0.85


def test_no_mask_is_drawn_of_the_world_alone() -> None:
    assert not shown(lambda image, rng: image).worlds


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
