"""The crop and the patch's conventions agree."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.datasets.crop import GREY, crop, crop_matrix, patch_of_image
from geoflow_ros.satellite.tile_images import EMPTY


def numbered(height: int, width: int) -> np.ndarray:
    """An image whose every pixel has its own colour."""
    v, u = np.mgrid[:height, :width]
    return np.stack([u, v, np.full_like(u, 200)], axis=-1).astype(np.uint8)


def test_an_unturned_crop_is_a_slice() -> None:
    image = numbered(60, 100)
    pixels, missing = crop(image, (50.0, 30.0), 0.0, 20, 1.0)
    np.testing.assert_array_equal(pixels, image[20:40, 40:60])
    assert missing == 0.0


def test_a_crop_along_north_has_its_first_axis_up() -> None:
    image = numbered(60, 60)
    pixels, _ = crop(image, (30.0, 30.0), math.pi / 2, 20, 1.0)
    np.testing.assert_array_equal(pixels, np.rot90(image[20:40, 20:40], k=-1))


def test_outside_is_grey_and_counted() -> None:
    pixels, missing = crop(np.zeros((40, 40, 3), np.uint8), (0.0, 20.0), 0.0, 20, 1.0)
    assert missing == 0.5
    assert (pixels[:, :10] == GREY).all() and (pixels[:, 11:] == 0).all()


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_what_is_transparent_is_grey_and_counted_like_outside(scale: float) -> None:
    image = np.full((80, 80, 4), (0, 0, 0, 255), np.uint8)
    image[:, 40:] = EMPTY
    pixels, missing = crop(image, (40.0, 40.0), 0.0, 20, scale)
    assert pixels.shape == (20, 20, 3) and missing == 0.5
    assert (pixels[:, 10:] == GREY).all() and (pixels[:, :8] == 0).all()
    assert crop(image, (0.0, 40.0), 0.0, 20, scale)[1] == 0.5


def test_minifying_averages_instead_of_aliasing() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    pixels, _ = crop(stripes, (32.0, 32.0), 0.0, 12, 4.0)
    assert np.abs(pixels.astype(int) - 100).max() < 10


@given(
    yaw=st.floats(-math.pi, math.pi),
    east=st.floats(-30, 30),
    north=st.floats(-30, 30),
    resolution=st.floats(0.1, 0.5),
)
def test_the_matrix_inverts_the_patch(yaw: float, east: float, north: float, resolution: float) -> None:
    """A point of the world goes through patch pixels to the image pixel it has in the north-up image."""
    patch = patch_of_image(np.zeros((8, 8, 3), np.uint8), 0.2, (4.0, 4.0), yaw, yaw, 64, resolution)
    u, v = patch.to_pixel((east, north))
    image_uv = crop_matrix((320.0, 320.0), yaw, 64, resolution / 0.2) @ (u, v, 1.0)
    assert image_uv == pytest.approx((320 + east / 0.2, 320 - north / 0.2), abs=1e-6)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.6])
@pytest.mark.parametrize("yaw", [0.0, 0.7, -2.0])
def test_a_crop_does_not_depend_on_how_much_lies_around_it(yaw: float, scale: float) -> None:
    whole = np.random.default_rng(4).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    pixels, missing = crop(whole, (405.2, 310.7), yaw, 64, scale)
    part, none = crop(np.ascontiguousarray(whole[100:520, 200:620]), (205.2, 210.7), yaw, 64, scale)
    assert missing == none == 0.0
    assert np.abs(pixels.astype(int) - part).max() <= 1


def test_a_crop_beside_the_image_is_grey() -> None:
    for center in ((-40.0, 30.0), (50.0, 200.0), (1e6, -1e6)):
        pixels, missing = crop(numbered(60, 100), center, 0.5, 20, 2.0)
        assert missing == 1.0 and (pixels == GREY).all()


def test_of_a_large_orthophoto_only_what_is_seen_is_blurred(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.zeros((40, 40_000, 3), np.uint8)
    wide[:, 39_000:] = 200
    blur, shapes = cv2.GaussianBlur, []

    def noted(image: np.ndarray, *arguments: object) -> object:
        shapes.append(image.shape)
        return blur(image, *arguments)

    monkeypatch.setattr(cv2, "GaussianBlur", noted)
    image, missing = crop(wide, (39_000.0, 20.0), 0.0, 16, 2.0)
    assert missing == 0.0 and image[:, :6].max() == 0 and image[:, 10:].min() == 200
    assert len(shapes) == 1 and shapes[0][1] < 60
