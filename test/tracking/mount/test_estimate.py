"""What is said and kept of a mount."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.tracking.mount.estimate import MountEstimate, corrected

STATED = Mount(1.0, 0.2, 1.6, 0.01, 0.02, -0.03)


def estimate(roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0, height: float = 0.0) -> MountEstimate:
    covariance = np.diag(np.square([0.004, 0.004, 0.004, 0.02]))
    return MountEstimate(STATED, np.array([roll, pitch, yaw, height]), covariance)


def test_a_correction_is_added_and_the_place_stays() -> None:
    moved = corrected(STATED, np.array([0.1, 0.2, 0.3, -0.4]))
    assert (moved.forward, moved.left) == (1.0, 0.2)
    assert [moved.roll, moved.pitch, moved.yaw, moved.height] == pytest.approx([0.11, 0.22, 0.27, 1.2])


def test_what_is_surely_a_degree_off_is_said_and_nothing_else() -> None:
    assert estimate(pitch=0.035).sentence == "camera.pitch is 0.02, frames say 0.055 +- 0.004 rad: look at the mount"
    assert estimate(pitch=0.017, yaw=-0.017, height=0.07).sentence == ""
    both = estimate(yaw=-0.02, height=0.1).sentence
    assert both == (
        "camera.yaw is -0.03, frames say -0.050 +- 0.004 rad; camera.height is 1.6, frames say 1.700 +- 0.020 m: "
        "look at the mount"
    )
    rear = replace(estimate(yaw=-0.02), stated=replace(STATED, yaw=-3.13))
    assert rear.sentence == "camera.yaw is -3.13, frames say -3.150 +- 0.004 rad: look at the mount"
    unsure = MountEstimate(STATED, np.array([0.0, 0.05, 0.0, 0.0]), np.eye(4) * 0.02**2)
    assert unsure.sentence == ""


def test_a_kept_estimate_comes_back_as_it_was() -> None:
    before = estimate(roll=0.001, pitch=0.03, yaw=math.radians(2.0), height=-0.1)
    after = MountEstimate.from_json(json.loads(json.dumps(before.to_json())), STATED)
    np.testing.assert_array_equal(after.correction, before.correction)
    np.testing.assert_array_equal(after.covariance, before.covariance)
    assert after.mount == before.mount


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"correction": [0.0, 1.0]}, "expected 4 numbers"),
        ({"covariance": (-np.eye(4)).tolist()}, "expected positive"),
        ({"covariance": None}, "expected positive|lacks|expected 4"),
        ({"stated": {"roll": 0.0}}, "lacks what is expected"),
        ({"stated": {"roll": 0.0, "pitch": 0.0, "yaw": 0.0, "height": 1.6}}, "is stated"),
    ],
)
def test_a_kept_estimate_that_is_none_or_of_another_mount_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        MountEstimate.from_json(estimate().to_json() | change, STATED)


@pytest.mark.parametrize("known", [[2], [0, 3], [0, 1, 2, 3]])
def test_what_is_kept_of_a_mount_that_is_known_in_part_is_read_again(known: list[int]) -> None:
    """Its covariance is singular: rounding makes an eigenvalue of nothing negative as often as not."""
    for seed in range(20):
        root = np.random.default_rng(seed).normal(0.0, [[0.02], [0.02], [0.02], [0.1]], (4, 4))
        root[known] = 0.0
        kept = MountEstimate(STATED, np.zeros(4), root @ root.T)
        again = MountEstimate.from_json(json.loads(json.dumps(kept.to_json())), STATED)
        np.testing.assert_array_equal(again.covariance, kept.covariance)


def test_a_camera_that_looks_back_looks_back_at_minus_half_a_turn_too() -> None:
    """TF tells one or the other, as rounding has it."""
    document = MountEstimate(replace(STATED, yaw=math.pi)).to_json()
    assert MountEstimate.from_json(document, replace(STATED, yaw=-math.pi)).stated.yaw == -math.pi
    with pytest.raises(InputError, match="is stated"):
        MountEstimate.from_json(document, replace(STATED, yaw=3.14))
    with pytest.raises(InputError, match="is stated"):
        MountEstimate.from_json({**document, "stated": {**document["stated"], "height": math.nan}}, STATED)
