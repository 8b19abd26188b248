"""Random looks: pixels change, content and truth do not; equal seeds give equal images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from training_support import Noise

from geoflow_ros.datasets.random_look import (
    RandomLooks,
    convolved,
    equalised,
    mixed,
    random_look,
    stained,
    toned,
)


def street(seed: int) -> np.ndarray:
    """A dark band on a bright ground, with grain."""
    noise = np.random.default_rng(seed).normal(0.0, 6.0, (64, 96, 3))
    image = np.full((64, 96, 3), (150.0, 140.0, 120.0)) + noise
    image[20:40] -= 70
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [mixed, toned, convolved, stained, equalised, random_look])
def test_a_change_keeps_shape_and_content(change) -> None:  # type: ignore[no-untyped-def]
    before = street(1)
    similarities = []
    for seed in range(12):
        after = change(before, np.random.default_rng(seed))
        assert after.shape == before.shape and after.dtype == np.uint8
        rows = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean(axis=1) for image in (before, after)]
        if rows[1].std() > 0.5:
            similarities.append(float(np.corrcoef(rows)[0, 1]))
    assert np.median(similarities) > 0.8


def test_mixing_keeps_grey_grey() -> None:
    grey = np.full((4, 4, 3), 90, np.uint8)
    for seed in range(5):
        assert abs(mixed(grey, np.random.default_rng(seed)).astype(int) - 90).max() <= 1


def test_a_share_of_the_images_is_changed_and_repeats_itself() -> None:
    plain = Noise()
    once, again = (RandomLooks(Noise(), 0.5, seed=2) for _ in range(2))
    changed = [not np.array_equal(plain[index].ground, once[index].ground) for index in range(40)]
    assert len(once) == len(plain) and 8 < sum(changed) < 32  # half, give or take four standard deviations
    for index in range(4):
        assert np.array_equal(once[index].patch.image, again[index].patch.image)
        assert once[index].truth == plain[index].truth
    assert all(np.array_equal(RandomLooks(Noise(), 0.0, 2)[i].ground, plain[i].ground) for i in range(3))
