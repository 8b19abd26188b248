"""Priors of samples: drawn the same way for all data sets, and never such that the truth is thought impossible."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from drive_folder import write_drive
from hypothesis import given
from hypothesis import strategies as st
from kitti_tree import blob, write_tree
from scipy.stats import kstest
from training_support import write_towns
from vigor_tree import write_city

from geoflow_ros.datasets import dataset_files
from geoflow_ros.datasets.augment import mirror
from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.datasets.kitti import KittiCrossView
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import LocalizationDataset, Sample
from geoflow_ros.datasets.town_views import TownSamples
from geoflow_ros.datasets.vigor import Vigor
from geoflow_ros.localization.hypotheses import UniformPrior
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.model.interface import PoseGrid
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch

INDICES = 40
CORNERS = ("1 1 1", "-1 1 1", "1 -1 -1", "-1 -1 1")


@pytest.fixture(autouse=True, scope="module")
def decoded_once() -> Iterator[None]:
    """The images of a data set are the same at every index here, and large."""
    read_once = functools.cache(dataset_files.read_image)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("kitti", "vigor"):
            patch.setattr(f"geoflow_ros.datasets.{name}.read_image", read_once)
        yield


def town(root: Path, turn_deg: float) -> LocalizationDataset:
    write_towns(root, [0], 2)
    return TownSamples(root, [0], 2, size_px=32, resolution=2.0, rotation_range_deg=turn_deg, seed=5)


def bag(root: Path, turn_deg: float) -> LocalizationDataset:
    return BagDrive(write_drive(root), size_px=32, resolution=2.0, rotation_range_deg=turn_deg, seed=5)


def kitti(root: Path, turn_deg: float) -> LocalizationDataset:
    tree = write_tree(root, 0.7, blob(640, 640))
    return KittiCrossView(tree, "train", size_px=32, resolution=0.2, rotation_range_deg=turn_deg, seed=5)


def kitti_list(root: Path, turn_deg: float) -> LocalizationDataset:
    """A published list that goes to the corners of what it may."""
    tree = write_tree(root, 0.7, blob(640, 640), frames=len(CORNERS))
    lines = [line.split()[0] for line in (tree / "test1_files.txt").read_text().splitlines()]
    (tree / "test1_files.txt").write_text("".join(f"{a} {b}\n" for a, b in zip(lines, CORNERS, strict=True)))
    return KittiCrossView(tree, "test1", size_px=32, resolution=0.2, rotation_range_deg=turn_deg)


def vigor(root: Path, turn_deg: float, north_up: bool = False) -> LocalizationDataset:
    """With semi-positives in the corner of their image, 36 m off."""
    for city in ("NewYork", "Seattle"):
        write_city(root, city, "pano_label_balanced.txt", count=4, semi="-319.0 319.0")
    return Vigor(
        root, "cross", "train", size_px=64, rotation_range_deg=turn_deg, semi_positives=True,
        align_heading=not north_up, seed=5,
    )  # fmt: skip


def vigor_north_up(root: Path, turn_deg: float) -> LocalizationDataset:
    return vigor(root, turn_deg, north_up=True)


def assumed_possible(sample: Sample, patch: SatellitePatch, turn: float = 0.0) -> bool:
    """Whether estimation, looking at a patch for headings around `turn` from its +u, looks where the truth is."""
    frame = PatchFrame(patch, 20.0, turn)
    x, y, yaw = frame.from_enu(np.array([sample.truth])).T
    cell = PoseGrid(np.zeros((1, 1, 1), np.float32), x, y, yaw, np.full(3, 1e-9))
    return bool(np.isfinite(frame.prior(sample.prior).log_density_on(cell)).all())


@pytest.mark.parametrize("turn_deg", [0.0, 10.0, 45.0, 180.0])
@pytest.mark.parametrize("opened", [town, bag, kitti, kitti_list, vigor, vigor_north_up])
def test_every_truth_is_where_estimation_looks(
    tmp_path: Path, opened: Callable[[Path, float], LocalizationDataset], turn_deg: float
) -> None:
    dataset = opened(tmp_path, turn_deg)
    for index in range(INDICES):
        sample = dataset[index]
        for each in (sample, mirror(sample)):
            patch = each.patch
            # The same imagery turned, as the search for an unknown heading does, is the same prior.
            turned = SatellitePatch(patch.image, patch.center, patch.resolution, patch.yaw + 2.0)
            assert assumed_possible(each, patch) and assumed_possible(each, turned)
            assert assumed_possible(each, patch, turn=0.06)


@pytest.mark.parametrize("opened", [town, bag, kitti, kitti_list])
def test_what_is_assumed_is_no_wider_than_what_is_drawn(
    tmp_path: Path, opened: Callable[[Path, float], LocalizationDataset]
) -> None:
    dataset = opened(tmp_path, 30.0)
    offsets = np.array([seen_from_the_camera(dataset[index]) for index in range(INDICES)])
    bounds = [20.0, 20.0, math.radians(30.0)]
    assert np.abs(offsets).max(axis=0) == pytest.approx(bounds, rel=0.1)
    known = dataset[0].prior
    assert [known.reach_m, known.reach_m, known.yaw_range] == bounds and known.sides is None


def seen_from_the_camera(sample: Sample) -> tuple[float, float, float]:
    """Ahead, left (m), turn (rad) of the patch."""
    east, north = np.subtract(sample.patch.center, sample.truth[:2])
    cos, sin = math.cos(sample.truth[2]), math.sin(sample.truth[2])
    turn = math.remainder(sample.patch.yaw - sample.truth[2], 2 * math.pi)
    return cos * east + sin * north, cos * north - sin * east, turn


def test_all_data_sets_draw_the_same(tmp_path: Path) -> None:
    datasets = []
    for opened in (town, bag, kitti):
        (tmp_path / opened.__name__).mkdir()
        datasets.append(opened(tmp_path / opened.__name__, 30.0))
    for index in range(6):
        noise = PriorNoise(20.0, math.radians(30.0), seed=5).draw(index)
        for dataset in datasets:
            assert seen_from_the_camera(dataset[index]) == pytest.approx((noise.x, noise.y, noise.yaw), abs=1e-6)


def test_noise_is_uniform_and_seeded() -> None:
    noise = PriorNoise(20.0, 0.3, seed=1)
    drawn = np.array([noise.draw(index).array() for index in range(3000)]) / [20.0, 20.0, 0.3]
    for column in drawn.T:
        assert kstest(column, "uniform", args=(-1.0, 2.0)).pvalue > 0.01
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.05  # 0.018 is one standard deviation
    assert noise.draw(7) == PriorNoise(20.0, 0.3, seed=1).draw(7) != PriorNoise(20.0, 0.3, seed=2).draw(7)


def test_a_published_noise_is_a_part_of_the_ranges() -> None:
    assert PriorNoise(20.0, 0.2).scaled(-0.5, 0.25, 1.0) == PlanarPose(-10.0, 5.0, 0.2)


@given(st.floats(-0.3, 0.3), st.sampled_from([None, 0.0, 0.5]))
def test_hypotheses_are_drawn_where_estimation_looks(turn: float, sides: float | None) -> None:
    prior = UniformPrior(np.array([0.3, -0.2, 0.1]), 0.8, 0.4, sides, turn)
    for x, y, yaw in prior.draw(50, np.random.default_rng(0)):
        cell = PoseGrid(np.zeros((1, 1, 1), np.float32), *(np.array([each]) for each in (x, y, yaw)), np.full(3, 1e-9))
        assert np.isfinite(prior.log_density_on(cell)).all()
    # Further off than the square's corners: 1.70 against 1.13.
    far = PoseGrid(np.zeros((1, 1, 1), np.float32), np.array([1.5]), np.array([-1.4]), np.array([0.1]), np.zeros(3))
    assert not np.isfinite(prior.log_density_on(far)).any()
