"""tiles align: a planted offset of 3 m is found on the demo's drive, stored, and made up for by whoever reads."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from drive_folder import DATUM, write_tiles
from read_only import read_only

from geoflow_ros.align import drive_differences
from geoflow_ros.align.stored import store_offset
from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.resources import share_file
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import ImageryOffset
from geoflow_ros.tiles.__main__ import main
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig

EAST, NORTH = 1.8, -2.4


def moved_datum() -> list[str]:
    """The demo's map, whose truth is in metres from its datum, moved on the ground so that imagery lies beside it."""
    stated = json.loads((share_file("demo") / "drive.json").read_text())["datum"]
    latitude, longitude, _ = LocalFrame(Datum(**stated)).to_geodetic([-EAST, -NORTH])
    return ["-p", f"datum.latitude:={float(latitude)!r}", "-p", f"datum.longitude:={float(longitude)!r}"]


def truth_of(folder: Path) -> Path:
    """The demo's truth without the datum that it states."""
    lines = (share_file("demo") / "truth.tum").read_text().splitlines()
    (folder / "truth.tum").write_text("\n".join(line for line in lines if not line.startswith("#")) + "\n")
    return folder / "truth.tum"


def test_a_planted_offset_is_found_and_stored(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(drive_differences, "MAX_FRAMES", 42)
    tiles = tmp_path / "tiles.mbtiles"
    shutil.copy(share_file("demo") / "tiles.mbtiles", tiles)
    drive = [str(share_file("demo") / "drive"), "--tiles", str(tiles), "--truth", str(truth_of(tmp_path))]
    assert main(["align", *drive, *moved_datum(), "-p", "runtime:=torch", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert np.hypot(facts["east_m"] - EAST, facts["north_m"] - NORTH) < 0.25  # in 25 s; 0.2 m on drives of a kilometre
    assert facts["stored"] and facts["std_m"] < 0.25
    assert main(["info", str(tiles), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["imagery_offset"] == {
        "east": facts["east_m"], "north": facts["north_m"], "std": facts["std_m"]
    }  # fmt: skip


def test_frames_are_compared_where_the_vehicle_was_when_they_were_exposed() -> None:
    drive = drive_differences.Drive(share_file("demo") / "drive", {}, None)

    def stamps(delay: float) -> list[int]:
        sensors = drive_differences.ReferenceSensors(SessionConfig(), {ONE: CameraSetup(delay=delay)})
        return [stamp_ns(image.header.stamp) for image in drive_differences._images(drive, sensors)]

    assert stamps(0.3) == [stamp - 300_000_000 for stamp in stamps(0.0)]


@pytest.mark.parametrize("suffix", [".mbtiles", ".pmtiles", ""])
def test_every_reader_makes_up_for_a_stored_offset(tmp_path: Path, suffix: str) -> None:
    """The white spot is drawn 20 m east, 30 m north; imagery 5 m too far east and 2 m too far south shows that."""
    first = tmp_path / "first.mbtiles"
    write_tiles(first)
    store_offset(first, ImageryOffset(5.0, -2.0, 0.1))
    path = tmp_path / f"tiles{suffix}"
    assert main(["export", str(first), str(path)]) == 0
    patch = SatelliteMap(open_store(path)).patch(LocalFrame(DATUM), (15.0, 32.0), 0.3, 81, 0.25)
    row, column = np.unravel_index(patch.image[..., 0].argmax(), patch.image.shape[:2])
    assert (row, column) == (40, 40)
    assert open_store(path).imagery_offset == ImageryOffset(5.0, -2.0, 0.1)


def test_a_folder_keeps_what_it_said_of_itself(tmp_path: Path, capsys) -> None:
    write_tiles(tmp_path / "a.mbtiles")
    folder = tmp_path / "folder"
    assert main(["export", str(tmp_path / "a.mbtiles"), str(folder)]) == 0
    store_offset(folder, ImageryOffset(1.0, 2.0, 0.1))
    assert json.loads((folder / "metadata.json").read_text())["name"] == "test"
    capsys.readouterr()
    assert main(["info", str(folder)]) == 0
    assert "1.00 m east, 2.00 m north, +- 0.10 m" in capsys.readouterr().out


@pytest.mark.parametrize("said", ['{"name": "a", "name": "b"}', '["layers"]', '{"name": "a"', '{"scale": NaN}'])
def test_what_a_folder_says_of_itself_in_other_words_is_not_lost(tmp_path: Path, capsys, said: str) -> None:
    write_tiles(tmp_path / "a.mbtiles")
    folder = tmp_path / "folder"
    assert main(["export", str(tmp_path / "a.mbtiles"), str(folder)]) == 0
    (folder / "metadata.json").write_text(said)
    assert open_store(folder).attribution == ""  # for reading tiles it is not needed
    assert main(["align", str(share_file("demo") / "drive"), "--tiles", str(folder)]) == 2
    assert "an offset" in (told := capsys.readouterr().err) and told.rstrip().endswith(": mend it")
    with pytest.raises(InputError, match="mend it"):
        store_offset(folder, ImageryOffset(1.0, 2.0, 0.1))
    assert (folder / "metadata.json").read_text() == said


def test_where_nothing_can_be_stored_no_drive_is_played(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    write_tiles(folder / "a.mbtiles")
    assert main(["export", str(folder / "a.mbtiles"), str(folder / "a.pmtiles")]) == 0
    drive = str(share_file("demo") / "drive")
    assert main(["align", drive, "--tiles", str(folder / "a.pmtiles")]) == 2
    assert "make an MBTiles file of it with tiles export" in capsys.readouterr().err
    (folder / "a.mbtiles").chmod(0o444)
    with read_only(folder):
        assert main(["align", drive, "--tiles", str(folder / "a.mbtiles")]) == 2
    assert "is read-only: copy it" in capsys.readouterr().err


def test_what_a_bag_lacks_is_said_before_the_network_is_loaded(tmp_path: Path, monkeypatch, capsys) -> None:
    write_tiles(tmp_path / "a.mbtiles")
    monkeypatch.setattr(drive_differences, "load_model", lambda *_: pytest.fail("the network is loaded first"))
    drive = [str(share_file("demo") / "drive"), "--tiles", str(tmp_path / "a.mbtiles"), "--dry-run"]
    assert main(["align", *drive, "--topic", "fix:="]) == 2
    assert "the bag has no fix (a topic of type sensor_msgs/msg/NavSatFix)" in capsys.readouterr().err


def test_metadata_that_are_no_offset_are_named(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.mbtiles"
    write_tiles(path)
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO metadata VALUES ('imagery_offset', '3 m east')")
    assert main(["info", str(path)]) == 2
    assert "a.mbtiles has imagery_offset '3 m east' in its metadata: expected the like of" in capsys.readouterr().err
