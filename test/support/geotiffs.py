"""Small georeferenced images near Zurich, for tests of what reads them; needs rasterio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

CORNERS = {2056: (2679100.0, 1248000.0), 32632: (461400.0, 5247300.0)}
"""North-west corners by EPSG code."""
WIDTH, HEIGHT, PIXEL = 400, 300, 0.5
MARKERS = [(60.0, 50.0), (340.0, 60.0), (200.0, 150.0), (70.0, 240.0), (330.0, 250.0)]
"""Continuous source pixels."""


def write_tiff(
    path: Path, bands: NDArray[Any], epsg: int | None = 2056, mask: NDArray[Any] | None = None, **profile: Any
) -> Path:
    """A GeoTIFF of (C, H, W) bands, 0.5 m a pixel."""
    left, top = CORNERS[epsg or 2056]
    count, height, width = bands.shape
    profile = {"count": count, "height": height, "width": width, "dtype": bands.dtype, **profile}
    transform = rasterio.transform.from_origin(left, top, PIXEL, PIXEL)
    crs = None if epsg is None else f"EPSG:{epsg}"
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **profile) as raster:
        raster.write(bands)
        if mask is not None:
            raster.write_mask(mask)
    return path


def markers() -> NDArray[np.uint8]:
    """Bands (3, H, W): smooth white dots on black."""
    v, u = np.indices((HEIGHT, WIDTH)) + 0.5
    grey = sum(250 * np.exp(-((u - mu) ** 2 + (v - mv) ** 2) / (2 * 4.0**2)) for mu, mv in MARKERS)
    return np.repeat(np.asarray(grey, dtype=np.uint8)[None], 3, axis=0)
