"""The look of a moment: sun, sky, season, which cars stand where, and what the sensor makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.props import CARS, INSTANCE_FLOATS, Shape
from geoflow_ros.town.textures import Texture

Floats = NDArray[np.float64]

CAR_COLOURS = np.array([
    (0.92, 0.92, 0.92), (0.8, 0.8, 0.82), (0.5, 0.51, 0.53), (0.2, 0.2, 0.21), (0.1, 0.1, 0.11), (0.6, 0.08, 0.07),
    (0.1, 0.2, 0.45), (0.3, 0.42, 0.55), (0.85, 0.8, 0.7), (0.14, 0.3, 0.2), (0.85, 0.65, 0.1), (0.45, 0.3, 0.2),
])  # fmt: skip


class Season(Enum):
    """Changes the colour and the density of leaves and grass."""

    SPRING = auto()
    SUMMER = auto()
    AUTUMN = auto()
    WINTER = auto()


LEAF_TINT = {
    Season.SPRING: (1.1, 1.15, 0.85), Season.SUMMER: (1.0, 1.0, 1.0),
    Season.AUTUMN: (1.55, 1.05, 0.65), Season.WINTER: (1.05, 0.75, 0.8),
}  # fmt: skip
GRASS_TINT = {
    Season.SPRING: (1.0, 1.15, 0.9), Season.SUMMER: (1.12, 1.02, 0.95),
    Season.AUTUMN: (1.15, 0.98, 0.8), Season.WINTER: (1.2, 1.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """sun_azimuth: direction the light comes from (rad, counter-clockwise from east); sun_elevation: rad.

    sun, sky: strengths of direct and ambient light. warmth: -1 bluish to 1 reddish. haze: 1/m. cloud: 0 to 1.
    parked, traffic: shares of the places that hold a car. lean: metres east, north that an orthophoto
    displaces each metre of height. noise: of 255; blur: Gaussian sigma in pixels. clear: metres around a camera in
    which no car stands.
    """

    seed: int = 0
    sun_azimuth: float = -1.9
    sun_elevation: float = 0.9
    sun: float = 1.1
    sky: float = 0.55
    warmth: float = 0.0
    haze: float = 0.0012
    cloud: float = 0.3
    season: Season = Season.SUMMER
    parked: float = 0.6
    traffic: float = 0.06
    lean: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    noise: float = 2.0
    blur: float = 0.3
    vignette: float = 0.1
    clear: float = 9.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Look:
        """Any weather by day, any season."""
        overcast = rng.random() < 0.35
        cloud = rng.uniform(0.7, 1.0) if overcast else rng.uniform(0.0, 0.6)
        angle, lean = rng.uniform(0, 2 * math.pi), rng.uniform(0.0, 0.22)
        return cls(
            seed=int(rng.integers(2**31)),
            sun_azimuth=rng.uniform(-math.pi, math.pi),
            sun_elevation=rng.uniform(0.3, 1.2),
            sun=rng.uniform(0.0, 0.25) if overcast else rng.uniform(0.8, 1.4),
            sky=rng.uniform(0.75, 1.0) if overcast else rng.uniform(0.35, 0.65),
            warmth=float(rng.normal(0.0, 0.4)),
            haze=float(10 ** rng.uniform(-3.6, -2.4)),
            cloud=cloud,
            season=list(Season)[rng.integers(4)],
            parked=rng.uniform(0.2, 0.95),
            traffic=rng.uniform(0.0, 0.18),
            lean=(lean * math.cos(angle), lean * math.sin(angle)),
            exposure=rng.uniform(0.75, 1.3),
            contrast=rng.uniform(0.85, 1.2),
            saturation=rng.uniform(0.6, 1.25),
            noise=rng.uniform(0.5, 6.0),
            blur=rng.uniform(0.0, 0.8),
            vignette=rng.uniform(0.0, 0.3),
        )

    @property
    def to_sun(self) -> Floats:
        """Unit vector (3,) east, north, up towards the sun."""
        level = math.cos(self.sun_elevation)
        return np.array([
            level * math.cos(self.sun_azimuth), level * math.sin(self.sun_azimuth), math.sin(self.sun_elevation)
        ])  # fmt: skip

    @property
    def light(self) -> tuple[Floats, Floats, Floats]:
        """Linear RGB of the sun, the sky's ambient light and the horizon."""
        warm = np.array([1.0 + 0.12 * self.warmth, 1.0, 1.0 - 0.14 * self.warmth])
        low = 1.0 - min(1.0, self.sun_elevation / 0.8)
        sun = self.sun * warm * np.array([1.05, 1.0 - 0.12 * low, 0.92 - 0.3 * low])
        grey, blue = np.array([0.95, 0.97, 1.0]), np.array([0.82, 0.95, 1.15])
        ambient = self.sky * warm * (self.cloud * grey + (1 - self.cloud) * blue)
        horizon = (0.45 + 0.5 * self.sky) * warm * (self.cloud * np.array([0.85, 0.87, 0.9]) + (1 - self.cloud) * grey)
        return sun, ambient, horizon

    def layer_tints(self) -> NDArray[np.float32]:
        """Tints (len(Texture), 3) of the season."""
        tints = np.ones((len(Texture), 3), dtype=np.float32)
        tints[[Texture.LEAVES, Texture.HEDGE]] = LEAF_TINT[self.season]
        tints[[Texture.GRASS, Texture.MEADOW, Texture.CROPS]] = GRASS_TINT[self.season]
        if self.season is Season.WINTER:
            tints[Texture.HEDGE] = 0.85
        return tints

    def cars(self, parked: Floats, driving: Floats) -> dict[Shape, NDArray[np.float32]]:
        """The cars of this moment: rows of INSTANCE_FLOATS a shape, from the slots (n, 3) east, north, yaw."""
        rng = np.random.default_rng(self.seed)
        spots = np.concatenate([
            parked[rng.random(len(parked)) < self.parked], driving[rng.random(len(driving)) < self.traffic]
        ])  # fmt: skip
        rows = np.ones((len(spots), INSTANCE_FLOATS), dtype=np.float32)
        yaw = spots[:, 2] + rng.normal(0.0, 0.03, len(spots))
        ahead = rng.uniform(-0.4, 0.4, len(spots))
        rows[:, 0:2] = spots[:, :2] + ahead[:, None] * np.column_stack([np.cos(yaw), np.sin(yaw)])
        rows[:, 2], rows[:, 3] = 0.0, yaw
        colours = CAR_COLOURS[rng.integers(len(CAR_COLOURS), size=len(spots))]
        rows[:, 7:10] = colours * rng.uniform(0.85, 1.1, (len(spots), 1))
        kind = rng.choice(len(CARS), size=len(spots), p=[0.4, 0.47, 0.13])
        return {shape: rows[kind == index] for index, shape in enumerate(CARS)}

    def develop(self, image: NDArray[np.uint8], salt: tuple[int, ...] = ()) -> NDArray[np.uint8]:
        """The image (H, W, 3) as this look's sensor delivers it; `salt` makes the noise of each frame its own."""
        rng = np.random.default_rng([self.seed, *salt])
        frame: NDArray[np.float32] = image.astype(np.float32)
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.float32)[..., None]
        frame = grey + (frame - grey) * np.float32(self.saturation)
        frame = (frame - 118.0) * np.float32(self.contrast) + 118.0
        if self.vignette > 0.02:
            v, u = np.ogrid[-1.0 : 1.0 : image.shape[0] * 1j, -1.0 : 1.0 : image.shape[1] * 1j]
            frame *= (1.0 - self.vignette * 0.5 * (u * u + v * v)).astype(np.float32)[..., None]
        if self.blur > 0.2:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), self.blur), dtype=np.float32)
        frame += rng.standard_normal(frame.shape, dtype=np.float32) * np.float32(self.noise)
        return np.asarray(np.clip(frame, 0.0, 255.0), dtype=np.uint8)
