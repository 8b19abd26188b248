import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import (
    FLAT_M,
    Datum,
    LocalFrame,
    compass_deg_to_yaw,
    distance,
    ground_resolution,
)
from geoflow_ros.planar import wrap_angle

latitudes = st.floats(-80, 80)
longitudes = st.floats(-179, 179)


@given(latitudes, longitudes, st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_there_and_back(latitude: float, longitude: float, east: float, north: float) -> None:
    frame = LocalFrame(Datum(latitude, longitude, 100.0))
    lat, lon, alt = frame.to_geodetic(np.array([east, north, 5.0]))
    assert frame.to_enu(lat, lon, alt) == pytest.approx([east, north, 5.0], abs=1e-5)


@given(latitudes, longitudes, st.floats(-150e3, 150e3), st.floats(-150e3, 150e3))
def test_there_and_back_without_up_however_far(latitude: float, longitude: float, east: float, north: float) -> None:
    frame = LocalFrame(Datum(latitude, longitude, 100.0))
    lat, lon, alt = frame.to_geodetic([[east, north], [1.0, 2.0]])
    is_near = max(abs(east), abs(north)) <= FLAT_M  # there the tangent plane is taken for the earth
    assert alt == pytest.approx([100.0, 100.0], abs=2 * FLAT_M**2 / (2 * 6.33e6) if is_near else 0.01)
    assert frame.to_enu(lat, lon)[0, :2] == pytest.approx([east, north], abs=0.01)


@given(latitudes, longitudes, latitudes, longitudes)
def test_the_distance_is_that_of_the_geodesic(latitude: float, longitude: float, other: float, far: float) -> None:
    metres = Geod(ellps="WGS84").inv(longitude, latitude, far, other)[2]
    assert distance(latitude, longitude, other, far) == pytest.approx(metres, rel=0.006, abs=1.0)


@given(latitudes, longitudes, st.floats(0, 360), st.floats(1, 500))
def test_agrees_with_the_geodesic(latitude: float, longitude: float, azimuth: float, metres: float) -> None:
    lon, lat, _ = Geod(ellps="WGS84").fwd(longitude, latitude, azimuth, metres)
    east, north, _ = LocalFrame(Datum(latitude, longitude)).to_enu(lat, lon)
    expected = metres * np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    assert [east, north] == pytest.approx(expected, abs=1e-4)


def test_the_compass_turns_the_other_way() -> None:
    assert compass_deg_to_yaw(0.0) == pytest.approx(math.pi / 2)  # north
    assert compass_deg_to_yaw(90.0) == pytest.approx(0.0)  # east
    assert compass_deg_to_yaw(270.0) == pytest.approx(-math.pi)  # west


@given(st.floats(-1e4, 1e4))
def test_a_wrapped_angle_is_the_same_direction(angle: float) -> None:
    wrapped = wrap_angle(angle)
    assert -math.pi <= wrapped < math.pi
    assert math.cos(wrapped - angle) == pytest.approx(1.0)


def test_ground_resolution_of_the_kitti_maps() -> None:
    # The value every public loader uses: zoom 18, tiles of double density, 49.015 degrees.
    assert ground_resolution(49.015, 18, tile_px=512) == pytest.approx(0.1958285, abs=1e-6)


@pytest.mark.parametrize("values", [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0)])
def test_a_datum_off_the_globe_is_refused(values: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="not on the globe"):
        Datum(*values)


def test_a_datum_without_altitude_is_refused_when_it_is_nan() -> None:
    with pytest.raises(InputError, match="altitude nan"):
        Datum(1.0, 2.0, float("nan"))
