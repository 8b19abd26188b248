"""A planted offset is found beside a lever, outliers and correlated errors; what is not constant is refused."""

import numpy as np
import pytest

from geoflow_ros.align.offset import Differences, measure
from geoflow_ros.errors import InputError
from geoflow_ros.metrics import chi_square
from geoflow_ros.planar import rotate

PLANTED, LEVER = np.array([1.8, -2.4]), np.array([0.4, -0.1])


def drive(
    seed: int, turns: float = 3.0, seconds: float = 120.0, drift: float = 0.0, fix_std: float = 0.02
) -> Differences:
    """One frame every 0.4 s: white errors of 0.3 m, waves of 0.3 m over 20 s, a tenth of the frames metres off."""
    random = np.random.default_rng(seed)
    stamps = 1.7e9 + np.arange(0.0, seconds, 0.4)
    yaws = np.linspace(0.0, turns * 2 * np.pi, len(stamps))
    phases = (stamps[:, None] - 1.7e9) * 2 * np.pi / 20 + random.uniform(0, 2 * np.pi, 2)
    ways = PLANTED + rotate(yaws, LEVER) + 0.3 * np.sin(phases) + random.normal(0, 0.3, (len(stamps), 2))
    ways += drift * np.linspace(-1, 1, len(stamps))[:, None]
    wrong = random.random(len(stamps)) < 0.1
    ways[wrong] += random.uniform(-15, 15, (int(wrong.sum()), 2))
    covariances, references = (np.broadcast_to(std**2 * np.eye(2), (len(stamps), 2, 2)) for std in (0.2, fix_std))
    return Differences(stamps, yaws, ways, covariances, references)


def test_a_planted_offset_is_found_and_its_uncertainty_is_honest() -> None:
    measured = [measure(drive(seed), 0.3) for seed in range(20)]
    errors = np.array([each.offset - PLANTED for each in measured])
    assert np.hypot(*errors.T).max() < 0.2
    squares = [error @ np.linalg.solve(each.covariance, error) for error, each in zip(errors, measured, strict=True)]
    assert 0.5 < np.mean(squares) < 4.0  # 2 where the covariance is right
    assert np.mean([each.lever for each in measured], axis=0) == pytest.approx(LEVER, abs=0.05)


@pytest.mark.parametrize("seconds", [20.0, 30.0])
def test_of_a_short_drive_the_uncertainty_is_honest_too(seconds: float) -> None:
    """Of few blocks that err each by itself: as far as the solution follows them, they seem to err less."""
    squares, refused = [], 0
    for seed in range(80):
        random = np.random.default_rng(seed)
        stamps = 1.7e9 + np.arange(0.0, seconds, 0.5)
        yaws = np.linspace(0.0, 4.5, len(stamps))
        errors = random.normal(0.0, 0.35, (len(stamps) // 10, 2)).repeat(10, axis=0)
        ways = PLANTED + rotate(yaws, LEVER) + errors + random.normal(0.0, 0.35, errors.shape)
        covariances, references = (np.broadcast_to(std**2 * np.eye(2), (len(stamps), 2, 2)) for std in (0.5, 0.02))
        try:
            measured = measure(Differences(stamps, yaws, ways, covariances, references), 9.0)
        except InputError:
            refused += 1
            continue
        error = measured.offset - PLANTED
        squares.append(error @ np.linalg.solve(measured.covariance, error))
    assert refused <= 5, "a constant offset is not said to change"
    assert np.mean(np.array(squares) < chi_square(0.95, 2)) > 0.85


def test_frames_that_crowd_in_one_part_of_the_drive_are_no_trouble() -> None:
    random = np.random.default_rng(0)
    stamps = np.concatenate([1.7e9 + np.arange(0.0, 4.9, 0.1), 1.7e9 + np.array([6.0, 11.0, 16.0])])
    ways = PLANTED + random.normal(0.0, 0.1, (len(stamps), 2))
    covariances = np.broadcast_to(0.01 * np.eye(2), (len(stamps), 2, 2))
    measured = measure(Differences(stamps, np.linspace(0.0, 3.0, len(stamps)), ways, covariances, covariances), 9.0)
    assert np.isfinite(measured.covariance).all()


def test_on_a_straight_road_a_lever_looks_like_an_offset() -> None:
    with pytest.raises(InputError, match=r"uncertain by 0\.5\d m, more than 0\.25 m: .* more than one direction"):
        measure(drive(1, turns=0.0), 0.25)
    assert measure(drive(1, turns=0.0), 1.0).std == pytest.approx(0.5, abs=0.1)


def test_an_offset_that_changes_along_the_drive_is_refused() -> None:
    with pytest.raises(InputError, match="not constant: .* in the first half .* in the second: the imagery is distort"):
        measure(drive(2, drift=3.0), 0.3)


def test_a_short_drive_is_refused() -> None:
    with pytest.raises(InputError, match=r"^25 frames in 2 parts of 5 s.* expected at least 30 in 4"):
        measure(drive(3, seconds=10.0), 0.3)


def test_many_fixes_are_no_better_than_one_whose_error_lasts() -> None:
    with pytest.raises(
        InputError, match=r"fixes say .* uncertain by 1\.00 m, more than 0\.25 m, .* RTK fixes, or a tr.* --truth"
    ):
        measure(drive(4, fix_std=1.0), 0.25)
    assert measure(drive(4, fix_std=1.0), 1.5).std == pytest.approx(1.0, abs=0.1)
