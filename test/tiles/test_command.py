"""python -m geoflow_ros.tiles: import, info, patch."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from paths import REPOSITORY

from geoflow_ros.align.stored import store_offset
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_images import ImageryOffset
from geoflow_ros.tiles import tile_encodings
from geoflow_ros.tiles.__main__ import main

rasterio = pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")

LATITUDE, LONGITUDE = 47.378, 8.488


@pytest.fixture(scope="module")
def tiff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoTIFF of some 150 m around the place: red north of it, blue south of it."""
    path = tmp_path_factory.mktemp("tiff") / "flag.tif"
    bands = np.zeros((3, 300, 300), np.uint8)
    bands[0, :150], bands[2, 150:] = 255, 255
    pixel_deg = 0.5 / 111_195  # half a metre of latitude
    transform = rasterio.transform.from_origin(
        LONGITUDE - 150 * pixel_deg, LATITUDE + 150 * pixel_deg, pixel_deg, pixel_deg
    )
    profile = {"count": 3, "width": 300, "height": 300, "dtype": "uint8", "crs": "EPSG:4326", "transform": transform}
    with rasterio.open(path, "w", driver="GTiff", **profile) as raster:
        raster.write(bands)
    return path


@pytest.fixture(scope="module")
def store(tiff: Path) -> Path:
    path = tiff.with_name("flag.mbtiles")
    assert main(["import", str(tiff), str(path)]) == 0
    return path


def place(*options: str) -> list[str]:
    return ["--lat", str(LATITUDE), "--lon", str(LONGITUDE), *options]


@pytest.mark.parametrize("many", [False, True])
def test_what_tiles_are_encoded_as_is_told_beside_what_the_file_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr(tile_encodings, "LOOKED_AT", 4 if many else 1000)
    picture, path = np.zeros((256, 256, 3), np.uint8), tmp_path / "mixed.mbtiles"
    with MBTilesWriter(path, "mixed", "jpg") as writer:
        for x in range(8):
            kind = ".jpg" if x % 4 == 0 else ".png"
            writer.add(18, 137_000 + x, 91_000, cv2.imencode(kind, picture)[1].tobytes())
        writer.add(17, 68_500, 45_500, b"no image")
    assert main(["info", str(path)]) == 0
    told = "2 jpg, 2 png, 1 unreadable of 5 looked at" if many else "6 png, 2 jpg, 1 unreadable"
    assert f"encodings        {told}\n" in capsys.readouterr().out
    assert main(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "jpg" and facts["encodings"]["jpg"] == 2


def test_an_offset_that_was_not_measured_is_not_told_as_zero(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(store)]) == 0
    assert "imagery_offset   not measured\n" in capsys.readouterr().out
    measured = tmp_path / "measured.mbtiles"
    shutil.copy(store, measured)
    store_offset(measured, ImageryOffset(0.0, 0.0, 0.1))
    assert main(["info", str(measured)]) == 0
    assert "0.00 m east, 0.00 m north, +- 0.10 m" in capsys.readouterr().out


def test_info_is_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(store), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["name"], info["format"], info["zooms"], info["tile_px"]) == ("flag", "jpg", [14, 15, 16, 17, 18], 256)
    assert info["tiles"].keys() == {"14", "15", "16", "17", "18"}
    assert info["resolution_m_px"] == pytest.approx(0.4044, abs=1e-3)
    assert info["bytes"] == store.stat().st_size
    west, south, east, north = info["bounds"]
    assert west < LONGITUDE < east and south < LATITUDE < north


def test_import_says_what_is_doubtful_about_the_image(tiff: Path, tmp_path: Path, capsys) -> None:
    assert main(["import", str(tiff), str(tmp_path / "out.mbtiles")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"warning: {tiff}: 0.4") and "coarser than 0.3 m" in last


def test_info_reads_a_folder_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "3" / "4").mkdir(parents=True)
    (tmp_path / "3" / "4" / "2.png").write_bytes(bytes(cv2.imencode(".png", np.zeros((256, 256, 3), np.uint8))[1]))
    assert main(["info", str(tmp_path)]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["tiles"] == "1 of zoom 3" and told["attribution"] == "none stated"
    assert re.fullmatch(r"\d+\.\d{3}", told["resolution_m_px"])


@pytest.mark.parametrize(("yaw_deg", "red", "blue"), [("0", (10, 60), (110, 60)), ("90", (60, 110), (60, 10))])
def test_patch_turns_with_yaw(store: Path, tmp_path: Path, capsys, yaw_deg: str, red: tuple, blue: tuple) -> None:
    out = tmp_path / "patch.png"
    options = ["--yaw-deg", yaw_deg, "--size-m", "60", "--resolution", "0.5", "--out", str(out)]
    assert main(["patch", str(store), *place(*options)]) == 0
    text = capsys.readouterr().out
    assert "120 px" in text and "missing 0.000" in text and f"yaw {yaw_deg} deg" in text
    image = cv2.imread(str(out))[..., ::-1]
    assert image[red] == pytest.approx((255, 0, 0), abs=6)  # row, column
    assert image[blue] == pytest.approx((0, 0, 255), abs=6)


def test_patch_resolution_defaults_to_the_tiles_own(store: Path, tmp_path: Path, capsys) -> None:
    assert main(["patch", str(store), *place("--size-m", "40", "--out", str(tmp_path / "p.png"))]) == 0
    assert "99 px of 0.4044 m" in capsys.readouterr().out


def test_partly_missing_patch_says_so(store: Path, tmp_path: Path, capsys) -> None:
    assert main(["patch", str(store), *place("--size-m", "400", "--out", str(tmp_path / "p.png"))]) == 0
    missing = float(capsys.readouterr().out.rsplit("missing ", 1)[1])
    assert missing == pytest.approx(1 - 150 * 150 * np.cos(np.radians(LATITUDE)) / 400**2, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "none.mbtiles"], "none.mbtiles does not exist"),
        (["import", "none.tif", "out.mbtiles"], "none.tif does not exist"),
        (
            ["patch", "{store}", "--lat", "10", "--lon", "20", "--size-m", "50", "--out", "p.png"],
            "no imagery at 10.0, 20.0",
        ),
        (["patch", "{store}", "--lat", "91", "--lon", "20", "--size-m", "50", "--out", "p.png"], "not on the globe"),
        (["patch", "{store}", *place("--size-m", "-5", "--out", "p.png")], "give 1 to"),
        (["patch", "{store}", *place("--size-m", "50", "--out", "no/p.png")], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    store: Path, tmp_path: Path, monkeypatch, capsys, arguments, sentence
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(store=store) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("geoflow_ros.tiles: ") and sentence in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "geoflow_ros.tiles", "info", str(tmp_path / "none.mbtiles")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("geoflow_ros.tiles: tile store") and "Traceback" not in result.stderr
