"""Import of GeoTIFFs: which of their pixels are imagery, and which are missing."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")

from geotiffs import CORNERS, HEIGHT, PIXEL, WIDTH, markers, write_tiff
from pyproj import Transformer

from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store


def colours_at(target: Path, u: float, v: float) -> tuple[list[int], float]:
    """RGB at a source pixel, and the fraction missing in the metre around it."""
    left, top = CORNERS[2056]
    place = Transformer.from_crs(2056, 4326, always_xy=True).transform(left + u * PIXEL, top - v * PIXEL)
    patch = SatelliteMap(open_store(target)).patch_at(place[1], place[0], 0.0, 1.0, 0.25)
    return patch.image[2, 2].tolist(), patch.missing


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", np.full((1, HEIGHT, WIDTH), 90, np.uint8)), target)
    colour, missing = colours_at(target, 200, 150)
    assert colour == pytest.approx([90, 90, 90], abs=2) and missing == 0.0


def test_pixels_beyond_the_image_are_missing(tmp_path: Path) -> None:
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", markers()), target)
    assert colours_at(target, 10, 10)[1] == 0.0
    assert colours_at(target, -10, 10) == ([128, 128, 128], 1.0)


def half_and_half() -> np.ndarray:
    """Pure red in the west, black in the east."""
    bands = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    bands[0, :, : WIDTH // 2] = 255
    return bands


def test_nodata_is_missing_but_pure_red_is_not(tmp_path: Path) -> None:
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", half_and_half(), nodata=0), target)
    colour, missing = colours_at(target, 100, 150)
    assert colour == pytest.approx([255, 0, 0], abs=4) and missing == 0.0
    assert colours_at(target, 300, 150) == ([128, 128, 128], 1.0)


def test_alpha_is_honoured(tmp_path: Path) -> None:
    alpha = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    alpha[..., : WIDTH // 2] = 255
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", np.concatenate([half_and_half(), alpha])), target)
    colour, missing = colours_at(target, 100, 150)
    assert colour == pytest.approx([255, 0, 0], abs=4) and missing == 0.0
    assert colours_at(target, 300, 150)[1] == 1.0


def test_internal_mask_is_honoured(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, : WIDTH // 2] = 255
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", half_and_half(), mask=mask), target)
    assert colours_at(target, 100, 150)[1] == 0.0
    assert colours_at(target, 300, 150)[1] == 1.0


def test_near_infrared_band_is_not_alpha(tmp_path: Path) -> None:
    infrared = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    bands = np.concatenate([half_and_half(), infrared])
    target = tmp_path / "out.mbtiles"
    import_geotiff(write_tiff(tmp_path / "in.tif", bands, photometric="RGB", alpha="NO"), target)
    colour, missing = colours_at(target, 100, 150)
    assert colour == pytest.approx([255, 0, 0], abs=4) and missing == 0.0


def test_infrared_that_a_writer_has_tagged_alpha_is_doubted(tmp_path: Path) -> None:
    """Bright in the west, where the ground is red; black, which would be transparent, in the east."""
    infrared = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    infrared[..., : WIDTH // 2] = np.linspace(1, 254, WIDTH // 2)
    target = tmp_path / "out.mbtiles"
    source = write_tiff(
        tmp_path / "in.tif", np.concatenate([half_and_half(), infrared]), photometric="RGB", alpha="YES"
    )
    (doubt, _) = import_geotiff(source, target).warnings
    assert doubt.startswith("band 4 is tagged as alpha, but 50% of it is neither transparent nor opaque")
    for u, expected in ((100, [255, 0, 0]), (300, [0, 0, 0])):
        colour, missing = colours_at(target, u, 150)
        assert colour == pytest.approx(expected, abs=4) and missing == 0.0


def test_alpha_with_a_soft_edge_is_believed(tmp_path: Path) -> None:
    alpha = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    alpha[..., : WIDTH // 2] = 255
    alpha[..., WIDTH // 2 : WIDTH // 2 + 10] = np.linspace(230, 20, 10)
    target, grey = tmp_path / "out.mbtiles", np.full((1, HEIGHT, WIDTH), 90, np.uint8)
    profile = {"photometric": "MINISBLACK", "alpha": "YES"}
    source = write_tiff(tmp_path / "in.tif", np.concatenate([grey, alpha]), **profile)
    assert [each for each in import_geotiff(source, target).warnings if "alpha" in each] == []
    assert colours_at(target, 100, 150)[1] == 0.0 and colours_at(target, 300, 150)[1] == 1.0
    assert colours_at(target, 100, 150)[0] == pytest.approx([90, 90, 90], abs=2)
