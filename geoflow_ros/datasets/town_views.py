"""Samples of generated towns: rendered once into a folder, cropped afresh whenever one is asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.crop import crop, crop_nearest
from geoflow_ros.datasets.dataset_files import Findings, read_image
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.structured_text import read_json
from geoflow_ros.town.height_codes import STRIDE, UNKNOWN
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.style import DESERT_SEEDS
from geoflow_ros.town.varied import VARIED_SEEDS
from geoflow_ros.town.varied_textures import Photographs, varied_layers
from geoflow_ros.town.varied_views import blurred, varied_camera, varied_pose
from geoflow_ros.town.world import Town
from geoflow_ros.whole_files import write_text

TRAIN_SEEDS = range(0, 9_000)
VARIED_TRAIN_SEEDS = VARIED_SEEDS[:9_000]
VALIDATION_SEEDS = range(9_000, 10_000)
TEST_SEEDS = range(10_000, 20_000)
OTHER_SEEDS = DESERT_SEEDS
VARIED_TEST_SEEDS = VARIED_SEEDS[9_000:]

GROUND_SIZE = (640, 160)
ORTHOPHOTO_PX = 656
ORTHOPHOTO_RESOLUTION = 0.25  # metres per pixel
JPEG_QUALITY = 92
REMEDY = "delete its folder to render the town again"


@dataclass(frozen=True, slots=True)
class RenderedView:
    """A rendered camera view, its camera, and the orthophoto centred on it with +u along its heading.

    place: where it stands in its town; heights: of what the two images show. None of towns that were rendered before
    these were written down.
    """

    ground: Path
    orthophoto: Path
    camera: CameraModel
    place: Place | None
    heights: tuple[Path, Path] | None


def random_camera(rng: np.random.Generator) -> CameraModel:
    """A forward camera of some vehicle: field of view, aspect, height and tilt vary."""
    width = 640
    height = int(width * rng.uniform(0.28, 0.65))
    focal = width / 2 / math.tan(math.radians(rng.uniform(60.0, 100.0)) / 2)
    mount = Mount(
        height=rng.uniform(1.2, 2.4), pitch=math.radians(rng.normal(1.0, 2.0)), roll=math.radians(rng.normal(0.0, 0.8))
    )
    return CameraModel(width, height, focal, focal, width / 2, height * rng.uniform(0.42, 0.56), mount)


def render_town(folder: Path, seed: int, count: int, renderer: Renderer, photographs: Photographs = ()) -> None:
    """Write `count` views of a town into the folder; its views.json comes last and marks it complete.

    photographs: from above, of which a varied town's textures take their grain.
    """
    rng, varied = np.random.default_rng([seed, 1]), seed in VARIED_SEEDS
    town = Town.generate(seed)
    renderer.load(town, varied_layers(seed, photographs) if varied else None)
    folder.mkdir(parents=True, exist_ok=True)
    views = []
    for index in range(count):
        camera = (varied_camera if varied else random_camera)(rng).resized(*GROUND_SIZE)
        east, north, yaw = varied_pose(town, rng, camera.mount.height) if varied else town.sample_pose(rng)
        ground_look, above_look = town.style.looks(rng)
        ground = renderer.view(camera, east, north, yaw, ground_look)
        size_m = ORTHOPHOTO_PX * ORTHOPHOTO_RESOLUTION
        above = renderer.overhead(east, north, size_m, ORTHOPHOTO_PX, above_look, yaw=yaw)
        _write(folder / f"{index:04d}_ground.jpg", ground.image)
        _write(folder / f"{index:04d}_ortho.jpg", blurred(rng, above.image) if varied else above.image)
        for path, heights in zip(_heights(folder, index), (ground.heights, above.heights), strict=True):
            _write(path, heights)
        views.append({**_camera_to_dict(camera), "place": [east, north], "heights": True})
    write_text(folder / "views.json", json.dumps(views))


def towns_to_render(root: Path, seeds: Sequence[int], per_town: int) -> list[int]:
    """Seeds of the towns of which the folder does not hold `per_town` views yet."""
    return [seed for seed in seeds if len(_read_views(root / f"{seed:06d}")) < per_town]


def render_towns(root: Path, seeds: Sequence[int], per_town: int, photographs: Photographs = ()) -> None:
    """Render the towns that the folder does not hold yet, one subfolder a seed; photographs: see `render_town`."""
    missing = towns_to_render(root, seeds, per_town)
    renderer = Renderer() if missing else None
    for seed in tqdm(missing, desc="rendering towns", unit="town", disable=not missing):
        assert renderer is not None
        render_town(root / f"{seed:06d}", seed, per_town, renderer, photographs)


class TownSamples:
    """Views of rendered towns. Index i is view i % len with a prior of its own, so epochs differ."""

    def __init__(
        self,
        root: Path,
        seeds: Sequence[int],
        per_town: int,
        size_px: int,
        resolution: float,
        shift_range_m: float = 20.0,
        rotation_range_deg: float = 10.0,
        seed: int = 0,
        photographs: Photographs = (),
        with_heights: bool = False,
    ) -> None:
        render_towns(root, seeds, per_town, photographs)
        self.views = [view for town in seeds for view in _read_views(root / f"{town:06d}")[:per_town]]
        findings = Findings()
        for view in self.views:
            findings.require_image(root, str(view.ground.relative_to(root)))
            findings.require_image(root, str(view.orthophoto.relative_to(root)))
            for path in (view.heights or ()) if with_heights else ():
                findings.require_file(root, str(path.relative_to(root)))
        findings.raise_if_any("rendered towns", root, "delete the folders of these towns to render them again")
        self.size_px, self.resolution, self._with_heights = size_px, resolution, with_heights
        self._noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)

    def __len__(self) -> int:
        return len(self.views)

    def place(self, index: int) -> Place | None:
        """Of the camera in its town."""
        return self.views[index % len(self.views)].place

    def __getitem__(self, index: int) -> Sample:
        view = self.views[index % len(self.views)]
        # The sample's own frame: origin at the camera, its heading along +east.
        prior = self._noise.draw(index)
        whole = SatellitePatch(read_image(view.orthophoto, REMEDY), (0.0, 0.0), ORTHOPHOTO_RESOLUTION)
        u, v = whole.to_pixel((prior.x, prior.y))
        scale = self.resolution / ORTHOPHOTO_RESOLUTION
        image, missing = crop(whole.image, (u, v), prior.yaw, self.size_px, scale)
        patch = SatellitePatch(image, (prior.x, prior.y), self.resolution, prior.yaw, missing)
        key = f"{view.ground.parent.name}/{view.ground.stem}"
        sample = Sample(
            key, read_image(view.ground, REMEDY), view.camera, patch, (0.0, 0.0, 0.0), self._noise.known(prior)
        )
        if view.heights is None or not self._with_heights:
            return sample
        ground, above = (read_image(path, REMEDY)[..., 0] for path in view.heights)
        shrunk, cells = above.shape[1] / ORTHOPHOTO_PX, self.size_px // STRIDE
        center, per_cell = (u * shrunk, v * shrunk), scale * self.size_px / cells * shrunk
        patch_heights = crop_nearest(above, center, prior.yaw, cells, per_cell, UNKNOWN)
        return replace(sample, ground_heights=ground, patch_heights=patch_heights)


def _read_views(folder: Path) -> list[RenderedView]:
    path = folder / "views.json"
    if not path.exists():
        return []
    try:
        return [_view(folder, number, values) for number, values in enumerate(read_json(path))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} does not list views ({type(error).__name__}: {error}): {REMEDY}") from error


def _view(folder: Path, number: int, values: dict[str, Any]) -> RenderedView:
    values = dict(values)
    place, heights = values.pop("place", None), _heights(folder, number) if values.pop("heights", False) else None
    if place is not None:
        east, north = map(float, place)
        place = Place(folder.name, east, north)
    camera = CameraModel(**{**values, "mount": Mount(**values["mount"])})
    return RenderedView(folder / f"{number:04d}_ground.jpg", folder / f"{number:04d}_ortho.jpg", camera, place, heights)


def _heights(folder: Path, number: int) -> tuple[Path, Path]:
    return folder / f"{number:04d}_ground_heights.png", folder / f"{number:04d}_ortho_heights.png"


def _camera_to_dict(camera: CameraModel) -> dict[str, Any]:
    values = asdict(camera)
    return {key: values[key] for key in ("width", "height", "fx", "fy", "cx", "cy", "mount")}


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB image (H, W, 3) or codes (H, W); the format follows the suffix."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    if not cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image, options):
        raise InputError(f"{path} cannot be written: free some disk, or choose a folder you may write to")
