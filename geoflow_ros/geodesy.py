"""The world frame: geodetic coordinates <-> local east/north/up metres (REP-103, REP-105)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle

EQUATOR_RESOLUTION = 156543.03392804097
"""Metres per pixel of a 256 px Web Mercator tile at zoom 0 on the equator."""
EARTH_RADIUS = 6_371_008.8  # m, mean
FLAT_M = 2000.0
"""Within this distance of the datum, tangent plane and ellipsoid differ by less than a millimetre across."""


@dataclass(frozen=True, slots=True)
class Datum:
    """Origin of the `map` frame: WGS84 degrees, ellipsoidal height in metres."""

    latitude: float
    longitude: float
    altitude: float = 0.0

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= 90.0 and abs(self.longitude) <= 180.0):
            raise InputError(
                f"datum latitude {self.latitude}, longitude {self.longitude} is not on the globe: "
                "give WGS84 degrees, latitude in [-90, 90], longitude in [-180, 180]"
            )
        if not math.isfinite(self.altitude):
            raise InputError(f"datum altitude {self.altitude} is not finite: give metres")


class LocalFrame:
    """East/north/up tangent frame at a datum. Not a UTM grid: its north is true north at the datum."""

    def __init__(self, datum: Datum) -> None:
        self.datum = datum
        self._to_enu = Transformer.from_pipeline(
            "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
            f"+step +proj=topocentric +ellps=WGS84 +lat_0={datum.latitude!r} +lon_0={datum.longitude!r} "
            f"+h_0={datum.altitude!r}"
        )

    def to_enu(
        self, latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Metres (..., 3) east, north, up of WGS84 degrees; altitude defaults to the datum's."""
        lat, lon, alt = np.broadcast_arrays(
            np.asarray(latitude, dtype=np.float64),
            np.asarray(longitude, dtype=np.float64),
            np.asarray(self.datum.altitude if altitude is None else altitude, dtype=np.float64),
        )
        return np.stack(self._to_enu.transform(lon, lat, alt), axis=-1)

    def to_geodetic(self, enu: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """WGS84 latitude, longitude (degrees) and altitude (m) of (..., 2) or (..., 3) metres.

        Without up, of the place at the datum's altitude: the inverse of `to_enu`, however far away.
        """
        enu = np.asarray(enu, dtype=np.float64)
        if enu.shape[-1] == 3:
            return self._inverse(enu, enu[..., 2])
        up = np.zeros(enu.shape[:-1])
        place = self._inverse(enu, up)
        if np.abs(enu).max(initial=0.0) > FLAT_M:  # the earth curves away below the tangent plane
            for _ in range(3):
                up = up + self.datum.altitude - place[2]
                place = self._inverse(enu, up)
        return place

    def _inverse(
        self, enu: NDArray[np.float64], up: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        lon, lat, alt = self._to_enu.transform(enu[..., 0], enu[..., 1], up, direction="INVERSE")
        return np.asarray(lat), np.asarray(lon), np.asarray(alt)


def distance(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres between two places in degrees along a great circle of a sphere: right to half a percent."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    across = math.sin((other_north - north) / 2) ** 2
    along = math.cos(north) * math.cos(other_north) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(across + along, 1.0)))


def compass_deg_to_yaw(heading_deg: float) -> float:
    """Yaw (radians counter-clockwise from east, [-pi, pi)) of a compass heading."""
    return wrap_angle(math.radians(90.0 - heading_deg))


def ground_resolution(latitude: float, zoom: float, tile_px: int = 256) -> float:
    """Metres per pixel of a Web Mercator tile of `tile_px` pixels at this latitude (degrees)."""
    return float(EQUATOR_RESOLUTION * math.cos(math.radians(latitude)) / 2.0**zoom * 256.0 / tile_px)
