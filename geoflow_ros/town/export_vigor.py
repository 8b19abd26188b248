"""Towns in the layout of VIGOR: four cities, overlapping satellite images, panoramas facing north."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.town.files import new_folder, write_image, write_lines
from geoflow_ros.town.look import Look
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.world import Town

SATELLITE_PX = 640
SPACING_PX = 318
"""Between neighbouring satellite images: every panorama lies in four of them, in the middle of one."""
PANORAMA = CameraModel.panorama(2048, 1024, Mount(height=2.5))
MARGIN_M = 120.0


@dataclass(frozen=True, slots=True)
class City:
    """A VIGOR city: its folder, where its town is put, and its images' metres per pixel."""

    name: str
    datum: Datum
    resolution: float


CITIES = (
    City("NewYork", Datum(40.748, -73.985), 0.113248),
    City("Seattle", Datum(47.608, -122.335), 0.100817),
    City("SanFrancisco", Datum(37.773, -122.419), 0.118141),
    City("Chicago", Datum(41.883, -87.632), 0.111262),
)


def export_vigor(out: Path, seed: int, count: int) -> None:
    """Write `count` rows a list and city; the towns are seed, seed + 1, seed + 2, seed + 3 in the order of CITIES.

    The cross-area lists pair cities, so their test towns are never the training ones.
    """
    root, renderer = new_folder(out), Renderer()
    for index, city in enumerate(CITIES):
        town = Town.generate(seed + index, city.datum)
        renderer.load(town)
        rng = np.random.default_rng([seed + index, 41])
        writer = _CityWriter(root, city, town, renderer, rng)
        rows = [writer.sample() for _ in tqdm(range(2 * count), desc=city.name, unit="panorama", disable=None)]
        lists = {
            "same_area_balanced_train": rows[:count],
            "same_area_balanced_test": rows[count:],
            "pano_label_balanced": rows[count // 2 : count // 2 + count],
        }
        for suffix in ("", "__corrected"):
            folder = root / f"splits{suffix}" / city.name
            write_lines(folder / "satellite_list.txt", sorted(writer.satellites.values()))
            for name, lines in lists.items():
                write_lines(folder / f"{name}{suffix}.txt", lines)


class _CityWriter:
    """Writes panoramas and, once each, the satellite images around them."""

    def __init__(self, root: Path, city: City, town: Town, renderer: Renderer, rng: np.random.Generator) -> None:
        self._folder, self._city, self._town = root / city.name, city, town
        self._renderer, self._rng = renderer, rng
        self._frame, self._count = LocalFrame(town.datum), 0
        self.satellites: dict[tuple[int, int], str] = {}

    def sample(self) -> str:
        """Write one panorama; its row in the lists."""
        east, north, _ = self._town.sample_pose(self._rng, MARGIN_M)
        latitude, longitude, _ = self._frame.to_geodetic([east, north])
        name = f"town{self._town.seed}_{self._count:06d},{latitude:.7f},{longitude:.7f},.jpg"
        self._count += 1
        look = Look.random(self._rng)
        image = self._renderer.camera(PANORAMA, east, north, math.pi / 2, look)
        write_image(self._folder / "panorama" / name, image)
        return " ".join([name, *self._neighbours(np.array([east, north]))])

    def _neighbours(self, position: NDArray[np.float64]) -> list[str]:
        """`name drow dcol` of the four satellite images around a position, nearest first."""
        spacing = SPACING_PX * self._city.resolution
        low = np.floor(position / spacing).astype(int)
        cells = [(int(low[0]) + i, int(low[1]) + j) for i in (0, 1) for j in (0, 1)]
        cells.sort(key=lambda cell: float(np.hypot(*(position - spacing * np.array(cell)))))
        parts = []
        for cell in cells:
            east, north = (position - spacing * np.array(cell)) / self._city.resolution
            parts.append(f"{self._satellite(cell, spacing)} {-north:.6f} {-east:.6f}")
        return parts

    def _satellite(self, cell: tuple[int, int], spacing: float) -> str:
        if cell not in self.satellites:
            east, north = spacing * cell[0], spacing * cell[1]
            latitude, longitude, _ = self._frame.to_geodetic([east, north])
            name = f"satellite_{latitude:.7f}_{longitude:.7f}.png"
            size_m = SATELLITE_PX * self._city.resolution
            image = self._renderer.orthophoto(east, north, size_m, SATELLITE_PX, Look.random(self._rng))
            write_image(self._folder / "satellite" / name, image)
            self.satellites[cell] = name
        return self.satellites[cell]
