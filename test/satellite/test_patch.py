"""SatellitePatch: pixels <-> metres."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.satellite.patch import SatellitePatch

METRES = st.floats(-1e5, 1e5)
PATCHES = st.builds(
    SatellitePatch,
    image=st.integers(1, 64).map(lambda side: np.zeros((side, side, 3), np.uint8)),
    center=st.tuples(METRES, METRES),
    resolution=st.floats(0.01, 10.0),
    yaw=st.floats(-7.0, 7.0),
)


def patch(yaw_deg: float) -> SatellitePatch:
    return SatellitePatch(np.zeros((100, 100, 3), np.uint8), (1000.0, 2000.0), 0.5, math.radians(yaw_deg))


@given(PATCHES, st.tuples(METRES, METRES))
def test_to_enu_inverts_to_pixel(patch: SatellitePatch, en: tuple[float, float]) -> None:
    assert patch.to_enu(patch.to_pixel(en)) == pytest.approx(en, abs=1e-6)


@given(PATCHES)
def test_scale_is_the_resolution_in_every_direction(patch: SatellitePatch) -> None:
    origin, right, down = patch.to_enu([[0, 0], [1, 0], [0, 1]])
    assert math.dist(origin, right) == pytest.approx(patch.resolution, rel=1e-6)
    assert math.dist(origin, down) == pytest.approx(patch.resolution, rel=1e-6)


@pytest.mark.parametrize(
    ("yaw_deg", "north_of_center", "east_of_center"),
    [(0, (50, 30), (70, 50)), (90, (70, 50), (50, 70)), (180, (50, 70), (30, 50)), (-90, (30, 50), (50, 30))],
)
def test_ten_metres_are_twenty_pixels(yaw_deg: float, north_of_center: tuple, east_of_center: tuple) -> None:
    assert patch(yaw_deg).to_pixel((1000, 2010)) == pytest.approx(north_of_center)
    assert patch(yaw_deg).to_pixel((1010, 2000)) == pytest.approx(east_of_center)


def test_corner_of_a_north_up_patch_is_its_north_west() -> None:
    assert patch(0).to_enu((0, 0)) == pytest.approx((975, 2025))
    assert patch(0).size_m == 50.0


def test_arrays_keep_their_shape() -> None:
    assert patch(30).to_enu(np.zeros((4, 5, 2))).shape == (4, 5, 2)
    assert patch(30).to_pixel(np.zeros((3, 2))).shape == (3, 2)
