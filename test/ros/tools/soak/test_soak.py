"""What `make soak` reckons, without a node."""

from __future__ import annotations

import random
import sqlite3
from itertools import islice
from pathlib import Path

import pytest

from geoflow_ros.ros.tools.soak.accounts import Accounts, Told
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
    accounts.told(Told(received=10, refused=2, answered=8), sent=10, answered=8, is_rest=True)
    accounts.told(Told(received=12, refused=3, answered=9), sent=13, answered=9, is_rest=False)
    accounts.gap(is_new=True)  # of 4 more 2 were answered before the end, then came 5
    accounts.told(
        Told(received=0, refused=0, answered=0), sent=22, answered=11, is_rest=True
    )  # which hears nothing yet
    accounts.told(Told(received=5, refused=1, answered=2), sent=29, answered=13, is_rest=False)
    assert accounts.unaccounted(sent=30, answered=13) == 2  # which are in work
    accounts.told(Told(received=7, refused=2, answered=5), sent=31, answered=16, is_rest=True)
    assert (accounts.refused, accounts.absent, accounts.unaccounted(sent=31, answered=16)) == (5, 10, 0)


def test_what_a_stopped_node_loses_of_what_it_received_is_not_excused() -> None:
    """It hears 2 of 9 sent meanwhile, and answers 1 of them."""
    accounts = Accounts()
    accounts.told(Told(received=10, refused=2, answered=8), sent=10, answered=8, is_rest=True)
    accounts.gap(is_new=False)
    accounts.told(Told(received=12, refused=2, answered=9), sent=19, answered=9, is_rest=True)
    assert (accounts.absent, accounts.unaccounted(sent=19, answered=9)) == (7, 1)


def test_what_a_node_that_listens_never_received_is_not_excused() -> None:
    accounts = Accounts()
    accounts.told(Told(received=10, refused=2, answered=8), sent=10, answered=8, is_rest=True)
    accounts.told(Told(received=15, refused=2, answered=13), sent=18, answered=13, is_rest=True)
    assert (accounts.absent, accounts.unaccounted(sent=18, answered=13)) == (0, 3)


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
