"""Textures of varied towns: of their own, and with the grain of photographs, by images made here."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.town.textures import SIZE, Texture, texture_array
from geoflow_ros.town.varied_textures import ROADS, grain_of, varied_layers


def noise_photograph(rng: np.random.Generator, spread: float) -> np.ndarray:
    """A dark photograph, 400 x 300, brighter to the right, with noise of a spread (levels), the most in green."""
    levels = np.linspace(50.0, 100.0, 400)[None, :, None] + np.zeros((300, 400, 3))
    levels += rng.normal(0.0, spread, (300, 400))[..., None] * (0.5, 1.0, 0.5)
    return np.clip(levels, 0, 255).astype(np.uint8)


def test_each_town_has_its_own_noise_and_always_the_same() -> None:
    first, second = varied_layers(30_001, ()), varied_layers(30_002, ())
    assert np.array_equal(first, varied_layers(30_001, ()))
    assert (first[Texture.ASPHALT] != second[Texture.ASPHALT]).mean() > 0.5
    assert first[..., :3].mean() == pytest.approx(texture_array()[..., :3].mean(), abs=2.0)


def test_grain_is_what_varies_finely_with_its_colour_and_meets_itself_at_the_edges() -> None:
    photograph = noise_photograph(np.random.default_rng(0), 10.0)
    grain, uneven = (grain_of(photograph, np.random.default_rng(1), (96, 256), share) for share in (0.2, 10.0))
    assert grain.shape == (SIZE, SIZE, 3)
    assert grain.mean(axis=-1).std() == pytest.approx(1.0, abs=1e-3)
    assert abs(grain.mean(axis=(0, 1))).max() < 1e-3
    assert grain[..., 1].std() == pytest.approx(2.0 * grain[..., 0].std(), rel=0.1)
    slope, as_photographed = (
        abs(tile[:, : SIZE // 2].mean() - tile[:, SIZE // 2 :].mean()) for tile in (grain, uneven)
    )
    assert slope < as_photographed / 3, "the slope from dark to bright would show at each repeat"
    enlarged = grain_of(photograph, np.random.default_rng(1), (64, 64), 0.2)[..., 1]
    across, unrelated = abs(enlarged[:, 0] - enlarged[:, -1]).mean(), abs(enlarged[:, 0] - enlarged[:, 64]).mean()
    assert across < unrelated / 2


def test_layers_keep_their_mean_colour_and_windows_under_photographs() -> None:
    rng = np.random.default_rng(1)
    plain, photographed = varied_layers(30_003, ()), varied_layers(30_003, [noise_photograph(rng, 10.0)])
    changed = [texture for texture in Texture if not np.array_equal(plain[texture], photographed[texture])]
    assert Texture.NOISE in changed
    assert any(texture in changed for texture in ROADS)
    assert Texture.WINDOWS_TALL not in changed
    for texture in changed:
        means = (layers[texture, ..., :3].mean(axis=(0, 1)) for layers in (plain, photographed))
        assert next(means) == pytest.approx(next(means), abs=6.0), texture
        assert np.array_equal(plain[texture, ..., 3], photographed[texture, ..., 3]), "opacity stays"


def test_a_photograph_without_any_grain_leaves_finite_layers() -> None:
    layers = varied_layers(30_004, [np.full((300, 300, 3), 90, np.uint8)])
    assert layers[Texture.NOISE, ..., 0].std() < 2.0
