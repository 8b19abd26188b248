"""Tracks from the fixes of a bag, and TUM files whose datum is given."""

from pathlib import Path

import numpy as np
import pytest
from drive_folder import START_NS, TYPES, header, message
from rosbags.rosbag2 import StoragePlugin, Writer

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.tiles.tracks import read_track

FIX = "sensor_msgs/msg/NavSatFix"


def fix(second: float, latitude: float, longitude: float, status: int = 0):
    stamp = START_NS + round(second * 1e9)
    return stamp, message(
        FIX, header=header(stamp), status=message("sensor_msgs/msg/NavSatStatus", status=status, service=1),
        latitude=latitude, longitude=longitude, altitude=0.0, position_covariance=np.zeros(9),
        position_covariance_type=0,
    )  # fmt: skip


def bag(path: Path, topics: dict[str, list], storage: StoragePlugin = StoragePlugin.MCAP) -> Path:
    with Writer(path, version=9, storage_plugin=storage) as writer:
        for topic, fixes in topics.items():
            connection = writer.add_connection(topic, FIX, typestore=TYPES)
            for stamp, each in fixes:
                writer.write(connection, stamp, TYPES.serialize_cdr(each, FIX))
    return path


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_the_fixes_of_every_receiver_are_a_line(tmp_path: Path, storage: StoragePlugin) -> None:
    front = [fix(second, 48.0 + 1e-5 * second, 11.0) for second in range(4)]
    rear = [fix(second, 48.0, 11.1) for second in range(2)]
    lines = read_track(bag(tmp_path / "drive", {"/front": front, "/rear": rear}, storage))
    assert [line.tolist() for line in lines] == [
        [[11.0, pytest.approx(48.0 + 1e-5 * second, abs=1e-12)] for second in range(4)], [[11.1, 48.0]] * 2
    ]  # fmt: skip


def test_what_is_no_fix_is_left_out_and_a_leap_is_no_way(tmp_path: Path) -> None:
    fixes = [
        fix(0, 48.0, 11.0), fix(1, 48.0001, 11.0), fix(2, 48.5, 11.0, status=-1), fix(3, 0.0, 0.0),
        fix(4, float("nan"), 11.0), fix(5, 48.2, 11.0), fix(6, 48.0002, 11.0), fix(7, 48.0003, 11.0),
    ]  # fmt: skip
    lines = read_track(bag(tmp_path / "drive", {"/fix": fixes}))
    assert [line[:, 1].tolist() for line in lines] == [[48.0, 48.0001], [48.2], [48.0002, 48.0003]]


def test_bags_without_a_way_are_named(tmp_path: Path) -> None:
    lost = bag(tmp_path / "lost", {"/fix": [fix(0, 48.0, 11.0, status=-1)]})
    with pytest.raises(InputError, match="lost has no valid fix on /fix"):
        read_track(lost)
    with Writer(tmp_path / "none", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.add_connection("/camera_info", "sensor_msgs/msg/CameraInfo", typestore=TYPES)
    with pytest.raises(InputError, match="none has no topic of type sensor_msgs/NavSatFix"):
        read_track(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty cannot be opened as a ROS 2 bag"):
        read_track(tmp_path / "empty")


def test_a_datum_is_given_to_tum_and_to_nothing_else(tmp_path: Path) -> None:
    plain, stated = tmp_path / "plain.tum", tmp_path / "stated.tum"
    plain.write_text("0 0 0 0 0 0 0 1\n1 0 111.2 0 0 0 0 1\n")
    stated.write_text("# datum 47.0 8.0\n" + plain.read_text())
    (line,) = read_track(plain, Datum(0.0, 8.0))
    assert line[0] == pytest.approx([8.0, 0.0], abs=1e-9) and line[1] == pytest.approx([8.0, 0.001], abs=1e-5)
    assert read_track(stated, Datum(47.0, 8.0))[0][0] == pytest.approx([8.0, 47.0], abs=1e-9)
    with pytest.raises(InputError, match="has the datum .*47.0.* but .*48.0.* is given"):
        read_track(stated, Datum(48.0, 8.0))
    with pytest.raises(InputError, match="a datum is for TUM files"):
        read_track(tmp_path / "a.gpx", Datum(48.0, 8.0))
