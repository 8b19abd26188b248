"""Resizing by matrices is OpenCV's, to a grey level of rounding."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geoflow_ros.model.inference.cuda.resizing import Resizer, Size, averages

WANTED = (32, 96)


def images(size: Size) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (2, *size, 3), dtype=np.uint8)


def resized(taken: NDArray[np.uint8]) -> NDArray[np.int64]:
    height, width = taken.shape[1:3]
    found = Resizer((height, width), WANTED, torch.device("cpu"))(torch.from_numpy(taken))
    assert found.dtype is torch.uint8 and found.is_contiguous(memory_format=torch.channels_last)
    return found.permute(0, 2, 3, 1).numpy().astype(np.int64)


@pytest.mark.parametrize("size", [(20, 70), (40, 130), (32, 500), (80, 160), (64, 192), (100, 170), (97, 401)])
def test_as_opencv_does(size: Size) -> None:
    taken = images(size)
    way = cv2.INTER_AREA if averages(size, WANTED) else cv2.INTER_LINEAR
    expected = np.stack([cv2.resize(each, WANTED[::-1], interpolation=way) for each in taken])
    away = resized(taken) - expected
    assert np.abs(away).max() <= 1
    assert abs(away.mean()) < 0.2


def test_only_images_much_larger_both_ways_are_averaged() -> None:
    assert averages((49, 145), WANTED) and not averages((48, 1000), WANTED) and not averages((1000, 144), WANTED)


def test_an_image_of_the_size_is_left_as_it_is() -> None:
    taken = images(WANTED)
    assert np.array_equal(resized(taken), taken)
