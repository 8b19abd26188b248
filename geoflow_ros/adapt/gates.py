"""Whether new weights may take the place of the old: judged on a stretch of the drive that was not learnt from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.errors import InputError
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.smoothing.frame_sites import standard_grid
from geoflow_ros.smoothing.frame_volume import FrameVolume, volume_in

Floats = NDArray[np.float64]
LEAST_JUDGES = 10
FAR_M = 100.0  # a patch from here on is of another place
LEAST_GAIN_BITS = 0.1
MOST_BLACK_BITS = 0.3  # more than the old weights, or than nothing, say of a black image
MOST_AUC_LOST, MOST_WRONG_GAINED = 0.02, 0.02
MOST_NEES = 4.0
LEAST_RATIO = 1e-6  # of a density over uniform, where its logarithm is cut


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """A sample whose truth is the smoother's, of the camera, and how sure that is: covariance (3, 3).

    elsewhere: the patch of a place of the drive that is FAR_M away or more; None where there is none.
    """

    sample: Sample
    covariance: Floats
    elsewhere: SatellitePatch | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Of held-out frames alone, priors 20 m and 10 degrees off.

    information_bits: mean log2 of the density at the smoother's pose, convolved with its uncertainty, over uniform;
    black_bits: the same of black images. accepted, wrong_accepted: shares that match with a probability of a half, of
    the right patches and of patches far away; auc: how often a right one matches better than a wrong one. nees: of the
    position against the smoother's, 2 if honest.
    """

    frames: int
    information_bits: float
    black_bits: float
    accepted: float
    wrong_accepted: float
    auc: float
    mean_error_m: float
    median_error_m: float
    nees: float


def check_judges(held_out: Sequence[HeldOut]) -> None:
    """An InputError where the gates would not know, before hours are spent on what they judge."""
    if len(held_out) < LEAST_JUDGES:
        raise InputError(
            f"{len(held_out)} frames of the last fifth of the drive, which judges, have imagery, {LEAST_JUDGES} are "
            "needed: fetch tiles to its end, or cut it where they end"
        )
    if all(each.elsewhere is None for each in held_out):
        raise InputError(
            f"no place of the drive is {FAR_M:.0f} m from its end: whether wrong tiles are refused would not be known, "
            "give a drive that goes further"
        )


def judge(model: LocalizationModel, held_out: Sequence[HeldOut]) -> Scores:
    """The scores of a network; of frames that `check_judges` has passed."""
    bits, black, errors, nees, right, wrong = [], [], [], [], [], []
    for index, each in enumerate(held_out):
        sample = each.sample
        latent = encode(model, sample.ground, sample.camera, sample.patch)
        volume = volume_in(model, latent, index, sample.patch, PlanarPose())
        bits.append(information(volume, sample.truth, each.covariance))
        right.append(volume.match)
        estimate = estimate_pose(model, latent, sample.patch, sample.prior, LocalizerConfig(), index)
        off = np.array([estimate.east - sample.truth[0], estimate.north - sample.truth[1]])
        errors.append(float(np.hypot(*off)))
        nees.append(float(off @ np.linalg.solve(estimate.covariance[:2, :2] + each.covariance[:2, :2], off)))
        dark = encode(model, np.zeros_like(sample.ground), sample.camera, sample.patch)
        black.append(
            information(volume_in(model, dark, index, sample.patch, PlanarPose()), sample.truth, each.covariance)
        )
        if each.elsewhere is not None:
            mismatched = encode(model, sample.ground, sample.camera, each.elsewhere)
            wrong.append(volume_in(model, mismatched, index, each.elsewhere, PlanarPose()).match)
    pairs = np.sign(np.array(right)[:, None] - np.array(wrong))
    return Scores(
        frames=len(held_out),
        information_bits=float(np.mean(bits)),
        black_bits=float(np.mean(black)),
        accepted=float(np.mean(np.array(right) >= 0.5)),
        wrong_accepted=float(np.mean(np.array(wrong) >= 0.5)),
        auc=float((pairs.mean() + 1.0) / 2.0),
        mean_error_m=float(np.mean(errors)),
        median_error_m=float(np.median(errors)),
        nees=float(np.mean(nees)),
    )


def information(volume: FrameVolume, pose: tuple[float, float, float], covariance: Floats) -> float:
    """Bits that a frame says of a pose which is known this well."""
    unit, weights = standard_grid()
    poses = np.array(pose) + unit @ np.linalg.cholesky(covariance).T
    ratio = float(weights @ np.exp(volume.log_ratio(poses, 1.0)))
    return math.log2(max(ratio, LEAST_RATIO))


def failed_gates(old: Scores, new: Scores) -> list[str]:
    """Why the new weights may not take the place of the old; empty if they may."""
    failed = []
    if not new.information_bits >= old.information_bits + LEAST_GAIN_BITS:
        failed.append(
            f"the held-out stretch does not improve: {new.information_bits:.2f} bit a frame, before "
            f"{old.information_bits:.2f}"
        )
    if new.black_bits > max(old.black_bits, 0.0) + MOST_BLACK_BITS:
        failed.append(
            f"black images say {new.black_bits:.2f} bit, before {old.black_bits:.2f}: roads were learnt by heart"
        )
    failed += _wrong_tiles(old, new)
    if new.nees > max(old.nees, MOST_NEES):
        failed.append(f"covariances have become less honest: NEES {new.nees:.1f}, before {old.nees:.1f}, 2 is honest")
    return failed


def _wrong_tiles(old: Scores, new: Scores) -> list[str]:
    if new.auc >= old.auc - MOST_AUC_LOST and new.wrong_accepted <= max(old.wrong_accepted, 0.05) + MOST_WRONG_GAINED:
        return []
    return [
        f"wrong tiles are not refused as before: {new.wrong_accepted:.0%} accepted (AUC {new.auc:.2f}), before "
        f"{old.wrong_accepted:.0%} ({old.auc:.2f})"
    ]
