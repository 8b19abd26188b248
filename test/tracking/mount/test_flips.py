"""What is made of frames that fit better when they are flipped."""

from __future__ import annotations

import numpy as np
import pytest

from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.tracking.mount.flips import Flip, FlipCheck

PLAIN, SURE = 0.5, 0.99


def of(log_likelihood: float, match: float) -> MountEvidence:
    return MountEvidence(log_likelihood, match, np.zeros(2))


def test_pixels_go_where_a_mirror_and_a_half_turn_take_them() -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    np.testing.assert_array_equal(Flip.MIRRORED.of(image)[1, 0], image[1, 2])
    np.testing.assert_array_equal(Flip.UPSIDE_DOWN.of(image)[0, 0], image[1, 2])
    assert Flip.NONE.of(image) is image
    assert Flip.MIRRORED.of(image).flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("mirrored", "said"),
    [(of(12.0, 0.99), True), (of(2.0, 0.99), False), (of(12.0, 0.4), False)],
    ids=["fits clearly better", "fits hardly better", "is likelier of elsewhere"],
)
def test_frames_are_said_to_be_mirrored_if_they_fit_clearly_better_so(mirrored: MountEvidence, said: bool) -> None:
    check = FlipCheck()
    for _ in range(4):
        check.learn([of(0.0, 0.1), of(1.0, 0.1)], [mirrored, of(-3.0, 0.0)], PLAIN)
    assert bool(check.sentence) is said


def test_a_few_frames_do_not_make_a_mirror_and_frames_that_fit_as_they_are_take_it_back() -> None:
    check, neither = FlipCheck(), [of(0.0, 0.1), of(0.0, 0.1)]
    for turn in range(9):
        plain = of(0.0, 0.1) if turn % 3 == 0 else of(12.0, SURE)
        check.learn([plain], [of(12.0 if turn % 3 == 0 else 0.0, SURE), neither[0]], PLAIN)
    assert check.sentence == ""
    for _ in range(3):
        check.learn([of(0.0, 0.1)], [of(12.0, SURE), neither[0]], PLAIN)
    assert "mirrored" in check.sentence
    for _ in range(20):  # looked for elsewhere, say: that says nothing of a mirror
        check.learn([of(0.0, 0.1)], neither, PLAIN)
    check.learn([of(0.0, 0.1)], [], PLAIN)  # not asked
    assert "mirrored" in check.sentence
    for _ in range(2):
        check.learn([of(12.0, SURE)], neither, PLAIN)
    assert check.sentence == ""
