from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_support import TINY, Noise

from geoflow_ros.camera import Mount
from geoflow_ros.datasets.augment import MountError, augment, jittered, mirror
from geoflow_ros.datasets.sample import Place, Sample
from geoflow_ros.errors import InputError
from geoflow_ros.train.batches import Batch, BatchPlan, batches, draw_hypotheses, to_batch, truth_pose

PLAN = BatchPlan(size=2, seed=1, hypotheses=4, yaw_range=0.2)


class Broken(Noise):
    """Its third sample cannot be read."""

    def __getitem__(self, index: int) -> Sample:
        if index % 6 == 2:
            raise InputError("image 2 is cut off")
        return super().__getitem__(index)


class Stray(Noise):
    """Its cameras are 30 m ahead of the patch's centre."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        center, yaw = sample.patch.center, sample.patch.yaw
        return dataclasses.replace(sample, truth=(center[0] + 30 * math.cos(yaw), center[1] + 30 * math.sin(yaw), yaw))


def test_the_label_is_the_pixel_of_the_truth() -> None:
    # Patch centred at (3, -4), its +u turned 0.1 rad from east; the camera 2 m along +u and 1 m to the left of it.
    along, left = np.array([math.cos(0.1), math.sin(0.1)]), np.array([-math.sin(0.1), math.cos(0.1)])
    east, north = np.array([3.0, -4.0]) + 2 * along + 1 * left
    sample = dataclasses.replace(Noise()[0], truth=(east, north, 0.3))
    assert truth_pose(sample, 20.0) == pytest.approx((0.1, -0.05, 0.2))


@settings(deadline=None)  # the first call may import
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-3, 3))
def test_the_mirrored_world_has_the_mirrored_label(east: float, north: float, yaw: float) -> None:
    sample = dataclasses.replace(Noise()[1], truth=(east, north, yaw))
    (x, y, turn), (mx, my, mturn) = (truth_pose(each, 20.0) for each in (sample, mirror(sample)))
    assert (mx, my) == pytest.approx((x, -y), abs=1e-9)
    assert math.cos(mturn + turn) == pytest.approx(1.0)


def test_the_mirrored_camera_sees_the_mirrored_point_in_the_mirrored_pixel() -> None:
    sample, point = Noise()[2], np.array([8.0, 2.0, 0.5])
    (u, v), _ = sample.camera.project(point)
    (mu, mv), _ = mirror(sample).camera.project(point * [1, -1, 1])
    assert (mu, mv) == pytest.approx((sample.camera.width - u, v))
    assert np.array_equal(mirror(mirror(sample)).ground, sample.ground)


def test_augmentation_repeats_with_its_generator_and_changes_the_pixels() -> None:
    once, again = (augment(Noise()[0], np.random.default_rng(5), MountError()) for _ in range(2))
    assert np.array_equal(once.ground, again.ground) and np.array_equal(once.patch.image, again.patch.image)
    assert not np.array_equal(once.ground, Noise()[0].ground)


def test_the_mount_is_known_as_wrong_as_is_said() -> None:
    rng, error = np.random.default_rng(0), MountError(tilt_std=0.02, height_std=0.05)
    mounts = [jittered(Mount(height=2.0, pitch=0.1), rng, error) for _ in range(2000)]
    spread = np.std([(mount.roll, mount.pitch, mount.height) for mount in mounts], axis=0)
    np.testing.assert_allclose(spread, (0.02, 0.02, 0.1), rtol=0.1)
    assert jittered(Mount(height=2.0), rng, MountError(0.0, 0.0)) == Mount(height=2.0)


def test_batches_depend_on_the_step_alone() -> None:
    def taken(start: int) -> list[Batch]:
        return list(batches(Noise(), TINY, range(start, 5), PLAN, workers=0))

    whole, rest = taken(0), taken(3)
    assert len(whole) == 5
    for ours, theirs in zip(whole[3:], rest, strict=True):
        assert torch.equal(ours.ground, theirs.ground) and torch.equal(ours.hypotheses, theirs.hypotheses)
    assert not torch.equal(whole[0].ground, whole[3].ground)  # the next epoch has another order and other looks
    assert sorted(key for batch in whole[:3] for key in batch.keys) == list("012345")


def test_two_processes_take_what_one_takes_in_batches_twice_as_large() -> None:
    (whole,) = batches(Noise(), TINY, range(1, 2), dataclasses.replace(PLAN, size=4), workers=0)
    plans = [dataclasses.replace(PLAN, rank=rank, processes=2) for rank in (0, 1)]
    first, second = (next(batches(Noise(), TINY, range(1, 2), plan, workers=0)) for plan in plans)
    assert first.keys + second.keys == whole.keys
    for name in ("ground", "satellite", "truth", "hypotheses", "lift"):
        assert torch.equal(torch.cat([getattr(first, name), getattr(second, name)]), getattr(whole, name))


def test_a_batch_has_the_networks_shapes() -> None:
    starts = [np.zeros((4, 3), np.float32)] * 2
    exact = dataclasses.replace(Noise()[0], truth=tuple(np.float64([1.0, 2.0, 0.3])))
    batch = to_batch([exact, Noise()[1]], starts, TINY)
    assert batch.truth.dtype == torch.float32  # whatever the loader's numbers are
    assert batch.ground.shape == (2, 3, 32, 64) and batch.satellite.shape == (2, 3, 96, 96)
    assert batch.lift is not None and batch.lift.shape == (2, *TINY.lift_shape, 2)
    assert batch.truth.shape == (2, 3) and batch.hypotheses.shape == (2, 4, 3)


def test_two_views_of_a_place_are_no_mismatched_pair() -> None:
    class Street(Noise):
        """Six views along a street of one town, 25 m apart."""

        def place(self, index: int) -> Place:
            return Place("town", 25.0 * (index % 6), 0.0)

    pairs = []
    for batch in batches(Street(), TINY, range(30), PLAN, workers=0):
        one, other = (int(key) % 6 for key in batch.keys)
        apart = abs(one - other) * 25.0 >= 65.0
        assert (batch.elsewhere is None) == apart
        assert apart or batch.elsewhere is not None and batch.elsewhere.tolist() == [False, False]
        pairs.append(apart)
    assert 0 < sum(pairs) < len(pairs)


def test_half_of_the_hypotheses_start_near_the_truth() -> None:
    truth = np.array([0.9, 0.9, 0.1])
    drawn = draw_hypotheses(truth, 1000, 0.2, np.random.default_rng(0))
    distance = np.hypot(*(drawn - truth)[:, :2].T)
    assert np.median(distance[500:]) < 0.25 < np.median(distance[:500])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_sample_ends_the_run_in_one_sentence(workers: int) -> None:
    with pytest.raises(InputError) as error:
        list(batches(Broken(), TINY, range(3), PLAN, workers))
    assert str(error.value) == "image 2 is cut off"


def test_a_label_outside_the_crop_is_refused() -> None:
    with pytest.raises(InputError, match="label of sample . lies outside the crop, more than 24 m from its middle"):
        list(batches(Stray(), TINY, range(3), PLAN, workers=0))
