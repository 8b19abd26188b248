"""Style transfer: looks are taken over, content and truth are not; equal seeds give equal images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from training_support import Noise

from geoflow_ros.datasets.photo_style import Restyled, style_of, with_colours, with_shading
from geoflow_ros.errors import InputError

Image = np.ndarray


def textured(seed: int, tint: tuple[int, int, int], shape: tuple[int, int] = (96, 160)) -> Image:
    """Smooth blobs of one colour on another, far from black and white."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, shape).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 3.0)
    return (np.array(tint) + 25 * (blobs / blobs.std())[..., None]).clip(0, 255).astype(np.uint8)


def lab_mean(image: Image) -> Image:
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).mean(axis=(0, 1))


def test_colours_become_those_of_the_style() -> None:
    grey, brown = textured(1, (120, 120, 120)), textured(2, (150, 110, 70))
    changed = with_colours(grey, style_of(brown), 1.0)
    assert lab_mean(changed) == pytest.approx(lab_mean(brown), abs=1.5)
    assert lab_mean(with_colours(grey, style_of(brown), 0.0)) == pytest.approx(lab_mean(grey), abs=0.5)
    assert np.corrcoef(grey[..., 1].ravel(), changed[..., 1].ravel())[0, 1] > 0.95  # the content stays


def test_shading_takes_the_lowest_amplitudes_and_nothing_else() -> None:
    columns = np.arange(64) / 64
    fine = 30 * np.cos(2 * np.pi * 16 * columns)  # content: sixteen waves a width
    flat = np.repeat(np.tile(128 + fine, (64, 1))[..., None], 3, axis=2).round().astype(np.uint8)
    slope = np.repeat(np.tile(128 + 40 * np.cos(2 * np.pi * columns), (64, 1))[..., None], 3, axis=2).astype(np.uint8)
    spectrum = np.fft.rfft(with_shading(flat, style_of(slope), 2)[..., 0].mean(axis=0)) / 32
    assert abs(spectrum[1]) == pytest.approx(40, abs=1.5)  # one wave a width, as the style has it
    assert abs(spectrum[16]) == pytest.approx(30, abs=1.5) and spectrum[0].real / 2 == pytest.approx(128, abs=1)


def test_samples_keep_their_truth_and_are_repeatable(tmp_path: Path) -> None:
    for folder, tint in (("street", (90, 100, 160)), ("overhead/city", (160, 140, 60))):
        (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / "a.PNG"), textured(3, tint)[..., ::-1])
    plain, once, again = Noise(), *(Restyled(Noise(), tmp_path, seed=4) for _ in range(2))
    assert len(once) == len(plain)
    changed = [index for index in range(8) if not np.array_equal(plain[index].ground, once[index].ground)]
    assert changed
    for index in range(8):
        assert np.array_equal(once[index].ground, again[index].ground)
        assert once[index].truth == plain[index].truth and once[index].patch.center == plain[index].patch.center


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "street").mkdir()
    with pytest.raises(InputError, match=r"no photograph in .*street: expected \.jpg"):
        Restyled(Noise(), tmp_path, seed=0)
