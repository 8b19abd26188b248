"""Style transfer from real, unpaired images: colours and coarse shading of a photograph, the content of the sample.

Per image: mean and spread in Lab, the amplitude of the lowest spatial frequencies (Yang and Soatto, FDA, CVPR 2020),
and the marks of JPEG. Both images of a sample take their styles independently, so that no look goes with a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.datasets.dataset_files import photographs_in, read_image
from geoflow_ros.datasets.sample import Changed, LocalizationDataset, Sample

Floats = NDArray[np.float32]
SIDE = 64  # px: the lowest frequencies need no more of an image
LOWEST = (1, 3)  # of the spatial frequencies per image side whose amplitudes are taken over, drawn anew each time
STRENGTH = (0.3, 1.0)  # of colours taken over
SHARE, JPEG_SHARE = 0.7, 0.5  # of the images that are restyled, of those that are compressed
JPEG_QUALITY = (30, 95)
LEAST_SPREAD = 2.0  # levels of 8-bit Lab: flatter channels are not stretched


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """Of one image: mean and spread (3,) in 8-bit Lab; amplitude (SIDE, SIDE // 2 + 1, 3) of it in small, in RGB."""

    mean: Floats
    spread: Floats
    amplitude: Floats


class Restyled(Changed):
    """Samples in the looks of two photographs drawn at random, one for each image; the content and the truth stay."""

    def __init__(self, samples: LocalizationDataset, folder: Path, seed: int) -> None:
        """folder: with the folders `street`, for the frames, and `overhead`, for the patches."""
        super().__init__(samples)
        self._seed = seed
        self._street, self._overhead = _styles(folder / "street"), _styles(folder / "overhead")

    def changed(self, sample: Sample, index: int) -> Sample:
        rng = np.random.default_rng([self._seed, 3, index])
        ground = restyled(sample.ground, self._street, rng)
        patch = replace(sample.patch, image=restyled(sample.patch.image, self._overhead, rng))
        return replace(sample, ground=ground, patch=patch)


def restyled(image: NDArray[np.uint8], styles: Sequence[Style], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The (H, W, 3) image with the look of one of the styles, more or less, sometimes as a JPEG would show it."""
    if rng.random() < SHARE:
        image = in_one_of(styles, image, STRENGTH, LOWEST, rng)
    if rng.random() < JPEG_SHARE:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return image


def in_one_of(
    styles: Sequence[Style],
    image: NDArray[np.uint8],
    strength: tuple[float, float],
    lowest: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """The (H, W, 3) image with colours and shading of one of the styles, as `with_colours` and `with_shading` do.

    strength, lowest: from and to which these are drawn, both included.
    """
    style = styles[int(rng.integers(len(styles)))]
    image = with_colours(image, style, float(rng.uniform(*strength)))
    return with_shading(image, style, int(rng.integers(lowest[0], lowest[1] + 1)))


def style_of(image: NDArray[np.uint8]) -> Style:
    """The style of an (H, W, 3) RGB image."""
    mean, spread = _moments(_to_lab(image))
    return Style(mean, spread, np.abs(np.fft.rfft2(_small(image), axes=(0, 1))).astype(np.float32))


def with_colours(image: NDArray[np.uint8], style: Style, strength: float) -> NDArray[np.uint8]:
    """Mean and spread in Lab moved towards the style's, all the way with a strength of 1."""
    lab = _to_lab(image)
    mean, spread = _moments(lab)
    gain = 1.0 + strength * (style.spread / np.maximum(spread, LEAST_SPREAD) - 1.0)
    levels = (np.arange(256, dtype=np.float32)[:, None] - mean) * gain + mean + strength * (style.mean - mean)
    return np.asarray(cv2.cvtColor(cv2.LUT(lab, _to_bytes(levels)[None]), cv2.COLOR_LAB2RGB), np.uint8)


def with_shading(image: NDArray[np.uint8], style: Style, lowest: int) -> NDArray[np.uint8]:
    """The amplitudes of the `lowest` spatial frequencies taken from the style, phases kept, the mean as well."""
    small = _small(image)
    spectrum = np.fft.rfft2(small, axes=(0, 1))
    rows, columns = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None], np.arange(SIDE // 2 + 1)
    low = (np.maximum(abs(rows), columns) <= lowest) & ((rows != 0) | (columns != 0))
    amplitude = np.abs(spectrum)
    amplitude[low] = style.amplitude[low]
    shaded = np.fft.irfft2(amplitude * np.exp(1j * np.angle(spectrum)), s=(SIDE, SIDE), axes=(0, 1))
    height, width = image.shape[:2]
    change = cv2.resize((shaded - small).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(image, change, dtype=cv2.CV_8U), np.uint8)


def _styles(folder: Path) -> list[Style]:
    files = tqdm(photographs_in(folder), desc=f"styles of {folder.name}", disable=None)
    return [style_of(read_image(file)) for file in files]


def _small(image: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _to_lab(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.uint8)


def _moments(lab: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    mean, spread = cv2.meanStdDev(lab)
    return mean[:, 0].astype(np.float32), spread[:, 0].astype(np.float32)


def _to_bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image, 0.0, 255.0).round(), np.uint8)
