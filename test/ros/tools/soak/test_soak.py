"""What `make soak` reckons, without a node."""

from __future__ import annotations

import random
import sqlite3
from itertools import islice
from pathlib import Path

import pytest

from geoflow_ros.ros.tools.soak.accounts import Accounts
from geoflow_ros.ros.tools.soak.damaged_files import DamagedFiles
from geoflow_ros.ros.tools.soak.faults import table
from geoflow_ros.ros.tools.soak.run import FILES, turns
from geoflow_ros.ros.tools.soak.soak_summary import worst_drift

WAYS = ("deleted", "truncated", "overwritten")


def test_every_fault_has_a_name_of_its_own_and_files_that_there_are() -> None:
    for faults in (table(), table(("front", "rear"))):
        assert len({each.name for each in faults}) == len(faults)
        assert {each.files for each in faults} <= {"", *FILES}
    assert len(table()) >= 60


def test_a_rig_loses_each_camera_and_all_but_each() -> None:
    off = {each.name: each.topics for each in table(("front", "rear")) if each.delays == ((),)}
    front, rear = "/front/image/compressed", "/rear/image/compressed"
    assert off["camera front off"] == (front,) and off["all cameras off but front"] == (rear,)


def test_the_node_is_restarted_in_the_first_round_only_so_that_it_grows_old() -> None:
    faults = table()
    twice = [*islice(turns(faults), 2 * len(faults))]
    assert twice[: len(faults)] == faults
    assert not any(each.restarts for each in twice[len(faults) :])


def test_what_a_killed_node_had_not_said_counts_as_sent_while_none_listened() -> None:
    accounts = Accounts()
    accounts.told(counted=2, sent=10, answered=8)
    accounts.gap(is_new=True, answered=9)  # of 3 more 1 was answered before the end, then came 5
    accounts.told(counted=0, sent=18, answered=9)  # which is configured, and hears nothing yet
    accounts.told(counted=1, sent=21, answered=11)  # it refused 1 and answered 2
    assert (accounts.refused, accounts.absent) == (3, 7)
    assert accounts.unaccounted(sent=25, answered=14) == 1  # 4 more sent, 3 answered


@pytest.mark.parametrize("how", WAYS)
def test_files_are_damaged_and_mended(tmp_path: Path, how: str) -> None:
    content = {tmp_path / name: random.Random(0).randbytes(size) for name, size in (("a.bin", 20_000), ("b.bin", 50))}
    for path, data in content.items():
        path.write_bytes(data)
    files = DamagedFiles(tmp_path, ("*.bin",))
    files.damage(how, random.Random(1))
    assert all(not path.exists() or path.read_bytes() != data for path, data in content.items())
    files.mend()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == content


def test_a_locked_file_cannot_be_written_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    files = DamagedFiles(tmp_path, ("a.db",))
    files.damage("locked", random.Random(0))
    reader = sqlite3.connect(path, timeout=0.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        reader.execute("INSERT INTO t VALUES (1)")
    files.mend()
    reader.execute("INSERT INTO t VALUES (1)")
    reader.close()


def test_drift_is_from_the_second_to_the_last_quarter_by_the_median_lap() -> None:
    laps = [50.0, 60.0, 100.0, 100.0, 100.0, 101.0, 110.0, 110.0]  # two warm up
    old = [(lap, value) for lap, value in enumerate(laps) for _ in range(10)]
    young = [(lap, 1000.0 * lap) for lap in range(7) for _ in range(10)]
    assert worst_drift([young, old], 0.5) == pytest.approx(0.1)
    assert worst_drift([young], 0.5) is None
