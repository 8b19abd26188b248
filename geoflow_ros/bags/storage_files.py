"""The files of a bag, as rosbags is given them: also those that a recorder left behind when it was killed."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from geoflow_ros.errors import InputError
from geoflow_ros.structured_text import read_yaml

STORAGES = (".mcap", ".db3")
MAGIC = b"\x89MCAP0\r\n"
FOOTER, RECORD = 0x02, struct.Struct("<BQ")
"""The footer's operation code, and what every record begins with: operation code, bytes that follow."""
END = RECORD.pack(FOOTER, 20) + bytes(20) + MAGIC
"""Of a file that has no summary: readers look through all of it."""


class CutMcap:
    """The path of an mcap file without its end, that reads as if it had been closed after its last whole record.

    It is what rosbags asks of paths; nothing is written or copied.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stem, self.suffix = path.stem, path.suffix

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, key: PurePath | str) -> CutMcap:
        return CutMcap(self.path / key)

    def exists(self) -> bool:
        """As of the file."""
        return self.path.exists()

    def is_dir(self) -> bool:
        """It is a file."""
        return False

    def read_text(self, encoding: str | None = None) -> str:
        """As of the file."""
        return self.path.read_text(encoding)

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """As of the file."""
        return self.path.stat(follow_symlinks=follow_symlinks)

    def open(self, *_: Any, **__: Any) -> BinaryIO:
        """The file, ended, for reading."""
        file = self.path.open("rb")
        return io.BufferedReader(_Ended(file, _whole_bytes(file)))


class _Ended(io.RawIOBase):
    """The first `whole` bytes of a file, and the end of an mcap file."""

    def __init__(self, file: BinaryIO, whole: int) -> None:
        self._file, self._whole, self._at = file, whole, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._whole + len(END)}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer)
        if self._at < self._whole:
            self._file.seek(self._at)
            data = self._file.read(min(wanted, self._whole - self._at))
        else:
            data = END[self._at - self._whole :][:wanted]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _whole_bytes(file: BinaryIO) -> int:
    """Bytes of an mcap file up to the end of its last whole record of data."""
    size, at = file.seek(0, io.SEEK_END), len(MAGIC)
    while at + RECORD.size <= size:
        file.seek(at)
        code, length = RECORD.unpack(file.read(RECORD.size))
        # A disk that lost its power leaves zeros; of no use without its end is the summary, which the footer follows.
        if code in (0, FOOTER) or at + RECORD.size + length > size:
            break
        at += RECORD.size + length
    return at


def is_cut(file: Path) -> bool:
    """Whether an mcap file begins as one and does not end as one."""
    if file.suffix != ".mcap" or not file.is_file() or file.stat().st_size < len(MAGIC):
        return False
    with file.open("rb") as opened:
        begins = opened.read(len(MAGIC)) == MAGIC
        opened.seek(-len(MAGIC), io.SEEK_END)
        return begins and opened.read() != MAGIC


def storage_files(path: Path) -> list[Path]:
    """The files of a bag that hold messages: those that its metadata lists, else all that are there."""
    if path.is_file():
        return [path]
    listed = _listed(path / "metadata.yaml")
    if listed is not None:
        return [path / PurePath(str(name)).name for name in listed]
    return sorted(file for file in path.iterdir() if file.suffix in STORAGES) if path.is_dir() else []


def to_open(path: Path) -> list[Any]:
    """What rosbags is to open: the folder, or its files where the metadata or the end of one is missing."""
    files = storage_files(path)
    if not files or (_listed(path / "metadata.yaml") is not None and not any(map(is_cut, files))):
        return [path]
    return [CutMcap(file) if is_cut(file) else file for file in files]


def _listed(metadata: Path) -> Sequence[Any] | None:
    """The files that a metadata.yaml names; None where there is none, or an empty or damaged one."""
    try:
        information = read_yaml(metadata)["rosbag2_bagfile_information"]
        listed = information["relative_file_paths"]
    except (OSError, ValueError, TypeError, KeyError, InputError):
        return None
    return listed if isinstance(listed, list) else None
