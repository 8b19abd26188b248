"""When frames are asked about a mount, and what is believed after their answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.planar import rotate
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior, corrected
from geoflow_ros.tracking.mount.self_calibration import PATIENCE, SYSTEMATIC_YAW, MountCalibration

STATED = Mount(1.0, 0.0, 1.6)
PRIOR = MountPrior(0.026, 0.026, 0.026, 0.05)
TOLERANCE = np.array([math.radians(1.0), math.radians(0.5), 0.1])  # of a frame that is read through a wrong mount
LEVER = np.array([[0.0, 50.0, -5.0], [-10.0, 0.0, 0.0]])
SPEED = 10.0


def off(true: Mount, mount: Mount) -> np.ndarray:
    return np.array([mount.roll - true.roll, mount.pitch - true.pitch, mount.height - true.height])


def answers(true: Mount, mounts: Sequence[Mount], rng: np.random.Generator) -> list[MountEvidence]:
    """Of a frame whose likelihood falls with the mount's error, and which matches up to twice the tolerance."""
    noise = 0.2 * rng.normal(0.0, 1.0, 3) * TOLERANCE
    errors = [off(true, mount) for mount in mounts]
    shares = [np.square((error - noise) / TOLERANCE).sum() for error in errors]
    return [
        MountEvidence(-0.5 * share, 0.9 if share < 6.0 else 0.1, LEVER @ error)
        for share, error in zip(shares, errors, strict=True)
    ]


def driven(calibration: MountCalibration, true: Mount, seconds: float, speed: float = SPEED) -> int:
    """How many frames were asked, of ten a second."""
    rng, motions, asked = np.random.default_rng(0), MotionBuffer(), 0
    for tick in range(round(seconds * 10)):
        now_ns = tick * 10**8
        motions.add_velocity(BodyVelocity(now_ns, speed, 0.0))
        if mounts := calibration.ask(STATED, now_ns, motions):
            asked += 1
            calibration.learn(answers(true, mounts, rng))
    return asked


@pytest.mark.parametrize(
    "error", [(0.0, 3.0, 0.0), (0.0, -2.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, 0.2), (2.0, 2.0, 0.2), (-1.0, 1.0, -0.2)]
)
def test_a_mount_stated_wrong_is_found(error: tuple[float, float, float]) -> None:
    roll, pitch, height = error
    true = corrected(STATED, np.array([math.radians(roll), math.radians(pitch), 0.0, height]))
    calibration = MountCalibration(PRIOR)
    asked = driven(calibration, true, 30.0)
    found = calibration.estimate(STATED)
    away = off(true, found.mount)
    assert np.all(np.abs(away) < [math.radians(0.2), math.radians(0.2), 0.05])
    assert np.all(np.abs(away) < 1.96 * found.std[[0, 1, 3]])
    assert asked < 60
    of_tilt = LEVER @ found.covariance[np.ix_([0, 1, 3], [0, 1, 3])] @ LEVER.T
    misfit_and_yaw = np.diag([0.15**2, 0.15**2 + (15.0 * PRIOR.yaw) ** 2])
    np.testing.assert_allclose(calibration.place_covariance, of_tilt + misfit_and_yaw)


def test_the_right_mount_is_kept_to_the_last_digit() -> None:
    calibration = MountCalibration(PRIOR)
    driven(calibration, STATED, 30.0)
    assert calibration.estimate(STATED).mount == STATED
    assert calibration.estimate(STATED).std[1] < 0.2 * PRIOR.pitch


def test_a_frame_that_fits_another_mount_only_leads_away_from_none_that_was_learnt() -> None:
    calibration, motions = MountCalibration(PRIOR), MotionBuffer()
    first = calibration.ask(STATED, 0, motions)
    calibration.learn(answers(STATED, first, np.random.default_rng(0)))
    before = calibration.estimate(STATED)
    assert (before.std[[0, 1, 3]] < [0.02, 0.02, 0.08]).all()
    elsewhere = [MountEvidence(-5.0, 0.1, np.zeros(2)) for _ in first]
    elsewhere[3] = MountEvidence(0.0, 0.9, np.zeros(2))
    np.testing.assert_array_equal(calibration.learn(elsewhere), [0.0, 0.0])
    np.testing.assert_array_equal(calibration.estimate(STATED).correction, before.correction)


