"""The mounts of a rig's cameras together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.mount.estimate import MountPrior
from geoflow_ros.tracking.mount.flips import Flip
from geoflow_ros.tracking.mount.rig_mounts import CameraMounts

PRIOR = MountPrior(0.026, 0.026, 0.0, 0.1)
STATED = Mount(height=1.6)
NOTHING = MountEvidence(0.0, 0.0, np.zeros(2))
Weigh = Callable[[Sequence[Mount], Flip], list[MountEvidence]]


class Says:
    """A frame that says of mounts what a function does, and fits better by `longer` an e-fold of the focal length."""

    def __init__(self, weigh: Weigh, longer: float = 0.0) -> None:
        self._weigh, self._longer = weigh, longer

    def flipped(self, mounts: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
        return self._weigh(mounts, flip)

    def scaled(self, mounts: Sequence[Mount], factor: float) -> list[MountEvidence]:
        return [MountEvidence(self._longer * math.log(factor), 0.9, np.zeros(2)) for _ in mounts]

    def mounted(self, mount: Mount) -> list[MountEvidence]:
        return [NOTHING]


def test_a_camera_whose_frames_fit_nothing_has_no_part_in_the_place() -> None:
    mounts = CameraMounts({"front": PRIOR, "left": PRIOR})
    for name in ("front", "left"):
        mounts.mount(name, STATED, (0.0, 0.0))
    before = mounts["front"].place_covariance
    np.testing.assert_allclose(mounts.place_covariance, before)  # both as unknown as each other

    def heard(of: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
        pitches = np.array([mount.pitch for mount in of])
        return [MountEvidence(-0.5 * (pitch / 0.003) ** 2, 0.9, np.array([50.0 * pitch, 0.0])) for pitch in pitches]

    mounts.ask("front", STATED, (0.0, 0.0), 0, MotionBuffer(), Says(heard))
    mounts.ask("left", STATED, (0.0, 0.0), 0, MotionBuffer(), Says(nothing_fits))
    while mounts.hear():
        pass
    mounts.learn()
    front = mounts["front"].place_covariance
    assert front[0, 0] < 0.5 * before[0, 0] and mounts["left"].frames == 0
    np.testing.assert_allclose(mounts.place_covariance, front)


def asked(mounts: CameraMounts, answers: dict[str, Weigh], longer: float = 0.0) -> None:
    """Thirty frames of each camera, ten metres apart."""
    motions = MotionBuffer()
    for tick in range(30):
        now_ns = tick * 10**9
        motions.add_velocity(BodyVelocity(now_ns, 10.0, 0.0))
        for name, weigh in answers.items():
            mounts.ask(name, STATED, (0.0, 0.0), now_ns, motions, Says(weigh, longer))
        while mounts.hear():
            pass
        mounts.learn()


def fits_if(flip: Flip) -> Weigh:
    """Of frames that fit, through the mount that is stated, when they are flipped so."""

    def weigh(of: Sequence[Mount], asked: Flip) -> list[MountEvidence]:
        if asked is not flip:
            return [NOTHING] * len(of)
        return [MountEvidence(12.0 - (each.pitch / 0.003) ** 2, 0.99, np.zeros(2)) for each in of]

    return weigh


def nothing_fits(of: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
    return [NOTHING] * len(of)


@pytest.mark.parametrize(
    ("flip", "said"), [(Flip.MIRRORED, "mirrored left to right: stop the driver"), (Flip.UPSIDE_DOWN, "upside down")]
)
def test_images_that_fit_when_they_are_flipped_are_named_whatever_other_cameras_see(flip: Flip, said: str) -> None:
    mounts = CameraMounts({"front": PRIOR, "left": PRIOR})
    asked(mounts, {"front": fits_if(Flip.NONE), "left": fits_if(flip)})
    assert f"frames fit the imagery only when they are {flip.value}" in mounts["left"].sentence
    assert said in mounts["left"].sentence
    assert mounts["front"].sentence == ""


def test_a_camera_that_sees_nothing_known_is_suspected_unless_others_fit() -> None:
    alone = CameraMounts({"left": PRIOR})
    asked(alone, {"left": nothing_fits})
    assert "mounted elsewhere, or is the imagery of another place?" in alone["left"].sentence
    beside = CameraMounts({"front": PRIOR, "left": PRIOR})
    asked(beside, {"front": fits_if(Flip.NONE), "left": nothing_fits})
    assert beside["left"].sentence == ""  # it may look at walls


def test_what_a_camera_leaves_open_lies_along_its_own_view() -> None:
    mounts = CameraMounts({"left": MountPrior(pitch=0.026)})
    mounts.mount("left", replace(STATED, yaw=math.pi / 2), (0.0, 0.0))
    forward, left = np.sqrt(np.diag(mounts.place_covariance))
    # 9 m away, where most of what is matched lies: (81 / 1.6 + 1.6) m/rad, to the left of the vehicle.
    assert forward == pytest.approx(0.0, abs=1e-9) and left == pytest.approx(52.225 * 0.026)


@pytest.mark.parametrize(
    ("longer", "doubt"), [(-10.0, "some 0.7 times"), (10.0, "some 1.4 times"), (0.0, ""), (2.0, "")]
)
def test_a_focal_length_that_frames_contradict_is_a_doubt_of_all_that_cameras_show(longer: float, doubt: str) -> None:
    mounts = CameraMounts({"front": PRIOR, "left": PRIOR})
    asked(mounts, {"front": fits_if(Flip.NONE), "left": fits_if(Flip.NONE)}, longer)
    assert doubt in mounts.doubt and mounts.doubt.startswith("camera front: ") == bool(doubt) == bool(mounts.doubt)


@pytest.mark.parametrize("cameras", [1, 2, 6])
def test_what_all_views_of_a_rig_learn_alike_moves_the_place_once(cameras: int) -> None:
    """As those of a panorama that is tilted: all of them show the place off to the same side by as much."""
    mounts = CameraMounts({str(index): PRIOR for index in range(cameras)})

    def heard(of: Sequence[Mount], flip: Flip) -> list[MountEvidence]:
        pitches = np.array([mount.pitch - 0.01 for mount in of])
        return [MountEvidence(-0.5 * (pitch / 0.003) ** 2, 0.9, np.array([50.0 * pitch, 0.0])) for pitch in pitches]

    for name in map(str, range(cameras)):
        mounts.mount(name, STATED, (0.0, 0.0))
    motions, moved = MotionBuffer(), np.zeros(2)
    for tick in range(10):
        motions.add_velocity(BodyVelocity(tick * 10**9, 10.0, 0.0))
        for name in map(str, range(cameras)):
            mounts.ask(name, STATED, (0.0, 0.0), tick * 10**9, motions, Says(heard))
        while mounts.hear():
            pass
        moved += mounts.learn()
    assert moved[0] == pytest.approx(50.0 * 0.01, abs=0.1)


class BreaksOff(Says):
    """A frame that raises after so many answers, of mounts or of the focal length."""

    def __init__(self, weigh: Weigh, after: int, kind: str) -> None:
        super().__init__(weigh, longer=0.0)
        self._after, self._kind = after, kind

    def flipped(self, mounts: Sequence[Mount], flip: Flip) -> Iterable[MountEvidence]:
        answers = super().flipped(mounts, flip)
        return self._broken(answers) if self._kind == "mounts" and flip is Flip.NONE else answers

    def scaled(self, mounts: Sequence[Mount], factor: float) -> Iterable[MountEvidence]:
        answers = super().scaled(mounts, factor)
        return self._broken(answers) if self._kind == "focal length" else answers

    def _broken(self, answers: list[MountEvidence]) -> Iterator[MountEvidence]:
        yield from answers[: self._after]
        raise RuntimeError("out of memory")


@pytest.mark.parametrize("kind", ["mounts", "focal length"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_frame_that_breaks_off_is_left_out_and_the_next_ones_are_learnt_from(kind: str, after: int) -> None:
    """Of two cameras: the frame of the other one is learnt from all the same."""
    mounts, motions, failures = CameraMounts({"front": PRIOR, "left": PRIOR}), MotionBuffer(), 0
    for tick in range(30):
        now_ns = tick * 10**9
        motions.add_velocity(BodyVelocity(now_ns, 10.0, 0.0))
        fits = fits_if(Flip.NONE)
        front = BreaksOff(fits, after, kind) if tick in (0, 5) else Says(fits)
        mounts.ask("front", STATED, (0.0, 0.0), now_ns, motions, front)
        mounts.ask("left", STATED, (0.0, 0.0), now_ns, motions, Says(fits))
        for _ in range(100):
            try:
                if not mounts.hear():
                    break
            except RuntimeError:
                failures += 1
        else:
            pytest.fail("it never ends")
        mounts.learn()
    assert failures >= 1
    assert mounts["front"].frames >= mounts["left"].frames - 2 > 0
    assert mounts["front"].frames < mounts["left"].frames or kind == "focal length"
