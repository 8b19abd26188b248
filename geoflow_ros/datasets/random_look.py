"""Looks that no camera has: colours, tones, fine texture and shading drawn at random, the content kept.

A network that finds its place in these cannot rely on any renderer's or sensor's rendering of a surface (randomised
convolutions: Xu et al., ICLR 2021). Both images of a sample take their looks independently.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.sample import Changed, LocalizationDataset, Sample

Image = NDArray[np.uint8]
MIX_STD = 0.4  # of the entries by which the channels' mixing differs from none
KNOTS = 5  # of a tone curve
KNOT_STD = 0.16
KERNELS = (3, 5)  # px
STAINS_PX = (3, 12)  # cells of the field that darkens and brightens, per image side
STAIN_STD = 0.25
CLIP = (1.0, 4.0)  # of local contrast


class RandomLooks(Changed):
    """Samples of which a share of the images, each on its own, has a random look; the truth stays."""

    def __init__(self, samples: LocalizationDataset, share: float, seed: int) -> None:
        super().__init__(samples)
        self._share, self._seed = share, seed

    def changed(self, sample: Sample, index: int) -> Sample:
        rng = np.random.default_rng([self._seed, 5, index])
        patch = replace(sample.patch, image=self._looked(sample.patch.image, rng))
        return replace(sample, ground=self._looked(sample.ground, rng), patch=patch)

    def _looked(self, image: Image, rng: np.random.Generator) -> Image:
        return random_look(image, rng) if rng.random() < self._share else image


def random_look(image: Image, rng: np.random.Generator) -> Image:
    """The (H, W, 3) image in a look drawn at random: two to four of the changes below, in any order."""
    changes = [mixed, toned, convolved, stained, equalised]
    for number in rng.permutation(len(changes))[: int(rng.integers(2, 5))]:
        image = changes[number](image, rng)
    return image


def mixed(image: Image, rng: np.random.Generator) -> Image:
    """Channels mixed into one another; grey stays grey."""
    change = rng.normal(0.0, MIX_STD, (3, 3))
    return np.asarray(cv2.transform(image, np.eye(3) + change - change.mean(axis=1, keepdims=True)), np.uint8)


def toned(image: Image, rng: np.random.Generator) -> Image:
    """Another rising tone curve for each channel."""
    knots = np.linspace(0.0, 1.0, KNOTS)[:, None] + rng.normal(0.0, KNOT_STD, (KNOTS, 1))
    knots = np.sort(knots + rng.normal(0.0, KNOT_STD / 3, (KNOTS, 3)), axis=0).clip(0.0, 1.0)
    levels = np.linspace(0.0, KNOTS - 1.0, 256)
    curves = np.stack([np.interp(levels, np.arange(KNOTS), knots[:, channel]) for channel in range(3)], axis=-1)
    return np.asarray(cv2.LUT(image, np.round(255 * curves).astype(np.uint8)[None]), np.uint8)


def convolved(image: Image, rng: np.random.Generator) -> Image:
    """Fine texture changed by a random kernel, mean kept."""
    side = int(rng.choice(KERNELS))
    kernel = rng.normal(0.0, 1.0 / side, (side, side))
    kernel += (1.0 - kernel.sum()) / side**2
    identity = np.zeros_like(kernel)
    identity[side // 2, side // 2] = 1.0
    share = rng.uniform(0.2, 0.7)
    return np.asarray(cv2.filter2D(image, -1, share * kernel + (1.0 - share) * identity), np.uint8)


def stained(image: Image, rng: np.random.Generator) -> Image:
    """Brightened and darkened by a smooth field, as by shadows of what is not seen."""
    cells = rng.integers(STAINS_PX[0], STAINS_PX[1] + 1, 2)
    coarse = np.exp(rng.normal(0.0, STAIN_STD, cells)).astype(np.float32)
    field = np.asarray(cv2.resize(coarse, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC))
    return np.asarray(cv2.multiply(image, np.repeat(field[..., None], 3, axis=2), dtype=cv2.CV_8U), np.uint8)


def equalised(image: Image, rng: np.random.Generator) -> Image:
    """Local contrast raised."""
    equaliser = cv2.createCLAHE(float(rng.uniform(*CLIP)), (int(rng.integers(2, 9)), int(rng.integers(2, 9))))
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = equaliser.apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
