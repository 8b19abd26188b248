"""What a frame's quadratic does to what is believed of a mount."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.localization.pose import MOUNT_GAIN
from geoflow_ros.tracking.mount.mount_filter import KEPT, PRIOR_SIGMAS, SHARED, SYSTEMATIC, MountFilter, as_stated
from geoflow_ros.tracking.mount.probing import RADII, Quadratic

STD = np.array([0.026, 0.026, 0.08])


def pitch_fit(gradient: float, curvature: float) -> Quadratic:
    return Quadratic(np.array([0.0, gradient, 0.0]), np.diag([0.0, curvature, 0.0]))


def test_a_frame_is_weighed_against_the_prior() -> None:
    mounts = MountFilter(STD)
    curvature = 99 / 0.026**2 / MOUNT_GAIN  # 99 times the information of the prior: all of the way but a hundredth
    mounts.learn(pitch_fit(0.012 * curvature, curvature))
    np.testing.assert_allclose(mounts.centre, [0.0, 0.012 * 0.99, 0.0], atol=1e-12)
    # 3.3 standard deviations of chance and of what all frames err alike: kept as stated, and counted.
    expected = 0.026**2 / 100 + SYSTEMATIC[1, 1] + (0.012 * 0.99) ** 2
    np.testing.assert_allclose(mounts.covariance[1, 1], expected, rtol=1e-3)
    np.testing.assert_allclose(np.diag(mounts.covariance)[[0, 2]], STD[[0, 2]] ** 2)


def test_what_frames_do_not_contradict_stays_as_stated() -> None:
    free, covariance = np.array([True, True, True]), np.diag([0.01, 0.01, 0.1]) ** 2
    np.testing.assert_array_equal(as_stated(np.array([0.01, -0.01, 0.1]), covariance, free), np.zeros(3))
    np.testing.assert_array_equal(as_stated(np.array([0.01, -0.04, 0.1]), covariance, free), [0.0, -0.04, 0.0])
    np.testing.assert_array_equal(as_stated(np.array([0.04, -0.04, 0.4]), covariance, free), [0.04, -0.04, 0.4])
    covariance[1, 2] = covariance[2, 1] = 0.5 * 0.01 * 0.1  # knowing one tells half a deviation of the other
    np.testing.assert_allclose(as_stated(np.array([0.0, -0.04, 0.05]), covariance, free), [0.0, -0.0425, 0.0])


def test_what_frames_would_have_otherwise_widens_what_is_kept_as_stated() -> None:
    mounts = MountFilter(np.array([0.0, 0.026, 0.0]))
    curvature = 99 / 0.026**2 / MOUNT_GAIN  # known to 0.0026 by chance, and 0.006 is tolerated
    mounts.learn(pitch_fit(0.006 * curvature, curvature))
    np.testing.assert_array_equal(mounts.believed, np.zeros(3))
    np.testing.assert_allclose(mounts.centre, [0.0, 0.99 * 0.006, 0.0])
    chance = 0.026**2 / 100
    np.testing.assert_allclose(mounts.covariance[1, 1], chance + SYSTEMATIC[1, 1] + (0.99 * 0.006) ** 2)
    assert not mounts.is_known
    mounts.learn(pitch_fit(-0.012 * curvature, curvature))  # from there on back to what was stated
    assert mounts.is_known


def test_what_frames_would_have_otherwise_counts_whole_beyond_the_prior_too() -> None:
    mounts = MountFilter(np.array([0.0, 0.026, 0.02]))
    curvature = np.diag([0.0, 0.026, 0.02]) ** 2
    curvature[1:, 1:] = 9.0 / MOUNT_GAIN * np.linalg.inv(curvature[1:, 1:])  # nine times the information of the prior
    mounts.learn(Quadratic(curvature @ [0.0, -0.008, -0.05], curvature))
    np.testing.assert_array_equal(mounts.believed, np.zeros(3))
    away = np.array([0.0, -0.0072, -0.045])  # nine tenths of the way: the height more than two of its deviations
    np.testing.assert_allclose(mounts.centre, away)
    rest = mounts.covariance - np.outer(away, away)  # pitch and height go together: each alone would move more
    np.testing.assert_allclose(np.diag(rest)[2], 0.02**2)
    assert 0.026**2 / 10 + SYSTEMATIC[1, 1] < rest[1, 1] < 0.026**2
    assert np.linalg.eigvalsh(rest[1:, 1:]).min() > 0.0


def sure_of(offset: list[float]) -> MountFilter:
    """A filter after many frames that say so, each knowing pitch and height to 0.5 deg and 0.1 m."""
    mounts, curvature = MountFilter(np.array([0.026, 0.026, 0.16])), np.diag([1e4, 1.3e4, 100.0])
    for _ in range(200):
        mounts.learn(Quadratic(curvature @ (np.array(offset) - mounts.centre), curvature))
    np.testing.assert_allclose(mounts.centre, offset, atol=2e-3)
    return mounts


def test_what_all_frames_err_alike_is_not_learnt_however_many_they_are() -> None:
    # Higher up and looking further down, the ground looks nearly the same; else it does not.
    alike = [0.0, np.radians(-0.3), -0.1]
    np.testing.assert_array_equal(sure_of(alike).believed, np.zeros(3))
    assert abs(alike[1]) < 2.0 * np.sqrt(sure_of(alike).covariance[1, 1])
    assert sure_of([0.0, np.radians(0.7), 0.0]).believed[1] == pytest.approx(np.radians(0.7), abs=np.radians(0.2))
    assert sure_of([0.0, np.radians(-1.0), -0.33]).believed[1] < np.radians(-0.5)


VIEWS = {
    # mean curvature of a frame, per deg, deg, 0.1 m; the first three at the true mount of drives as they are and masked
    "as it is": [[1.65, -0.51, 0.10], [-0.51, 5.29, -1.37], [0.10, -1.37, 0.53]],
    "bonnet": [[0.92, -0.38, 0.04], [-0.38, 3.57, -0.92], [0.04, -0.92, 0.29]],
    "narrow field of view": [[1.08, -0.78, 0.14], [-0.78, 4.64, -1.28], [0.14, -1.28, 0.39]],
    "long lens": [[0.30, -0.20, 0.03], [-0.20, 3.70, -0.99], [0.03, -0.99, 0.28]],
    "looks up": [[0.30, -0.10, 0.01], [-0.10, 1.00, -0.25], [0.01, -0.25, 0.07]],
}
UNIT = np.array([np.radians(1.0), np.radians(1.0), 0.1])


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_hardly_tells_states_apart_is_not_believed_to(view: str) -> None:
    """Errors in standard deviations over drives whose frames err by chance, and alike; all but what is left open."""
    rng, std = np.random.default_rng(0), np.array([0.026, 0.026, 0.165])
    curvature = np.array(VIEWS[view]) / np.outer(UNIT, UNIT)
    chance, alike = np.linalg.cholesky(curvature / MOUNT_GAIN), np.linalg.cholesky(SHARED)
    off, left = [], []
    for _ in range(60):
        mounts, true, shared = MountFilter(std), 0.5 * std * rng.normal(size=3), alike @ rng.normal(size=3)
        for _ in range(50):
            gradient = curvature @ (true - mounts.centre) + shared + chance @ rng.normal(size=3)
            mounts.learn(Quadratic(gradient, curvature))
        stated = np.sqrt(np.diag(mounts.covariance))
        off.append((mounts.believed - true) / stated)
        left.append(stated / std)
    roll, pitch, height = np.sqrt(np.mean(np.square(off), axis=0))
    is_open = bool((np.array(left)[:, 2] > 0.5).all())  # then no more is stated than is known before
    assert max(roll, pitch) < 1.2 and (height < 1.2 or is_open)
    assert is_open == (view != "as it is")


def test_a_frame_whose_best_mount_is_far_only_shows_the_way() -> None:
    mounts = MountFilter(STD)
    mounts.learn(pitch_fit(0.2 * 1e5, 1e5))
    np.testing.assert_allclose(mounts.centre, [0.0, RADII[1], 0.0])
    np.testing.assert_array_equal(mounts.covariance, np.diag(STD**2))
    assert not mounts.is_informed


def test_frames_that_disagree_about_the_sign_of_a_curvature_add_up() -> None:
    mounts = MountFilter(np.array([0.0, 0.026, 0.0]))
    for curvature in (3e4, -1e4, 3e4, -1e4):
        mounts.learn(pitch_fit(0.0, curvature))
    kept = ((3e4 * KEPT - 1e4) * KEPT + 3e4) * KEPT - 1e4
    chance, frames = 1 / (0.026**-2 + MOUNT_GAIN * kept), ((KEPT + 1.0) * KEPT + 1.0) * KEPT + 1.0
    alike = max((chance * MOUNT_GAIN * frames) ** 2 * SHARED[1, 1], SYSTEMATIC[1, 1])
    np.testing.assert_allclose(mounts.covariance[1, 1], chance + alike)


def test_no_mount_beyond_the_prior_is_tried() -> None:
    mounts = MountFilter(STD)
    for _ in range(20):
        mounts.learn(pitch_fit(1e5, 1e3))
    np.testing.assert_allclose(mounts.centre[1], PRIOR_SIGMAS * STD[1])


def doubted(mounts: MountFilter, std: np.ndarray) -> np.ndarray:
    """The covariance as it comes back after a restart: with more doubt, never more than the prior."""
    covariance = mounts.covariance + np.diag(np.square([0.0035, 0.0035, 0.01]))
    share = np.minimum(1.0, std / np.sqrt(np.diag(covariance)))
    return np.asarray(covariance * np.outer(share, share))


def looked(mounts: MountFilter, true: np.ndarray, frames: int) -> None:
    curvature = np.array(VIEWS["as it is"]) / np.outer(UNIT, UNIT)
    for _ in range(frames):
        mounts.learn(Quadratic(curvature @ (true - mounts.centre), curvature))


@pytest.mark.parametrize(
    "std", [[0.026, 0.026, 0.165], [0.026, 0.026, 0.0165], [0.026, 0.026, 0.008], [0.026, 0.0035, 0.165], [0.0035] * 3]
)
def test_what_was_kept_can_still_be_corrected_however_well_it_is_stated(std: list[float]) -> None:
    """Be it better than what all frames err alike, which then leaves nothing to chance."""
    first, second, fresh = (MountFilter(np.array(std)) for _ in range(3))
    looked(first, 0.5 * np.array(std), 60)
    second.recall(first.believed, kept := doubted(first, np.array(std)))
    ratio = np.sqrt(np.diag(second.covariance) / np.diag(kept))
    assert ratio.min() > 0.99 and ratio.max() < 1.2
    true = first.believed + 0.8 * np.array(std) * [1.0, -1.0, 1.0]  # someone has moved it
    looked(second, true, 80)
    looked(fresh, true, 80)
    left, usual = abs(second.centre - true) / std, abs(fresh.centre - true) / std
    assert (left < usual + 0.8).all()


def test_what_was_not_learnt_before_a_restart_is_not_known_after_it() -> None:
    for std in (STD, np.array([0.026, 0.0035, 0.0165]), np.array([0.0035, 0.0035, 0.008])):
        mounts = MountFilter(std)
        mounts.recall(np.zeros(3), doubted(MountFilter(std), std))
        assert not mounts.is_informed
        np.testing.assert_allclose(mounts.covariance, np.diag(std**2))


def test_a_state_known_exactly_stays() -> None:
    mounts = MountFilter(np.array([0.026, 0.0, 0.08]))
    mounts.learn(Quadratic(np.array([800.0, 500.0, -90.0]), np.diag([4e4, 4e4, 1000.0])))
    mounts.drive(1000.0)
    assert mounts.centre[1] == 0.0 and not mounts.covariance[1].any()
    assert mounts.centre[0] > 0.0 > mounts.centre[2]


def test_a_mount_moves_a_little_while_driving_and_is_never_less_known_than_at_first() -> None:
    mounts = MountFilter(STD)
    while not mounts.is_known:
        mounts.learn(Quadratic(np.zeros(3), np.diag([7e3, 3e4, 80.0])))
    mounts.drive(1e3)
    assert not mounts.is_known
    mounts.drive(1e9)
    np.testing.assert_allclose(np.diag(mounts.covariance), STD**2)
