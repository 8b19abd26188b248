"""The town in the colours of another renderer."""

from __future__ import annotations

import numpy as np

from geoflow_ros.town.foreign import Rendering

GREY = np.full((8, 8, 3), 128, np.uint8)


def test_colours_are_mixed_and_contrast_is_less() -> None:
    red, white = GREY * np.array([1, 0, 0], np.uint8), np.full((8, 8, 3), 255, np.uint8)
    for seed in range(5):
        rendering = Rendering.random(np.random.default_rng(seed))
        shown = rendering.shown(red)[4, 4].astype(int)
        assert len(set(shown.tolist())) == 3  # red has a part in each, another in every one
        assert np.ptp(rendering.shown(GREY)[4, 4]) <= 2
        assert 120 < rendering.shown(white)[4, 4].max() < 220 and rendering.shown(GREY * 0).max() < 40


def test_a_seed_always_gives_the_same_rendering() -> None:
    once, again = (Rendering.random(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once.mix, again.mix) and np.array_equal(once.curve, again.curve)