def read(spot: np.ndarray, seen_by: Mount, through: Mount) -> np.ndarray:
    """Where a spot (3,) on the ground, in the level frame, seems to be to who reads the image through another mount."""
    seen, taken = (CameraModel.panorama(2, 1, each).level_from_camera() for each in (seen_by, through))
    ray = taken @ seen.T @ (spot - [0.0, 0.0, seen_by.height])
    return np.asarray(-through.height / ray[2] * ray[:2])


@pytest.mark.parametrize("side", [0.0, math.pi / 2, -math.pi / 2, -math.pi, 0.6])
@pytest.mark.parametrize(("probe", "spots"), [(1, [[0.0, 4.0, 0.0], [0.0, -4.0, 0.0]]), (3, [[9.0, 0.0, 0.0]])])
def test_the_vehicle_moves_with_what_a_camera_that_looks_to_any_side_sees(
    side: float, probe: int, spots: list[list[float]]
) -> None:
    """Roll and pitch are about the camera's own axes: those of one that looks to the left push the vehicle aside."""
    stated, calibration = replace(STATED, yaw=side), MountCalibration(PRIOR)
    mounts = calibration.ask(stated, 0, MotionBuffer())
    likely = [MountEvidence(-5.0 * (index != probe), 0.9 * (index == probe), np.zeros(2)) for index in range(10)]
    moved = calibration.learn(likely)
    assert calibration.estimate(stated).mount == mounts[probe]
    along = [read(np.array(spot), mounts[probe], stated) - spot[:2] for spot in spots]
    np.testing.assert_allclose(moved, rotate(side, np.mean(along, axis=0)), atol=0.08)
    assert np.hypot(*moved) > 0.15


def test_what_driving_said_of_the_yaw_is_doubted_when_frames_were_read_through_a_wrong_mount() -> None:
    true = corrected(STATED, np.array([0.0, 0.02, 0.0, 0.0]))
    calibration, rng = MountCalibration(PRIOR), np.random.default_rng(0)
    mounts = calibration.ask(STATED, 0, MotionBuffer())
    calibration.turn(0.01, 0.002)
    assert np.hypot(*calibration.learn(answers(true, mounts, rng))) > 0.5
    assert calibration.yaw_std == PRIOR.yaw
    assert calibration.estimate(STATED).correction[2] == 0.01


def test_a_body_that_nods_does_not_lead_the_mount_away() -> None:
    calibration, motions, rng = MountCalibration(PRIOR), MotionBuffer(), np.random.default_rng(0)
    nod = 0.026
    for tick in range(60):
        motions.add_velocity(BodyVelocity(tick * 10**9, SPEED, 0.0))
        true = corrected(STATED, np.array([0.0, nod * math.sin(1.9 * tick), 0.0, 0.0]))
        jitter = 0.0 if tick < 3 else LEVER[0, 1] * nod / math.sqrt(2.0)  # found out by then
        if mounts := calibration.ask(STATED, tick * 10**9, motions):
            calibration.learn(answers(true, mounts, rng), jitter)
    found = calibration.estimate(STATED)
    assert found.mount == STATED
    assert math.radians(0.1) < found.std[1] < math.radians(0.5)


def test_what_frames_see_moves_with_the_mount() -> None:
    true = corrected(STATED, np.array([0.0, 0.02, 0.0, 0.0]))
    calibration, motions, rng = MountCalibration(PRIOR), MotionBuffer(), np.random.default_rng(0)
    shift = calibration.learn(answers(true, calibration.ask(STATED, 0, motions), rng))
    pitch = calibration.estimate(STATED).correction[1]
    assert pitch > 0.005
    np.testing.assert_allclose(shift[0], 50.0 * pitch, rtol=0.1)


