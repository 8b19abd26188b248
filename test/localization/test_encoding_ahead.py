"""The time between two frames encodes what the next may need, and no frame waits for what another patch serves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from patch_encoding import CAMERA, FRAME, SNAPPING, Clock, Waves, encoder, prior

from geoflow_ros.localization.encoded_patches import PatchEncoder
from geoflow_ros.localization.localizer import Localizer
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.model.matchflow import MatchFlow


def test_idle_time_encodes_what_the_next_frames_may_need(model: MatchFlow) -> None:
    # 2 m before the border to the patch ahead, which lies 8 m off, and 2 degrees before the next heading.
    satellite, here = Waves(), prior(6.0, 0.0, math.radians(1.0))
    localizer = Localizer(model, satellite, FRAME)  # type: ignore[arg-type]
    encoded = 0
    while localizer.warm(here, CAMERA.mount):
        encoded += 1
    assert 2 <= satellite.asked == encoded <= 4
    frame = np.random.default_rng(0).integers(0, 255, (32, 64, 3), np.uint8)
    for near in (here, prior(8.5, 0.0, math.radians(1.0))):
        localizer.localize(frame, CAMERA, near, seed=0)
    assert satellite.asked == encoded


def test_a_frame_does_not_wait_for_a_patch_while_another_serves_it(model: MatchFlow) -> None:
    """Patches 16 m and 8 degrees apart; 4 m of 2 sigmas and a radius of 20 m leave 16 m, 4 + 2 degrees of heading."""
    satellite = Waves()
    patches = PatchEncoder(model, satellite, FRAME, SNAPPING, 1 << 30, Clock(), waits=False)  # type: ignore[arg-type]
    first = patches.around(prior(0, 0, 0))
    for served in (
        prior(15.9, 0, 0),
        prior(0, -15.9, 0),
        prior(0, 0, math.radians(5.9)),
        prior(11, 0, math.radians(-5)),
    ):
        assert patches.around(served) is first
    assert satellite.asked == 1
    for other in (prior(16.1, 0, 0), prior(0, 0, math.radians(6.1)), prior(-15.9, 0, 0, std_m=3.0)):
        assert patches.around(other) is not first
    assert satellite.asked == 4


def test_in_a_hurry_the_patch_is_encoded_that_will_soon_be_needed(model: MatchFlow) -> None:
    """11 m away with 4 m of two sigmas are three quarters of the radius, 4.5 degrees of the 6 that it may be turned."""
    satellite, there = Waves(), prior(11.1, 0, 0)
    patches = PatchEncoder(model, satellite, FRAME, SNAPPING, 1 << 30, Clock(), waits=False)  # type: ignore[arg-type]
    first = patches.around(prior(0, 0, 0))
    assert patches.around(there) is first
    for near in (prior(10.9, 0, 0), prior(0, 0, math.radians(4.4))):
        assert not patches.ahead(near, is_hurried=True)
    assert patches.ahead(there, is_hurried=True) and not patches.ahead(there, is_hurried=True)
    assert satellite.asked == 2
    assert patches.around(there).patch.center == pytest.approx((16.0, 0.0))


def test_of_patches_that_serve_the_nearest_is_taken(model: MatchFlow) -> None:
    patches = PatchEncoder(model, Waves(), FRAME, SNAPPING, 1 << 30, Clock(), waits=False)  # type: ignore[arg-type]
    near, far = patches.around(prior(0, 0, 0)), patches.around(prior(32, 0, 0))
    assert near is not far
    assert [patches.around(prior(east, 0, 0)) for east in (13.0, 19.0)] == [near, far]  # of 16 m there is none


def test_imagery_with_holes_serves_no_other_place(model: MatchFlow) -> None:
    satellite = Waves(missing=0.1)
    patches = PatchEncoder(model, satellite, FRAME, SNAPPING, 1 << 30, Clock(), waits=False)  # type: ignore[arg-type]
    first = patches.around(prior(0, 0, 0))
    assert patches.around(prior(9.0, 0, 0)) is not first


def idle(patches: PatchEncoder, here: PosePrior) -> int:
    """How often the time before the next frame is used, at most 50 times."""
    return next(count for count in range(51) if count == 50 or not patches.ahead(here))


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("room", [0, 1, 2, 3, 30])
def test_idle_time_ends_whatever_is_missing_and_however_little_can_be_kept(
    model: MatchFlow, missing: float, room: int
) -> None:
    # Before the border to the patches ahead, to the left, and of the next heading: four or more are nearby.
    here = prior(6.0, 6.0, math.radians(3.5))
    one = encoder(model, Waves()).around(here).nbytes
    satellite, clock = Waves(missing), Clock()
    patches = encoder(model, satellite, room * one, clock)
    patches.around(here)
    wanted = idle(encoder(model, Waves()), here) - 1
    assert wanted >= 3
    assert idle(patches, here) == min(wanted, max(0, room - 1))
    asked = satellite.asked
    for clock.now_s in (1.0, 2.0, 3.0):
        if room > 0:
            patches.around(here)
        assert idle(patches, here) == 0
    assert satellite.asked == asked
    clock.now_s = 100.0  # missing tiles may have arrived
    assert idle(patches, here) == (min(wanted + 1, room) if missing else 0)
