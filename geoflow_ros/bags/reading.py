"""ROS 2 bags, read without ROS, damaged ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoflow_ros.bags.storage_files import STORAGES, CutMcap, storage_files, to_open
from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader
    from rosbags.interfaces import Connection

STEP_NS = 10_000_000
"""How near the end of a damaged place reading goes on."""


class Damage:
    """What of a bag could not be read.

    undecodable: messages by topic. lost_s: seconds of each damaged place. ends: what lacks the end of the recording.
    """

    def __init__(self) -> None:
        self.undecodable: Counter[str] = Counter()
        self.lost_s: list[float] = []
        self.ends: list[str] = []

    def __str__(self) -> str:
        """What is missing; empty where nothing is."""
        parts = []
        if self.undecodable:
            topics = ", ".join(f"{topic} {count}" for topic, count in self.undecodable.most_common())
            parts.append(f"{self.undecodable.total()} messages cannot be decoded and are left out ({topics})")
        if self.lost_s:
            parts.append(f"{sum(self.lost_s):.2f} s at {len(self.lost_s)} damaged places are left out")
        return "; ".join(parts + self.ends)

    def look_at(self, paths: Sequence[Any]) -> None:
        """Note which of the opened files were not closed by their recorder."""
        self.ends = [each for each in map(_missing_end, paths) if each]


def _missing_end(path: Any) -> str:
    if isinstance(path, CutMcap):
        return f"{path.path.name} was cut off, as when a recorder is killed: it is read up to there"
    logs = [file.with_name(f"{file.name}-wal") for file in storage_files(path)]
    logs = [log for log in logs if log.is_file() and log.stat().st_size]
    if not logs:
        return ""
    mend = f"sqlite3 {logs[0].name.removesuffix('-wal')} 'PRAGMA wal_checkpoint(TRUNCATE)'"
    return f"the last messages are in {logs[0].name}, which is not read: {mend} brings them in"


@contextmanager
def open_bag(path: Path) -> Iterator[AnyReader]:
    """The open reader of a ROS 2 bag, a folder or a file; the InputError of one that cannot be opened names a remedy.

    What a recorder left that was killed, without metadata.yaml or the end of an mcap file, is read as far as it goes.
    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError:
        raise InputError(f"reading bags needs rosbags: {install_hint('bags')}") from None
    _check_folder(path)
    try:
        # Bags of ROS 2 Humble carry no message definitions: these are the standard ones.
        reader = AnyReader(to_open(path), default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
        if not reader.connections and any(isinstance(each, CutMcap) for each in reader.paths):
            raise ValueError("it was cut off before its first topic")
    except Exception as error:  # beside its own, rosbags lets through those of SQLite, zstd, YAML and struct
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path} cannot be opened as a ROS 2 bag ({reason}): {_remedy(path)}") from error
    try:
        yield reader
    finally:
        reader.close()


def read_messages(
    reader: AnyReader,
    connections: Sequence[Connection],
    damage: Damage,
    start: int | None = None,
    stop: int | None = None,
) -> Iterator[tuple[Connection, int, Any]]:
    """Connection, time of recording (ns) and message of all that can be read, in order; the rest goes to `damage`."""
    damage.look_at(reader.paths)
    for connection, recorded, data in _read_data(reader, connections, damage, start, stop):
        try:
            message = reader.deserialize(data, connection.msgtype)
        except Exception:  # of damaged bytes rosbags raises its own, NumPy's and struct's
            damage.undecodable[connection.topic] += 1
        else:
            yield connection, recorded, message


def _read_data(
    reader: AnyReader, connections: Sequence[Connection], damage: Damage, start: int | None, stop: int | None
) -> Iterator[tuple[Connection, int, bytes]]:
    """As `read_messages`, not decoded; after a damaged place reading starts anew."""
    if not connections:
        return  # rosbags would read all
    end = reader.end_time if stop is None else min(stop, reader.end_time)
    broken_at: int | None = None
    while start is None or start < end:
        last = max(reader.start_time, start or 0)
        try:
            for connection, recorded, data in reader.messages(connections, start=start, stop=stop):
                if broken_at is not None:
                    damage.lost_s.append((recorded - broken_at) * 1e-9)
                    broken_at = None
                last = recorded
                yield connection, recorded, data
            break
        except Exception:  # what a damaged chunk or page makes of it: of rosbags, SQLite, zstd, lz4, struct
            broken_at = last if broken_at is None else broken_at
            start = _readable_from(reader, connections, last, end)
    if broken_at is not None:
        damage.lost_s.append((end - broken_at) * 1e-9)


def _readable_from(reader: AnyReader, connections: Sequence[Connection], broken_at: int, end: int) -> int:
    """The time (ns, to STEP_NS) after a damaged place from which a message can be read, `end` if from none."""
    bad, step = broken_at, STEP_NS
    while not _is_readable(reader, connections, bad + step):
        bad, step = bad + step, 2 * step
        if bad >= end:
            return end
    good = bad + step
    while good - bad > STEP_NS:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _is_readable(reader, connections, middle) else (good, middle)
    return good


def _is_readable(reader: AnyReader, connections: Sequence[Connection], start: int) -> bool:
    try:
        next(reader.messages(connections, start=start), None)
    except Exception:  # see _read_data
        return False
    return True


def check_exists(path: Path) -> None:
    """An InputError where there is no such file or folder."""
    if not path.exists():
        raise InputError(f"{path} cannot be opened as a ROS 2 bag: it does not exist")


def _check_folder(path: Path) -> None:
    if path.suffix == ".bag":
        raise InputError(f"{path} is a ROS 1 bag: convert it with rosbags-convert --src {path} --dst {path.stem}")
    check_exists(path)
    if not path.is_dir() or (path / "metadata.yaml").is_file() or storage_files(path):
        return
    packed = next((f": unpack its files with unzstd {path}/*.zstd" for _ in path.glob("*.zstd")), "")
    raise InputError(
        f"{path} cannot be opened as a ROS 2 bag: it holds no metadata.yaml and no .mcap or .db3 file{packed}"
    )


def _remedy(path: Path) -> str:
    """The commands that mend a damaged bag, or one that has lost a file."""
    files = storage_files(path)
    if any(not file.exists() for file in files):
        return f"bring the missing file back, or go on without it: ros2 bag reindex {path}, or remove metadata.yaml"
    if not files or files[0].suffix not in STORAGES:
        return "give the folder of a bag, or its .mcap or .db3 file"
    if files[0].suffix == ".mcap":
        return f"mend a damaged file with mcap recover {files[0].name} -o whole.mcap, and give that"
    return f"mend a damaged file with sqlite3 {files[0].name} .recover | sqlite3 whole.db3, and give that"