def test_what_a_mount_leaves_open_of_the_place_is_known_before_any_frame() -> None:
    calibration = MountCalibration(PRIOR)
    calibration.estimate(STATED)
    forward, left = np.sqrt(np.diag(calibration.place_covariance))
    # 1.5 deg of pitch and 8 cm of height at 9 m ahead: (81 / 1.6 + 1.6) m/rad and 9 / 1.6; of roll at 4 m aside.
    assert forward == pytest.approx(math.hypot(52.2 * 0.026, 5.625 * 0.08), rel=1e-3)
    assert left == pytest.approx(math.hypot(11.6 * 0.026, 15.0 * 0.026), rel=1e-3)  # of yaw after 15 m
    calibration.turn(0.0, 0.001)
    assert np.sqrt(calibration.place_covariance[1, 1]) == pytest.approx(11.6 * 0.026, rel=2e-3)
    low = MountCalibration(MountPrior(pitch=0.026))
    low.estimate(Mount(height=0.3))  # looks along the ground: what counts is 1.8 m ahead
    assert low.place_covariance[0, 0] == pytest.approx(((1.8**2 / 0.3 + 0.3) * 0.026) ** 2)


def test_standing_asks_a_single_frame() -> None:
    calibration = MountCalibration(PRIOR)
    assert driven(calibration, STATED, 60.0, speed=0.0) == 1


@pytest.mark.parametrize("pitch_deg", [8.0, 180.0])
def test_a_mount_beyond_what_can_be_learnt_is_suspected_and_stays_as_stated(pitch_deg: float) -> None:
    true = corrected(STATED, np.array([0.0, math.radians(pitch_deg), 0.0, 0.0]))
    calibration = MountCalibration(PRIOR)
    asked = driven(calibration, true, 30.0)
    found = calibration.estimate(STATED)
    assert found.mount == STATED
    assert "upside down" in found.sentence
    assert PATIENCE <= asked < 50


def test_what_was_learnt_goes_on_also_of_a_mount_that_moves() -> None:
    true = corrected(STATED, np.array([0.0, 0.035, 0.0, 0.0]))
    first, second = MountCalibration(PRIOR), MountCalibration(PRIOR)
    driven(first, true, 30.0)
    kept = first.estimate(STATED)
    second.recall(kept)
    np.testing.assert_allclose(second.estimate(STATED).correction, kept.correction)
    moved = Mount(1.0, 0.0, 1.7, pitch=-0.1)
    assert second.estimate(moved).mount == corrected(moved, kept.correction)


@pytest.mark.parametrize("yaw", [0.001, 0.0035, 0.004, 0.026])
def test_a_yaw_is_never_less_known_than_before_nor_after_a_restart_exactly(yaw: float) -> None:
    prior = MountPrior(0.026, 0.026, yaw, 0.05)
    first, second, third = (MountCalibration(prior) for _ in range(3))
    second.recall(first.estimate(STATED))  # nothing was learnt
    assert second.yaw_std == pytest.approx(yaw)
    first.turn(0.3 * yaw, 0.2 * yaw)
    kept = first.estimate(STATED)
    assert 0.2 * yaw <= kept.std[2] <= yaw
    third.recall(kept)
    assert kept.std[2] * 0.9999 <= third.estimate(STATED).std[2] <= 1.1 * kept.std[2]
    assert 0.2 * yaw <= third.yaw_std * 1.0001 <= yaw * 1.0002


def test_what_driving_would_have_otherwise_of_a_yaw_counts_whole() -> None:
    calibration = MountCalibration(PRIOR)
    calibration.estimate(STATED)
    calibration.turn(0.0, 0.04)
    assert calibration.estimate(STATED).std[2] == pytest.approx(0.04)


