"""Training samples of which only the frozen trunks' features are kept: a step costs a third of what it would."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.datasets.augment import MountError, augment
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample, are_elsewhere, place_on_earth
from geoflow_ros.model.encoder import Trunk
from geoflow_ros.model.matchflow import MatchFlow, Pyramid
from geoflow_ros.planar import PlanarPose
from geoflow_ros.train.batches import Batch, draw_hypotheses, swapped, to_batch

Floats = NDArray[np.float64]
PRIOR = PriorNoise(20.0, math.radians(10.0))
HYPOTHESES, YAW_RANGE = 32, math.radians(10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A node to learn from: pose (3,) of base_link and how sure it is (3, 3)."""

    node: int
    pose: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CachedSample:
    """A sample whose images have become features, packed (N,) in half precision."""

    batch: Batch
    place: Place


class CachedTrunk(nn.Module):
    """Stands in for a trunk: unpacks the features (B, N) that it made of images of one size."""

    def __init__(self, shapes: Sequence[torch.Size]) -> None:
        super().__init__()
        self.shapes = [tuple(shape[1:]) for shape in shapes]

    def normalise(self, packed: Tensor) -> Tensor:
        """Features have no mean to take out."""
        return packed

    def forward(self, packed: Tensor) -> list[Tensor]:
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = torch.split(packed.float(), sizes, dim=1)
        levels = [part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return [packed, *levels]  # the first level is not read


def without_trunks(model: MatchFlow) -> MatchFlow:
    """A copy that reads packed features instead of images."""
    config = model.config
    sizes = (
        (model.ground.pyramid, (config.ground_height, config.ground_width)),
        (model.satellite.pyramid, (config.satellite_px, config.satellite_px)),
    )
    shapes = [_shapes(pyramid, size) for pyramid, size in sizes]
    headless = copy.deepcopy(model)
    for pyramid, levels in zip((headless.ground.pyramid, headless.satellite.pyramid), shapes, strict=True):
        pyramid.trunk = CachedTrunk(levels)  # type: ignore[assignment] # of the same use
    return headless


@torch.inference_mode()
def _shapes(pyramid: Pyramid, size: tuple[int, int]) -> list[torch.Size]:
    blank = torch.zeros(1, 3, *size, dtype=torch.uint8)
    return [level.shape for level in pyramid.trunk(pyramid.trunk.normalise(blank))[1:]]


@torch.inference_mode()
def _packed(trunk: Trunk, image: Tensor) -> Tensor:
    levels = trunk(trunk.normalise(image))[1:]
    return torch.cat([level.flatten(1) for level in levels], dim=1).half()


def cached_samples(
    drive: UnlabelledDrive, labels: Sequence[Label], model: MatchFlow, variants: int, seed: int
) -> Iterator[CachedSample]:
    """Each label several times: its pose drawn as wide as it is uncertain, prior, look and mirroring drawn anew."""
    recorded, config = drive.recorded, model.config
    of_frame = {int(drive.nodes.frames[label.node]): label for label in labels}
    for frame, image in recorded.images(set(of_frame), (config.ground_width, config.ground_height), "features"):
        label = of_frame[frame]
        for variant in range(variants):
            number = label.node * variants + variant
            rng = np.random.default_rng([seed, 4, number])
            drawn = label.pose + rng.multivariate_normal(np.zeros(3), label.covariance, method="cholesky")
            sample = sample_at(drive, model, image, drawn, PRIOR.draw(number))
            latitude, longitude, _ = recorded.frame.to_geodetic(label.pose[:2])
            yield cached(sample, place_on_earth(float(latitude), float(longitude)), model, rng)


def sample_at(
    drive: UnlabelledDrive, model: MatchFlow, image: NDArray[np.uint8], pose: Floats, noise: PlanarPose
) -> Sample:
    """A rectified image (H, W, 3) with base_link at a pose (3,), and the patch around a prior off by `noise`."""
    recorded, config = drive.recorded, model.config
    camera = PlanarPose(*pose.tolist()) @ recorded.camera.mount.planar
    prior = camera @ noise
    size, resolution = config.satellite_px, config.satellite_resolution
    patch = drive.satellite.patch(recorded.frame, (prior.x, prior.y), prior.yaw, size, resolution)
    key = f"{drive.name} at {camera.x:.0f} m east, {camera.y:.0f} m north"
    return Sample(key, image, recorded.camera.rectified(), patch, (camera.x, camera.y, camera.yaw), PRIOR.known(prior))


@torch.inference_mode()
def cached(sample: Sample, place: Place, model: MatchFlow, rng: np.random.Generator) -> CachedSample:
    """A sample with a look, a mount a little wrong, and hypotheses drawn anew."""
    sample = augment(sample, rng, MountError())
    batch = to_batch([sample], [np.zeros((HYPOTHESES, 3), np.float32)], model.config)
    starts = draw_hypotheses(batch.truth[0].double().numpy(), HYPOTHESES, YAW_RANGE, rng)
    ground = _packed(model.ground.pyramid.trunk, batch.ground)
    satellite = _packed(model.satellite.pyramid.trunk, batch.satellite)
    packed = Batch(ground, satellite, batch.lift, batch.truth, torch.from_numpy(starts)[None], batch.keys)
    return CachedSample(packed, place)


def joined(samples: Sequence[CachedSample]) -> Batch:
    """The samples as one batch. Of whatever drives: several of one city go along the same streets."""
    batches = [sample.batch for sample in samples]
    ground, satellite, truth, hypotheses = (
        torch.cat([getattr(each, name) for each in batches]) for name in ("ground", "satellite", "truth", "hypotheses")
    )
    lift = torch.cat([each.lift for each in batches if each.lift is not None])
    keys = tuple(key for each in batches for key in each.keys)
    places = [(key, sample.place) for key, sample in zip(keys, samples, strict=True)]
    elsewhere = torch.zeros(len(samples), dtype=torch.bool)
    for first, second in enumerate(swapped(len(samples)).tolist()):
        elsewhere[first] = are_elsewhere(places[first], places[second])
    return Batch(ground, satellite, lift, truth, hypotheses, keys, elsewhere)
