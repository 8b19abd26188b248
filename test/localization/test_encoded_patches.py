"""Patches are encoded once and serve all frames that they may serve."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from patch_encoding import CAMERA, FRAME, SNAPPING, Clock, Waves, encoder, encodings, prior
from paths import REPOSITORY

pytest.importorskip("rosbags", reason="rosbags is not installed")

from geoflow_ros.bags.messages import compressed_for
from geoflow_ros.benchmark.drive import BenchmarkDrive, load_drive
from geoflow_ros.camera import Mount
from geoflow_ros.localization.encoded_patches import PatchEncoder, pose_of
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import Localizer, encode, load_model
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate, Rejection
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.planar import wrap_angle


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(-10, 10), st.floats(0.1, 9.0), st.floats(0.1, 5.5))
def test_two_sigmas_of_the_prior_are_searched(
    east: float, north: float, yaw: float, std_m: float, std_yaw_deg: float
) -> None:
    pose = pose_of(SNAPPING.key(prior(east, north, yaw, std_m, std_yaw_deg)))
    assert math.hypot(pose.x - east, pose.y - north) + 2 * std_m <= 20.0 + 1e-6
    assert abs(wrap_angle(pose.yaw - yaw)) <= math.radians(4.0) + 1e-6


def test_a_tight_prior_is_served_by_a_coarse_grid() -> None:
    # 16 m apart, the camera is at most 11.3 m off; 2 sigma of 4 m more are within 20 m, of 5 m are not.
    assert SNAPPING.key(prior(0, 0, 0, std_m=4.0))[0] == 16.0
    assert SNAPPING.key(prior(0, 0, 0, std_m=5.0))[0] == 8.0
    assert SNAPPING.key(prior(0, 0, 0))[1] == 45  # 8 degrees apart


def test_a_known_pose_is_snapped_by_hand() -> None:
    # Heading 90 degrees is bin 11 (88 degrees) of 45; +u points there, so 30 m north is about 2 steps to the right.
    key = SNAPPING.key(prior(1.0, 30.0, math.radians(90)))
    assert key == (16.0, 45, 2, 0, 11)
    heading = math.radians(88)
    assert pose_of(key).array() == pytest.approx((32 * math.cos(heading), 32 * math.sin(heading), heading))


def test_a_patch_is_encoded_once_for_all_frames_near(model: MatchFlow) -> None:
    satellite = Waves()
    patches = encoder(model, satellite)
    first = patches.around(prior(1.0, 1.0, 0.0))
    assert patches.around(prior(2.0, -3.0, 0.01)) is first and satellite.asked == 1
    assert patches.around(prior(9.0, 0.0, 0.0)) is not first and satellite.asked == 2
    assert patches.nbytes == 2 * first.nbytes > 2 * 128 * 128 * 3


def test_the_least_recently_used_patch_goes_first(model: MatchFlow) -> None:
    satellite = Waves()
    one = encoder(model, satellite).around(prior(0, 0, 0)).nbytes
    patches = encoder(model, satellite, budget_bytes=2 * one)
    a, b, c = prior(0, 0, 0), prior(16, 0, 0), prior(32, 0, 0)
    kept_a = patches.around(a)
    kept_b = patches.around(b)
    assert patches.around(a) is kept_a
    patches.around(c)
    assert patches.nbytes == 2 * one
    assert patches.around(a) is kept_a and patches.around(b) is not kept_b


@pytest.mark.parametrize("missing", [0.002, 0.4, 1.0])
def test_a_patch_with_holes_is_encoded_once_and_its_tiles_asked_for_again_later(missing: float) -> None:
    satellite, model, clock = Waves(missing), encodings(), Clock()
    patches = encoder(model, satellite, clock=clock)
    first = patches.around(prior(0, 0, 0))
    for clock.now_s in (0.1, 4.9):
        assert patches.around(prior(1.0, 2.0, 0)) is first
    assert (satellite.asked, model.count) == (1, 1)
    for clock.now_s in (5.0, 9.9, 10.0):
        assert patches.around(prior(0, 0, 0)).features is first.features
    assert (satellite.asked, model.count) == (3, 1)
    assert patches.nbytes == first.nbytes


def test_tiles_that_arrive_are_seen_by_frames_and_by_idle_time() -> None:
    for look in (PatchEncoder.around, PatchEncoder.ahead):
        satellite, model, clock = Waves(missing=0.4), encodings(), Clock()
        patches = encoder(model, satellite, clock=clock)
        before = patches.around(prior(0, 0, 0))
        satellite.missing, satellite.brightness = 0.0, 100
        clock.now_s = 5.0
        assert look(patches, prior(0, 0, 0))
        after = patches.around(prior(0, 0, 0))
        assert after.patch.missing == 0.0 and not torch.equal(after.features, before.features)
        clock.now_s = 1000.0
        assert patches.around(prior(0, 0, 0)) is after and model.count == 2


def answers(model: MatchFlow, order: Sequence[int], cache_mb: int) -> dict[int, NDArray[np.float64]]:
    """The pose and covariance of three frames localised in this order."""
    config = LocalizerConfig(steps=1, cache_mb=cache_mb, min_match=0.0, max_std_m=100.0)  # an untrained network strays
    localizer = Localizer(model, Waves(), FRAME, config)  # type: ignore[arg-type]
    frames = np.random.default_rng(0).integers(0, 255, (3, 32, 64, 3), dtype=np.uint8)
    found = {}
    for index in order:
        estimate = localizer.localize(frames[index], CAMERA, prior(7.0 * index, -3.0, 0.05 * index), seed=index)
        assert isinstance(estimate, PoseEstimate)
        found[index] = np.array([estimate.east, estimate.north, estimate.yaw, *estimate.covariance.ravel()])
    return found


def test_the_answer_does_not_depend_on_what_was_asked_before(model: MatchFlow) -> None:
    expected = answers(model, [0, 1, 2], cache_mb=0)
    for order in ([0, 1, 2], [2, 1, 0, 0, 1, 2]):
        for index, answer in answers(model, order, cache_mb=100).items():
            assert np.array_equal(answer, expected[index])


def test_other_thresholds_keep_what_is_encoded_and_other_places_do_not() -> None:
    satellite, model, here = Waves(missing=0.2), encodings(), prior(0, 0, 0)
    frame = np.random.default_rng(0).integers(0, 255, (32, 64, 3), np.uint8)
    localizer = Localizer(model, satellite, FRAME, LocalizerConfig(max_missing=0.3, min_match=0.0))  # type: ignore[arg-type]
    localizer.localize(frame, CAMERA, here, seed=0)
    stricter = localizer.with_config(LocalizerConfig(max_missing=0.1, cache_mb=64, max_std_m=20.0))
    answer = stricter.localize(frame, CAMERA, here, seed=0)
    assert isinstance(answer, Rejection) and "no satellite imagery for 20%" in answer.reason
    relaxed = stricter.with_config(LocalizerConfig(hypotheses=8, max_missing=0.25, min_match=1.0))
    answer = relaxed.localize(frame, CAMERA, here, seed=0)
    assert isinstance(answer, Rejection) and "min_match is 1" in answer.reason
    assert model.count == 1
    denser = relaxed.with_config(LocalizerConfig(patch_grid_m=4.0))
    denser.localize(frame, CAMERA, here, seed=0)
    assert model.count == 2


def test_a_smaller_cache_drops_the_least_recently_used(model: MatchFlow) -> None:
    patches = encoder(model, Waves())
    kept = [patches.around(prior(16.0 * step, 0, 0)) for step in range(4)]
    patches.resize(2 * kept[0].nbytes)
    assert patches.nbytes == 2 * kept[0].nbytes
    assert patches.around(prior(48, 0, 0)) is kept[3] and patches.around(prior(32, 0, 0)) is kept[2]


@pytest.fixture(scope="module")
def drive() -> BenchmarkDrive:
    return load_drive(REPOSITORY / "demo", camera_hz=10.0, limit=101)


@pytest.fixture(scope="module")
def shipped() -> LocalizationModel:
    return load_model(REPOSITORY / "models" / "default", "torch")


@pytest.mark.parametrize("index", [10, 100])
def test_the_answer_does_not_jump_where_the_patch_changes(
    drive: BenchmarkDrive, shipped: LocalizationModel, index: int
) -> None:
    # A camera on the border between patches that lie 16 m and 4 degrees apart, seen from each side.
    frame, config = drive.at(index), LocalizerConfig()
    image, camera = compressed_for(frame.message, drive.camera, (640, 160))
    (east, north, yaw), half = frame.truth.array(), config.patch_grid_m / 2
    prior_ = prior(east, north, yaw, std_m=4.0, std_yaw_deg=2.0)
    found = []
    for aside, turned in ((-half, 0.0), (half, 0.0), (0.0, -0.5), (0.0, 0.5)):
        heading = yaw + math.radians(turned * config.patch_heading_deg)
        center = (east + aside * math.cos(heading), north + aside * math.sin(heading))
        patch = drive.satellite.patch(drive.frame, center, heading, 416, 0.25)
        latent = encode(shipped, image, camera, patch, yaw_offset=yaw - heading)
        found.append(estimate_pose(shipped, latent, patch, prior_, config, seed=0))
    place = np.array([(each.east, each.north) for each in found])
    std = min(math.sqrt(np.linalg.eigvalsh(each.covariance[:2, :2]).max()) for each in found)
    assert np.hypot(*(place[0] - place[1])) < 0.5 * std
    # Of eight frames of this drive 0.1 to 0.8, on average 0.35, with these weights and 0.4 with those before.
    assert np.hypot(*(place[2] - place[3])) < 0.9 * std
    assert abs(wrap_angle(found[2].yaw - found[3].yaw)) < math.radians(0.5)


@pytest.mark.parametrize(
    ("mounts", "patches"),
    [
        ([Mount(yaw=yaw) for yaw in (0.0, math.pi / 2, math.pi, -math.pi / 2)], 4),
        ([Mount(left=0.3), Mount(left=-0.3), Mount(forward=1.0)], 1),
        ([Mount(), Mount(yaw=math.pi), Mount(forward=-0.5, yaw=math.pi)], 2),
    ],
)
def test_a_rig_s_patches_are_encoded_once_for_all_cameras_that_look_one_way(mounts: list[Mount], patches: int) -> None:
    """And never again while the vehicle stays near: 0.2 m and 0.1 degrees a round are no other patch."""
    counting = encodings()
    localizer = Localizer(counting, Waves(), FRAME)  # type: ignore[arg-type]
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    for turn in range(5):
        believed = prior(2.0 + 0.2 * turn, 2.0, 0.02 + math.radians(0.1) * turn)
        for mount in mounts:
            localizer.localize(image, replace(CAMERA, mount=mount), believed, 0)
    assert counting.count == patches
