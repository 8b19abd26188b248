"""Which end rows are counted from, told by the edges of tiles; boxes that stores state."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import textured_tiles as textured

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_grid import first_is_north, grid_index, overlap, stated_box


def columns(image: np.ndarray, suffix: str = ".png") -> list[tuple[bytes, bytes]]:
    """Tiles of a picture, each with the one south of it."""
    parts = [cv2.imencode(suffix, image[row : row + 256])[1].tobytes() for row in range(0, len(image), 256)]
    return list(pairwise(parts))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_goes_on_across_the_edge(suffix: str) -> None:
    pairs = columns(textured.picture(1, 3), suffix)
    assert first_is_north(pairs) is True
    assert first_is_north((south, north) for north, south in pairs) is False


def test_what_does_not_tell_decides_nothing() -> None:
    plain, noise = np.full((768, 256, 3), 90, np.uint8), np.random.default_rng(0).integers(0, 255, (768, 256, 3))
    assert first_is_north(columns(plain)) is None
    assert first_is_north(columns(noise.astype(np.uint8))) is None
    assert first_is_north([]) is None
    assert first_is_north([(b"no", b"images")] * 9) is None


def test_the_transparent_edge_of_imagery_is_no_likeness() -> None:
    image = cv2.cvtColor(textured.picture(1, 2), cv2.COLOR_BGR2BGRA)
    image[:100, :, 3] = image[-100:, :, 3] = 0  # outside, both tiles end in nothing
    assert first_is_north(columns(image)) is None


def test_stated_boxes() -> None:
    assert stated_box(" 8.4, 47.1, 8.6 ,47.2,") == (8.4, 47.1, 8.6, 47.2)
    for text in ("", "8,47,9", "a,b,c,d", "9,47,8,48", "8,47,9,97", "nan,47,9,48"):
        assert stated_box(text) is None
    assert overlap((0, 0, 2, 2), (1, -1, 3, 1)) == (1, 0, 2, 1)
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            "340",
            r"row '340' of zoom 9, expected a number from 0 to 511: its columns are of type TEXT, make them INTEGER",
        ),
        ("34x", "row '34x' of zoom 9, expected a number from 0 to 511$"),
        (512, "row 512 of zoom 9, expected a number from 0 to 511$"),
    ],
)
def test_a_row_that_is_none_is_told_from_a_number_of_another_type(value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        grid_index(Path("a.mbtiles"), 9, value)