def test_a_mount_known_exactly_asks_nothing() -> None:
    assert MountCalibration(MountPrior()).ask(STATED, 0, MotionBuffer()) == ()


def test_driving_says_nothing_of_a_camera_that_was_never_looked_through() -> None:
    calibration = MountCalibration(PRIOR)
    calibration.turn(0.1, 0.001)
    assert calibration.yaw_std == PRIOR.yaw
    assert calibration.estimate(STATED).mount == STATED


def kept_of(true: Mount) -> MountEstimate:
    """What a drive with a mount leaves behind."""
    calibration = MountCalibration(PRIOR)
    driven(calibration, true, 30.0)
    return calibration.estimate(STATED)


@pytest.mark.parametrize("moved", [(0.0, 1.5, 0.0), (0.0, -3.0, 0.0), (3.0, 0.0, 0.0), (-2.0, 2.0, 0.0)])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_camera_that_is_moved_after_its_mount_was_learnt_is_followed(
    moved: tuple[float, float, float], restarts: bool
) -> None:
    roll, pitch, height = moved
    calibration, motions, rng = MountCalibration(PRIOR), MotionBuffer(), np.random.default_rng(0)
    for tick in range(600):
        true = corrected(STATED, np.array([math.radians(roll), math.radians(pitch), 0.0, height]) * (tick >= 300))
        if restarts and tick == 300:
            kept, calibration = calibration.estimate(STATED), MountCalibration(PRIOR)
            calibration.recall(kept)
        if tick == 300:
            calibration.turn(0.0, 0.001)
        motions.add_velocity(BodyVelocity(tick * 10**8, SPEED, 0.0))
        if mounts := calibration.ask(STATED, tick * 10**8, motions):
            calibration.learn(answers(true, mounts, rng))
    found = calibration.estimate(STATED)
    away = off(true, found.mount)
    assert calibration.yaw_std == PRIOR.yaw  # who turned it in pitch may have turned it in yaw
    assert np.all(np.abs(away) < np.maximum(2.5 * found.std[[0, 1, 3]], [0.003, 0.003, 0.05]))
    assert found.std[1] < 0.3 * PRIOR.pitch


def test_frames_that_fit_elsewhere_each_in_another_way_move_no_mount() -> None:
    calibration, motions = MountCalibration(PRIOR), MotionBuffer()
    first = calibration.ask(STATED, 0, motions)
    calibration.learn(answers(STATED, first, np.random.default_rng(0)))
    before = calibration.estimate(STATED)
    for best in (1, 2, 3, 4, 5, 6, 3, 1, 6, 2):
        elsewhere = [MountEvidence(-5.0, 0.1, np.zeros(2)) for _ in first]
        elsewhere[best] = MountEvidence(0.0, 0.9, np.zeros(2))
        calibration.learn(elsewhere)
    np.testing.assert_array_equal(calibration.estimate(STATED).correction, before.correction)


def test_a_kept_mount_by_which_no_frame_fits_is_suspected() -> None:
    calibration = MountCalibration(PRIOR)
    calibration.recall(kept_of(STATED))
    driven(calibration, corrected(STATED, np.array([0.0, math.radians(8.0), 0.0, 0.0])), 30.0)
    assert "mounted elsewhere" in calibration.estimate(STATED).sentence


def test_frames_that_state_their_heading_badly_err_alike_by_more() -> None:
    calibration = MountCalibration(PRIOR)
    calibration.estimate(STATED)
    calibration.turn(0.0, 0.001)
    assert calibration.estimate(STATED).std[2] == pytest.approx(math.hypot(0.001, SYSTEMATIC_YAW))
    for degrees in (2.0, 2.0, 2.0):
        calibration.hear_heading(math.radians(degrees) ** 2)
    assert calibration.yaw_alike == pytest.approx(math.radians(0.38))
    assert calibration.estimate(STATED).std[2] == pytest.approx(math.hypot(0.001, math.radians(0.38)))
