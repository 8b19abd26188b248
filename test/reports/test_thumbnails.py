"""Pictures keep to their budget."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from geoflow_ros.reports.thumbnails import data_uri, thumbnail

NOISE = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def size(data: bytes) -> tuple[int, int]:
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


@pytest.mark.parametrize(
    ("shape", "expected"), [((480, 640), (320, 240)), ((900, 300), (107, 320)), ((50, 80), (80, 50))]
)
def test_the_longer_side_is_bounded_and_nothing_is_enlarged(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert size(thumbnail(np.full((*shape, 3), 90, np.uint8), 320, 20_000)) == expected


@pytest.mark.parametrize("budget", [20_000, 2_000])
def test_even_noise_fits(budget: int) -> None:
    assert len(thumbnail(NOISE, 360, budget)) <= budget


def test_colours_are_rgb() -> None:
    data = thumbnail(np.full((40, 40, 3), (250, 10, 20), np.uint8), 40, 20_000)
    blue, green, red = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[20, 20]
    assert red > 230 and green < 40 and blue < 40
    assert data_uri(data).startswith("data:image/jpeg;base64,/9j/")
