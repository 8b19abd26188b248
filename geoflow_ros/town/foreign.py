"""The town as another renderer might show it: looks that no weights were trained on, to measure how far they travel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.town.canvas import Image
from geoflow_ros.town.look import Look
from geoflow_ros.town.render import Renderer

GAMMA, DARKEST, BRIGHTEST = (0.5, 2.0), (0.0, 0.15), (0.5, 0.85)
BLUR_PX, NOISE = (1.0, 1.6), 12.0  # noise: of 255


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """How colours come out. mix (3, 3): of red, green and blue, rows summing to 1. curve: (256,) uint8. blur: px."""

    mix: NDArray[np.float32]
    curve: NDArray[np.uint8]
    blur: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Rendering:
        """Colours mixed into one another, another tone curve, another sharpness."""
        levels = np.linspace(0.0, 1.0, 256) ** rng.uniform(*GAMMA)
        dark, bright = rng.uniform(*DARKEST), rng.uniform(*BRIGHTEST)
        curve = np.round(255 * (dark + (bright - dark) * levels)).astype(np.uint8)
        return cls(rng.dirichlet(np.ones(3), 3).astype(np.float32), curve, float(rng.uniform(*BLUR_PX)))

    def shown(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The (H, W, 3) RGB image as this would have rendered it."""
        mixed = cv2.LUT(np.asarray(cv2.transform(image, self.mix), np.uint8), self.curve)
        return np.asarray(cv2.GaussianBlur(mixed, (0, 0), self.blur), np.uint8)


class ForeignRenderer(Renderer):
    """A renderer whose street views and orthophotos have foreign colours, each their own; street views have noise."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = np.random.default_rng([seed, 61])
        self._street, self._overhead = Rendering.random(self._rng), Rendering.random(self._rng)

    def camera(self, camera: CameraModel, east: float, north: float, yaw: float, look: Look) -> Image:
        """As `Renderer.camera`."""
        image = self._street.shown(super().camera(camera, east, north, yaw, look))
        noise = self._rng.normal(0.0, NOISE, image.shape[:2])[..., None]
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    def orthophoto(self, east: float, north: float, size_m: float, size_px: int, look: Look, yaw: float = 0.0) -> Image:
        """As `Renderer.orthophoto`."""
        return self._overhead.shown(super().orthophoto(east, north, size_m, size_px, look, yaw))
