"""The exported KITTI and VIGOR layouts, checked against the protocols' own arithmetic and PROJ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from pyproj import Geod
from town_support import PLAIN_LOOK, draws

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.town.export_kitti import CAMERA
from geoflow_ros.town.world import Town

GEOD = Geod(ellps="WGS84")
VIGOR_RESOLUTION = {"NewYork": 0.113248, "Seattle": 0.100817, "SanFrancisco": 0.118141, "Chicago": 0.111262}
SEED = 10_020


@pytest.fixture(scope="module", autouse=True)
def towns_made_once() -> Iterator[None]:
    """Both exports are of the same few towns, at places of their own."""
    made = cache(Town.generate)

    def generate(seed: int, datum: Datum | None = None) -> Town:
        return replace(made(seed), **({"datum": datum} if datum else {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Town, "generate", generate)
        yield


@pytest.fixture(scope="module")
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from geoflow_ros.town.export_kitti import export_kitti

    out = tmp_path_factory.mktemp("town") / "kitti"
    export_kitti(out, SEED, 1)
    return out


@draws
def test_kitti_lists_point_at_complete_frames(kitti: Path) -> None:
    lists = {name: (kitti / f"{name}_files.txt").read_text().splitlines() for name in ("train", "test1", "test2")}
    assert {name: len(lines) for name, lines in lists.items()} == {"train": 1, "test1": 1, "test2": 1}
    assert len(lists["train"][0].split()) == 1
    for line in (*lists["test1"], *lists["test2"]):
        assert all(-1.0 <= float(value) <= 1.0 for value in line.split()[1:]) and len(line.split()) == 4
    paths = [line.split()[0] for lines in lists.values() for line in lines]
    assert len(set(paths)) == 3
    for path in paths:
        assert path[10] == "/" and path[37] == "/"
        date, drive, name = path[:10], path[:38], path[38:]
        ground = cv2.imread(str(kitti / "raw_data" / drive / "image_02" / "data" / name.lower()))
        satellite = cv2.imread(str(kitti / "satmap" / drive / name))
        oxts = (kitti / "raw_data" / drive / "oxts" / "data" / name.lower().replace(".png", ".txt")).read_text().split()
        assert ground.shape == (375, 1242, 3) and satellite.shape == (1280, 1280, 3)
        assert len(oxts) == 30
        assert (kitti / "raw_data" / date / "calib_cam_to_cam.txt").is_file()
    assert lists["train"][0][:38] == lists["test1"][0][:38] != lists["test2"][0][:38]


@draws
def test_kitti_calibration_is_the_rendered_camera(kitti: Path) -> None:
    text = (kitti / "raw_data" / "2011_09_26" / "calib_cam_to_cam.txt").read_text()
    line = next(line for line in text.splitlines() if line.startswith("P_rect_02:"))
    projection = np.array([float(value) for value in line.split()[1:]]).reshape(3, 4)
    assert projection[:, :3] == pytest.approx(CAMERA.matrix, rel=1e-5)


@draws
def test_kitti_satellite_image_is_centred_on_the_oxts_position(kitti: Path) -> None:
    from geoflow_ros.town.render import Renderer

    path = (kitti / "train_files.txt").read_text().split()[0]
    fields = (kitti / "raw_data" / path[:38] / "oxts" / "data" / path[38:].replace(".png", ".txt")).read_text().split()
    town, renderer = Town.generate(SEED), Renderer()
    renderer.load(town)
    east, north, _ = LocalFrame(town.datum).to_enu(float(fields[0]), float(fields[1]))
    stored = cv2.cvtColor(cv2.imread(str(kitti / "satmap" / path)), cv2.COLOR_BGR2GRAY)[384:896, 384:896]
    rendered = renderer.orthophoto(float(east), float(north), 512 * 0.1958285, 512, PLAIN_LOOK)
    grey = cv2.cvtColor(rendered, cv2.COLOR_RGB2GRAY).astype(np.float32)
    window = cv2.createHanningWindow((512, 512), cv2.CV_32F)
    (du, dv), response = cv2.phaseCorrelate(stored.astype(np.float32), grey, window)
    assert response > 0.05
    assert math.hypot(du, dv) < 3.0


@pytest.fixture(scope="module")
def vigor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from geoflow_ros.town import export_vigor

    out = tmp_path_factory.mktemp("town") / "vigor"
    with pytest.MonkeyPatch.context() as patch:
        small = export_vigor.CameraModel.panorama(256, 128, export_vigor.PANORAMA.mount)
        patch.setattr(export_vigor, "PANORAMA", small)
        export_vigor.export_vigor(out, SEED, 1)
    return out


@draws
@pytest.mark.parametrize("city", sorted(VIGOR_RESOLUTION))
@pytest.mark.parametrize("suffix", ["", "__corrected"])
def test_vigor_labels_agree_with_the_positions_in_the_names(vigor: Path, city: str, suffix: str) -> None:
    folder = vigor / f"splits{suffix}" / city
    satellites = (folder / "satellite_list.txt").read_text().split()
    rows = []
    for name in ("same_area_balanced_train", "same_area_balanced_test", "pano_label_balanced"):
        lines = (folder / f"{name}{suffix}.txt").read_text().splitlines()
        assert len(lines) == 1
        rows += lines
    assert rows[0] != rows[1]
    for row in rows:
        fields = row.split()
        assert len(fields) == 13
        assert (vigor / city / "panorama" / fields[0]).is_file()
        _, lat, lon, ending = fields[0].split(",")
        assert ending == ".jpg"
        distances = []
        for index in range(1, 13, 3):
            satellite, drow, dcol = fields[index], float(fields[index + 1]), float(fields[index + 2])
            assert satellite in satellites
            assert cv2.imread(str(vigor / city / "satellite" / satellite)).shape == (640, 640, 3)
            sat_lat, sat_lon = satellite.removesuffix(".png").split("_")[1:]
            azimuth, _, metres = GEOD.inv(float(sat_lon), float(sat_lat), float(lon), float(lat))
            pixels = metres / VIGOR_RESOLUTION[city]
            column = 320.0 + pixels * math.sin(math.radians(azimuth))
            line = 320.0 - pixels * math.cos(math.radians(azimuth))
            assert (320.0 - dcol, 320.0 + drow) == pytest.approx((column, line), abs=0.5)
            assert max(abs(drow), abs(dcol)) < 320.0
            distances.append(math.hypot(drow, dcol))
        assert distances == sorted(distances)
        assert len({fields[index] for index in range(1, 13, 3)}) == 4


@draws
def test_vigor_cities_are_four_towns(vigor: Path) -> None:
    lists = [vigor / "splits" / city / "pano_label_balanced.txt" for city in VIGOR_RESOLUTION]
    assert len({path.read_text().split(",")[0] for path in lists}) == 4
