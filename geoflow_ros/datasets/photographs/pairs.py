"""Photographs of known places on overhead images as a data set: the simplest way to try one's own."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from geoflow_ros.datasets.crop import crop
from geoflow_ros.datasets.dataset_files import read_overhead
from geoflow_ros.datasets.photographs.photo_views import check_images, read_views
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample, are_elsewhere
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch

KEPT_OVERHEADS = 2  # an orthophoto of many places takes a second to decode


class Pairs:
    """The views of a folder, each before a patch around a prior that is off by up to `shift_range_m` on either axis
    and by up to `rotation_range_deg`; all views of a place share one prior, as the cameras of a rig do.

    Positions are metres east and north of the place's label, with the overhead image's up as north.
    """

    def __init__(
        self,
        root: Path,
        size_px: int,
        resolution: float,
        shift_range_m: float = 12.0,
        rotation_range_deg: float = 10.0,
        seed: int = 0,
        count: int | None = None,
        every: int = 1,
    ) -> None:
        """size_px, resolution (metres per pixel): of the patches. every: each so manieth place, with all its views;
        count: of these, only the places of so many first views.
        """
        self._root, self._size_px, self._resolution = root, size_px, resolution
        views = read_views(root)
        self._of = {view.place: view for view in views}
        noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)
        self._offsets = {place: noise.draw(index) for index, place in enumerate(sorted(self._of))}
        self._noise = noise
        self._overhead = lru_cache(maxsize=KEPT_OVERHEADS)(lambda relative: read_overhead(root / relative))
        chosen = set(list(dict.fromkeys(view.place for view in views))[::every])
        taken = {view.place for view in [view for view in views if view.place in chosen][:count]}
        self.views = [view for view in views if view.place in taken]
        self.places = sorted(taken)
        check_images(root, self.views)

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> Sample:
        view = self.views[index % len(self.views)]
        image = view.read(self._root)
        camera = view.camera(image.shape[1], image.shape[0])
        prior = self.prior(view.place, view.yaw)
        patch, truth = self.patch(view.place, view.yaw), (0.0, 0.0, view.yaw)
        return Sample(view.key, image, camera, patch, truth, prior, view.label_error_m)

    def place(self, index: int) -> Place:
        """Of the view, on its overhead image."""
        return self.views[index % len(self.views)].taken()

    def elsewhere(self, place: str) -> list[str]:
        """The places whose imagery shows another place than this one's views do."""
        here = place, self._of[place].taken()
        return [other for other in self.places if are_elsewhere(here, (other, self._of[other].taken()))]

    def prior(self, place: str, yaw: float) -> UniformPosePrior:
        """Where a camera that looks along `yaw` (rad), or a vehicle that does, is searched: a square north up."""
        offset, noise = self._offsets[place], self._noise
        turned = wrap_angle(yaw + offset.yaw)
        return UniformPosePrior(offset.x, offset.y, turned, noise.shift_range_m, noise.rotation_range, sides=0.0)

    def patch(self, place: str, yaw: float) -> SatellitePatch:
        """The overhead image of a place around its prior, +u along the prior's heading."""
        view, prior = self._of[place], self.prior(place, yaw)
        u, v = view.camera_px[0] + prior.east / view.metres_per_px, view.camera_px[1] - prior.north / view.metres_per_px
        pixels, missing = crop(
            self._overhead(view.overhead), (u, v), prior.yaw, self._size_px, self._resolution / view.metres_per_px
        )
        return SatellitePatch(pixels, (prior.east, prior.north), self._resolution, prior.yaw, missing)
