"""GeoTIFFs that cannot be imported: a sentence that says what mends them."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")

import rasterio
from geotiffs import CORNERS, HEIGHT, PIXEL, WIDTH, markers, write_tiff

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.satellite.geotiff_source import reading
from geoflow_ros.satellite.tile_pyramid import is_opaque


def place_by_points(path: Path) -> Path:
    """An image that four points tie to the ground, as scanned maps are."""
    corner = CORNERS[2056]
    points = [
        rasterio.control.GroundControlPoint(row=v, col=u, x=corner[0] + u * PIXEL, y=corner[1] - v * PIXEL)
        for u in (0, WIDTH) for v in (0, HEIGHT)
    ]  # fmt: skip
    with rasterio.open(path, "w", driver="GTiff", count=3, width=WIDTH, height=HEIGHT, dtype="uint8") as raster:
        raster.write(markers())
        raster.gcps = (points, rasterio.crs.CRS.from_epsg(2056))
    return path


def in_system(path: Path, wkt: str) -> Path:
    write_tiff(path, markers())
    with rasterio.open(path, "r+") as raster:
        raster.crs = rasterio.crs.CRS.from_wkt(wkt)
    return path


def test_what_a_gdal_command_mends_is_told_with_it(tmp_path: Path) -> None:
    axes = 'CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]'
    site = f'ENGCRS["plan of a quarry",EDATUM["quarry"],{axes}]'
    folder, bits = tmp_path / "sheets", np.ones((1, HEIGHT, WIDTH), np.uint8)
    folder.mkdir()
    mosaic = tmp_path / "mosaic.vrt"
    mosaic.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><SRS>EPSG:2056</SRS>'
        "<GeoTransform>2679100, 0.5, 0, 1248000, 0, -0.5</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="1">gone.tif'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    cases = {
        "4 ground control points only: .* gdalwarp -tps": place_by_points(tmp_path / "scan.tif"),
        "'plan of a quarry', which has no place on earth.* gdal_edit.py -a_srs": in_system(tmp_path / "site.tif", site),
        "is a folder: give the images in it": folder,
        "6 bands: .* gdal_translate -b 1": write_tiff(tmp_path / "six.tif", np.concatenate([markers(), markers()])),
        "values of 4 bits: .* -scale 0 15 0 255": write_tiff(tmp_path / "four.tif", bits, nbits=4),
        "gone.tif.*copy or make it again": mosaic,
    }
    for sentence, source in cases.items():
        with pytest.raises(InputError, match=sentence) as caught:
            import_geotiff(source, tmp_path / "out.mbtiles")
        assert source.name in str(caught.value) and "\n" not in str(caught.value)


def test_images_that_cannot_be_imported(tmp_path: Path) -> None:
    text = tmp_path / "text.tif"
    text.write_text("not a GeoTIFF")
    noise = np.random.default_rng(0).integers(0, 255, (3, HEIGHT, WIDTH), np.uint8)
    cut = write_tiff(tmp_path / "cut.tif", noise)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    palette = write_tiff(tmp_path / "palette.tif", np.zeros((1, 9, 9), np.uint8), photometric="PALETTE")
    with rasterio.open(palette, "r+") as raster:
        raster.write_colormap(1, {0: (255, 0, 0, 255)})
    cases = {
        "does not exist": tmp_path / "none.tif",
        "cannot be read as a georeferenced image": text,
        "cut.tif cannot be read": cut,
        "no coordinate system: state it": write_tiff(tmp_path / "plain.tif", markers(), epsg=None),
        "holds uint16 values": write_tiff(tmp_path / "deep.tif", markers().astype(np.uint16)),
        "has 2 bands": write_tiff(tmp_path / "two.tif", markers()[:2]),
        "colour palette": palette,
        "no data at all": write_tiff(tmp_path / "void.tif", np.zeros((3, 40, 40), np.uint8), nodata=0),
    }
    for sentence, source in cases.items():
        with pytest.raises(InputError, match=sentence) as caught:
            import_geotiff(source, tmp_path / "out.mbtiles")
        assert source.name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not [file for file in tmp_path.iterdir() if "mbtiles" in file.name]


def test_a_picture_is_told_how_it_gets_a_place(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """A picture as a drone or a screen gives it: nothing, a world file alone, or a coordinate system alone."""
    pictures = [tmp_path / name for name in ("plain.jpg", "world.jpg", "system.tif")]
    for picture in pictures[:2]:
        cv2.imwrite(str(picture), np.moveaxis(markers(), 0, -1))
    (tmp_path / "world.jgw").write_text("0.2\n0\n0\n-0.2\n2683000\n1247000\n")
    with rasterio.open(pictures[2], "w", width=9, height=9, count=1, dtype="uint8", crs="EPSG:2056") as raster:
        raster.write(np.ones((1, 9, 9), np.uint8))
    remedies = (
        "gdal_translate -a_srs EPSG:4326 -a_ullr WEST NORTH EAST SOUTH plain.jpg plain_placed.tif",
        "gdal_translate -a_srs EPSG:2056 world.jpg world_placed.tif",
        "gdal_translate -a_ullr LEFT TOP RIGHT BOTTOM system.tif system_placed.tif",
    )
    recwarn.clear()
    for picture, remedy in zip(pictures, remedies, strict=True):
        with pytest.raises(InputError, match=f"{remedy}$"):
            import_geotiff(picture, tmp_path / "out.mbtiles")
    assert not recwarn.list


@pytest.mark.parametrize("package", ["rasterio", "tqdm"])
def test_without_its_packages_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    source = write_tiff(tmp_path / "in.tif", markers())
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs rasterio and tqdm .*{package}.* pip install .*\[tiles\]"):
        import_geotiff(source, tmp_path / "out.mbtiles")


def test_target_must_be_called_mbtiles(tmp_path: Path) -> None:
    source = write_tiff(tmp_path / "in.tif", markers())
    before = source.read_bytes()
    with pytest.raises(InputError, match=r"does not end in \.mbtiles"):
        import_geotiff(source, source)
    assert source.read_bytes() == before


def test_an_error_of_reading_that_is_none_of_rasterio_s_own_is_one_sentence_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is in rasterio 1.3.0, and before."""
    failure = type("RasterioIOError", (OSError,), {})
    monkeypatch.setattr(rasterio.errors, "RasterioIOError", failure)
    sentence = r"a.tif cannot be read as a georeferenced image \(no such tile\)"
    with pytest.raises(InputError, match=sentence), reading(tmp_path / "a.tif"):
        raise failure("no such tile")


class ViewedWhole(np.ndarray):  # type: ignore[type-arg]
    """As arrays are before NumPy 1.23: no part that has gaps is viewed as of another type."""

    def view(self, *kind: object) -> object:
        assert self.flags.c_contiguous, "the array must be C-contiguous"
        return super().view(*kind)  # type: ignore[call-overload]


@pytest.mark.parametrize("alpha", [255, 254])
def test_whether_a_part_is_opaque_is_found_by_an_older_numpy_too(alpha: int) -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[2:5, 2:5, 3] = 255
    rgba[3, 4, 3] = alpha
    assert is_opaque(rgba.view(ViewedWhole)[2:5, 2:5]) is (alpha == 255)
