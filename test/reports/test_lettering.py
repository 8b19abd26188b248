"""Whose imagery it is stands on every picture, as small as it takes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import textured_tiles as textured

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.reports.lettering import printable, write_credit
from geoflow_ros.reports.trajectory_plot import plot_trajectory
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tiles.__main__ import main

HTML = '&copy; <a href="https://example.org">M\u00fcller &amp; Co</a>'


def inked(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of what is not black."""
    return np.nonzero(image.any(axis=2))


@pytest.mark.parametrize(("width", "credit"), [(400, "(C) Makers"), (120, "(C) Makers, and many others, of all lands")])
def test_a_credit_stands_in_the_lower_right_corner_and_fits(width: int, credit: str) -> None:
    image = np.zeros((100, width, 3), np.uint8)
    write_credit(image, credit)
    rows, columns = inked(image)
    assert rows.min() > 75 and rows.max() < 98
    assert columns.min() >= 2 and columns.max() < width - 3
    assert columns.max() > width - 14


def test_without_a_credit_nothing_is_written() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    write_credit(image, "")
    assert not image.any()


def test_letters_that_cannot_be_drawn_become_those_that_can() -> None:
    assert printable("\u00a9 M\u00fcller & Co") == "(C) Muller & Co"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same tiles with and without an attribution."""
    folder = tmp_path_factory.mktemp("credited")
    paths = {name: folder / f"{name}.mbtiles" for name in ("credited", "plain")}
    for name, path in paths.items():
        with MBTilesWriter(path, name, "png", attribution=HTML if name == "credited" else None) as writer:
            for tile, data in textured.tiles().items():
                writer.add(*tile, data)
    return paths


def test_a_patch_is_credited_on_its_picture_only(places: dict[str, Path], tmp_path: Path) -> None:
    west, south, east, north = open_store(places["plain"]).bounds
    middle = ["--lat", str((south + north) / 2), "--lon", str((west + east) / 2), "--size-m", "150"]
    pictures = {}
    for name, path in places.items():
        assert main(["patch", str(path), *middle, "--resolution", "0.5", "--out", str(tmp_path / f"{name}.png")]) == 0
        pictures[name] = cv2.imread(str(tmp_path / f"{name}.png")).astype(int)
    rows, columns = inked((pictures["credited"] != pictures["plain"]).astype(np.uint8))
    assert rows.min() > 270 and columns.max() > 285
    patch = SatelliteMap(open_store(places["credited"])).patch_at((south + north) / 2, (west + east) / 2, 0.0, 150, 0.5)
    assert patch.credit == "\u00a9 M\u00fcller & Co"
    assert (patch.image[..., ::-1] == pictures["plain"]).all()


def test_a_trajectory_is_credited(places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    drawn: list[str] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: drawn.extend(text.get_text() for text in self.texts))
    satellite = SatelliteMap(open_store(places["credited"]))
    west, south, east, north = satellite.store.bounds
    frame = LocalFrame(Datum((south + north) / 2, (west + east) / 2))
    way = np.array([[0.0, 0.0], [30.0, 10.0]])
    plot_trajectory(tmp_path / "a.png", way, way, way, satellite, frame)
    monkeypatch.undo()
    assert drawn == ["\u00a9 M\u00fcller & Co"]
