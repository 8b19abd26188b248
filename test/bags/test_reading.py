"""Bags as recorders leave them: damaged, cut off, without their metadata."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from noise_bag import COUNT, image, read, write
from rosbags.rosbag2 import StoragePlugin

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.errors import InputError

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_a_whole_bag_has_no_damage(tmp_path: Path, storage: StoragePlugin) -> None:
    seen, damage = read(write(tmp_path / "bag", storage))
    assert seen == {"/image": list(range(COUNT)), "/time": list(range(COUNT))} and str(damage) == ""


def test_messages_that_are_cut_short_are_counted_by_topic(tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", StoragePlugin.SQLITE3)
    with sqlite3.connect(next(folder.glob("*.db3"))) as database:
        database.execute("UPDATE messages SET data = substr(data, 1, 9) WHERE id IN (3, 5, 8)")  # images 1, 2, time 3
        database.execute("UPDATE messages SET data = X'' WHERE id = 7")  # image 3
    database.close()
    seen, damage = read(folder)
    assert seen == {"/image": [0, *range(4, COUNT)], "/time": [0, 1, 2, *range(4, COUNT)]}
    assert damage.undecodable == {"/image": 3, "/time": 1}
    assert str(damage) == "4 messages cannot be decoded and are left out (/image 3, /time 1)"


def starts_of_chunks(data: bytes) -> list[int]:
    """Where the compressed chunks of an mcap begin."""
    found = [data.find(ZSTD_MAGIC)]
    while found[-1] >= 0:
        found.append(data.find(ZSTD_MAGIC, found[-1] + 1))
    return found[:-1]


def damaged(tmp_path: Path, which: list[int]) -> tuple[Path, int]:
    """An mcap with some of its chunks overwritten, and how many it has."""
    folder = write(tmp_path / "bag", StoragePlugin.MCAP, compressed=True)
    file = next(folder.glob("*.mcap"))
    data = bytearray(file.read_bytes())
    starts = starts_of_chunks(bytes(data))
    assert len(starts) >= 4
    for index in which:
        data[starts[index] : starts[index] + 40] = bytes(40)
    file.write_bytes(data)
    return folder, len(starts)


@pytest.mark.parametrize("which", [[0], [2], [1, 3]])
def test_damaged_chunks_of_an_mcap_are_left_out(tmp_path: Path, which: list[int]) -> None:
    folder, chunks = damaged(tmp_path, which)
    seen, damage = read(folder)
    share = len(seen["/image"]) / COUNT
    assert share == pytest.approx(1 - len(which) / chunks, abs=0.3 / chunks)
    assert seen["/image"] == sorted(seen["/image"])
    assert len(damage.lost_s) == len(which)
    assert sum(damage.lost_s) == pytest.approx(8.0 * (1 - share), abs=0.25 * len(which))
    assert f"at {len(which)} damaged places are left out" in str(damage)


def test_nothing_comes_after_a_damaged_end(tmp_path: Path) -> None:
    folder, chunks = damaged(tmp_path, [-1])
    seen, damage = read(folder)
    kept = len(seen["/image"])
    assert seen["/image"] == list(range(kept)) and 1 - 1.1 / chunks < kept / COUNT < 1.0
    assert damage.lost_s == [pytest.approx(0.1 * (COUNT - kept), abs=0.11)]


def test_bags_that_cannot_be_opened_name_the_command(tmp_path: Path) -> None:
    mcap, db3 = (write(tmp_path / name, storage) for name, storage in zip(("m", "s"), StoragePlugin, strict=True))
    if not list(mcap.glob("*.mcap")):
        mcap, db3 = db3, mcap
    file = next(mcap.glob("*.mcap"))
    file.write_bytes(b"PK" + file.read_bytes()[2:])
    file = next(db3.glob("*.db3"))
    data = bytearray(file.read_bytes())
    page = bytes(data).index(image(40).data.tobytes()[2000:2100]) // 4096 * 4096
    data[page : page + 4096] = b"\xff" * 4096  # the chain of pages of image 40 leads nowhere
    file.write_bytes(data)
    empty, lost, ros1 = tmp_path / "empty", write(tmp_path / "lost", StoragePlugin.MCAP), tmp_path / "old.bag"
    empty.mkdir()
    ros1.write_bytes(b"#ROSBAG V2.0\n")
    next(lost.glob("*.mcap")).unlink()
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "packed_0.mcap.zstd").write_bytes(ZSTD_MAGIC)
    cases = {
        f"mcap recover {mcap.name}.mcap -o whole.mcap, and give": mcap,
        f"sqlite3 {db3.name}.db3 .recover": db3,
        "no metadata.yaml and no .mcap": empty,
        "missing.*bring the missing file back.* remove metadata.yaml": lost,
        "no .mcap or .db3 file: unpack its files with unzstd": packed,
        "ROS 1 bag: convert it with rosbags-convert --src": ros1,
        "does not exist": tmp_path / "nowhere",
    }
    for sentence, path in cases.items():
        with pytest.raises(InputError, match=sentence) as caught, open_bag(path):
            pass
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_metadata_of_another_kind(tmp_path: Path) -> None:
    listed = "rosbag2_bagfile_information: {version: 99, relative_file_paths: [x.mcap]}"
    for text in ("", "a: [", "rosbag2_bagfile_information: {version: 99}", "\x00", listed):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        (folder / "metadata.yaml").write_text(text)
        with pytest.raises(InputError, match="cannot be opened as a ROS 2 bag"), open_bag(folder):
            pass
