"""Files are there whole, or as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_disk import disk_of

from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.whole_files import write_json, write_text


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Straße\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "Straße\r\n".encode()
    write_json(tmp_path / "a.json", {"b": [1]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.txt"]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, ["x" * 5000]),
        lambda path: write_tum(path, range(500), [PlanarPose()] * 500, None),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_is_one_sentence(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with disk_of(1024), pytest.raises(InputError, match="out cannot be written: File too large"):
        write(path)
    assert path.read_text() == "old" and len([*tmp_path.iterdir()]) == 1


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "a")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "a"
    write_text(Path("/dev/stderr"), "b\n")
    assert capfd.readouterr().err == "b\n"
