"""Bags of recorders that were killed: without metadata, without the end of a file, with messages still in a log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from noise_bag import COUNT, read, write
from rosbags.rosbag2 import StoragePlugin

from geoflow_ros.bags.storage_files import END, MAGIC, CutMcap, is_cut, storage_files, to_open


def cut(folder: Path, keep: float, tail: bytes = b"") -> Path:
    """Keep a share of the only file of a bag."""
    file = next(folder.glob("*.mcap"))
    data = file.read_bytes()
    file.write_bytes(data[: round(keep * len(data))] + tail)
    return folder


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("left", ["nothing", "", "\x00" * 50, "rosbag2_bagfile_information: {version: 8}"])
def test_a_bag_is_read_without_its_metadata(tmp_path: Path, storage: StoragePlugin, left: str) -> None:
    folder = write(tmp_path / "bag", storage)
    (folder / "metadata.yaml").unlink()
    if left != "nothing":
        (folder / "metadata.yaml").write_text(left)
    seen, damage = read(folder)
    assert seen == {"/image": list(range(COUNT)), "/time": list(range(COUNT))} and str(damage) == ""
    assert read(next(file for file in folder.iterdir() if file.suffix != ".yaml"))[0] == seen


@pytest.mark.parametrize("has_metadata", [True, False])
@pytest.mark.parametrize(("keep", "tail"), [(0.3, b""), (0.71, b""), (0.71, bytes(5000)), (0.9995, b"")])
def test_a_cut_mcap_is_read_up_to_its_last_whole_chunk(
    tmp_path: Path, keep: float, tail: bytes, has_metadata: bool
) -> None:
    folder = cut(write(tmp_path / "bag", StoragePlugin.MCAP, compressed=True), keep, tail)
    if not has_metadata:
        (folder / "metadata.yaml").unlink()
    seen, damage = read(folder)
    kept = len(seen["/image"])
    assert seen["/image"] == list(range(kept)) and abs(len(seen["/time"]) - kept) <= 1
    assert keep - 0.25 < kept / COUNT <= keep + 0.01
    assert str(damage) == "bag.mcap was cut off, as when a recorder is killed: it is read up to there"


def test_of_several_files_only_the_last_was_cut(tmp_path: Path) -> None:
    whole, second = (write(tmp_path / name, StoragePlugin.MCAP) for name in ("bag", "second"))
    (cut(second, 0.5) / "second.mcap").rename(whole / "bag_1.mcap")
    (whole / "metadata.yaml").unlink()
    assert [type(each) for each in to_open(whole)] == [type(whole), CutMcap]
    seen, damage = read(whole)
    assert COUNT < len(seen["/image"]) < 2 * COUNT and "bag_1.mcap was cut off" in str(damage)


def test_messages_in_the_log_of_a_database_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", StoragePlugin.SQLITE3)
    database = sqlite3.connect(folder / "bag.db3")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO messages (topic_id, timestamp, data) SELECT topic_id, timestamp, data FROM messages")
    database.commit()
    mend = "sqlite3 bag.db3 'PRAGMA wal_checkpoint(TRUNCATE)' brings them in"
    assert str(read(folder)[1]) == f"the last messages are in bag.db3-wal, which is not read: {mend}"
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    seen, damage = read(folder)
    assert len(seen["/image"]) == 2 * COUNT and str(damage) == ""


def test_what_is_no_mcap_was_not_cut(tmp_path: Path) -> None:
    for index, data in enumerate((b"", MAGIC[:4], b"PK" + bytes(100), MAGIC + END)):
        file = tmp_path / f"{index}.mcap"
        file.write_bytes(data)
        assert not is_cut(file)
    assert storage_files(tmp_path / "nowhere") == []
