"""Cameras of a rig whose topics are swapped, or whose yaw is stated a quarter turn off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import MountEvidence, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.elsewhere import ElsewhereCheck, elsewhere
from geoflow_ros.tracking.mount.estimate import MountPrior
from geoflow_ros.tracking.mount.flips import Flip
from geoflow_ros.tracking.mount.rig_mounts import CameraMounts

PRIOR = MountPrior(0.026, 0.026, 0.026, 0.1)
RIG = {name: Mount(yaw=math.radians(yaw)) for name, yaw in {"front": 0, "left": 90, "rear": 180, "right": -90}.items()}
ANYTHING = Rejection("what came of the frame")


class Looking:
    """A frame of a camera that in fact looks so far (rad) to the left."""

    def __init__(self, yaw: float, flip: Flip = Flip.NONE) -> None:
        self._yaw, self._flip = yaw, flip

    def _of(self, mounts: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
        fits = [flip is self._flip and abs(wrap_angle(mount.yaw - self._yaw)) < 0.2 for mount in mounts]
        return [
            MountEvidence(12.0 * fit - 40.0 * mount.pitch**2, 0.99 * fit, np.zeros(2))
            for fit, mount in zip(fits, mounts, strict=True)
        ]

    def flipped(self, mounts: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
        return self._of(mounts, flip)

    def scaled(self, mounts: Sequence[Mount], factor: float) -> list[MountEvidence]:
        return []

    def mounted(self, mount: Mount) -> list[MountEvidence]:
        return self._of([mount], Flip.NONE)


def asked(mounts: CameraMounts, stated: Mapping[str, Mount], looks: Mapping[str, Looking], first: int = 0) -> None:
    """Thirty frames of each camera, ten metres apart."""
    motions = MotionBuffer()
    for tick in range(first, first + 30):
        now_ns = tick * 10**9
        motions.add_velocity(BodyVelocity(now_ns, 10.0, 0.0))
        for name, frame in looks.items():
            mounts.ask(name, stated[name], (0.0, 0.0), now_ns, motions, frame)
        while mounts.hear():
            pass
        mounts.learn()


def as_stated(rig: Mapping[str, Mount]) -> dict[str, Looking]:
    return {name: Looking(mount.yaw) for name, mount in rig.items()}


@pytest.mark.parametrize(("one", "other"), [("left", "right"), ("front", "rear"), ("front", "left")])
def test_two_cameras_that_are_swapped_are_named_and_do_not_lead(one: str, other: str) -> None:
    mounts = CameraMounts(dict.fromkeys(RIG, PRIOR))
    looks = as_stated(RIG) | {one: Looking(RIG[other].yaw), other: Looking(RIG[one].yaw)}
    asked(mounts, RIG, looks)
    for name, whose in ((one, other), (other, one)):
        said = f"camera {name}: frames fit the imagery only as those of camera {whose}: are the two swapped?"
        assert mounts.sentence(name) == said
        outcome = mounts.fitting(name, ANYTHING)
        assert isinstance(outcome, Rejection) and outcome.is_blind and outcome.reason in said
        assert mounts.estimates(RIG)[name].suspicion in said and not mounts.estimates(RIG)[name].correction.any()
    for name in RIG.keys() - {one, other}:
        assert mounts.sentence(name) == "" and mounts.fitting(name, ANYTHING) is ANYTHING
    asked(mounts, RIG, as_stated(RIG), 30)  # someone has swapped the plugs
    assert not any(map(mounts.sentence, RIG)) and mounts.fitting(one, ANYTHING) is ANYTHING


@pytest.mark.parametrize(
    ("quarter", "said"),
    [(90, "90 degrees further left"), (180, "180 degrees further left"), (-90, "90 degrees further right")],
)
def test_a_yaw_that_is_stated_quarter_turns_off_is_named(quarter: int, said: str) -> None:
    rig = {"front": RIG["front"], "aside": Mount(yaw=math.radians(45.0))}
    mounts = CameraMounts(dict.fromkeys(rig, PRIOR))
    asked(mounts, rig, as_stated(rig) | {"aside": Looking(math.radians(45.0 + quarter))})
    assert mounts.sentence("aside").startswith(f"camera aside: frames fit the imagery only if it looks {said}")
    assert mounts.sentence("front") == ""


def test_a_mirrored_camera_does_not_lead_while_others_fit() -> None:
    mounts = CameraMounts(dict.fromkeys(RIG, PRIOR))
    asked(mounts, RIG, as_stated(RIG) | {"left": Looking(RIG["left"].yaw, Flip.MIRRORED)})
    outcome = mounts.fitting("left", ANYTHING)
    assert isinstance(outcome, Rejection) and "mirrored" in outcome.reason


@pytest.mark.parametrize("turned", [math.pi, math.pi / 2])
def test_where_no_camera_fits_it_is_the_heading_that_is_wrong(turned: float) -> None:
    mounts = CameraMounts(dict.fromkeys(RIG, PRIOR))
    asked(mounts, RIG, {name: Looking(mount.yaw + turned) for name, mount in RIG.items()})
    for name in RIG:
        assert "swapped" not in mounts.sentence(name) and mounts.fitting(name, ANYTHING) is ANYTHING


def test_cameras_that_look_alike_are_not_told_apart() -> None:
    stereo = {"front": Mount(), "front_right": Mount(left=-0.3), "rear": Mount(yaw=math.pi)}
    assert [each.meaning for each in elsewhere("front", stereo)][0].endswith("camera rear: are the two swapped?")
    yaws = sorted(round(math.degrees(each.mount.yaw)) % 360 for each in elsewhere("front", stereo))
    assert yaws == [90, 180, 270]


def test_an_inquiry_that_broke_off_says_nothing() -> None:
    check, places = ElsewhereCheck(), elsewhere("front", RIG)
    fits = MountEvidence(12.0, 0.99, np.zeros(2))
    for _ in range(9):
        check.learn([replace(fits, log_likelihood=0.0, match=0.0), fits], places, 0.5)
    assert check.sentence == ""
