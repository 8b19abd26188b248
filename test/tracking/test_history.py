"""The last seconds of a stream, at their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from geoflow_ros.tracking.history import FIRST_ROOM, JUMP_NS, KEPT_NS, MOST, History, NumberHistory, share_of_second


@dataclass(frozen=True)
class Item:
    stamp_ns: int
    name: str = ""


def history(*stamps: int) -> History[Item]:
    kept = History[Item]()
    for stamp in stamps:
        kept.add(Item(stamp))
    return kept


def stamps(items: object) -> list[int]:
    return [each.stamp_ns for each in items]  # type: ignore[attr-defined]


def test_items_are_kept_in_order_of_time_for_five_seconds() -> None:
    assert stamps(history(30, 10, 20)) == [10, 20, 30]
    assert stamps(history(0, KEPT_NS)) == [0, KEPT_NS]
    assert stamps(history(0, 1, KEPT_NS + 1)) == [1, KEPT_NS + 1]


def test_only_a_jump_back_of_more_than_a_second_forgets_what_was_before() -> None:
    assert stamps(history(JUMP_NS + 5, 5)) == [5, JUMP_NS + 5]
    assert stamps(history(JUMP_NS + 5, 4)) == [4]


def test_the_later_of_two_of_one_stamp_is_the_newest() -> None:
    kept = History[Item]()
    kept.add(Item(1, "first"))
    kept.add(Item(1, "second"))
    assert kept.newest == Item(1, "second") and len(kept) == 2
    assert history(10, 20, 30).newest == Item(30) and History[Item]().newest is None


def test_items_up_to_a_stamp_are_taken_out() -> None:
    kept = history(10, 20, 30)
    assert stamps(kept.pop_until(20)) == [10, 20] and stamps(kept) == [30]
    assert kept.pop_until(29) == () and stamps(kept) == [30]


def test_the_nearest_in_time() -> None:
    nearest = history(10, 20).nearest(16)
    assert nearest is not None and nearest.stamp_ns == 20
    assert History[Item]().nearest(0) is None


@pytest.mark.parametrize(
    ("at", "around"),
    [(15, [10, 20]), (10, [10, 20]), (20, [20, 30]), (30, [30]), (5, [10]), (35, [30]), (40, [30]), (41, []), (-1, [])],
)
def test_the_neighbours_of_a_stamp_within_an_age(at: int, around: list[int]) -> None:
    assert stamps(history(10, 20, 30).around(at, 10e-9)) == around


def test_shares_between_two_items() -> None:
    assert share_of_second(Item(10), Item(30), 15) == 0.25
    assert share_of_second(Item(10), Item(10), 10) == 0.0
    assert share_of_second(Item(10), Item(11), 11) == 1.0


def rows(*stamps: int) -> NumberHistory:
    """Of which each row says when it was added."""
    kept = NumberHistory(2)
    for index, stamp in enumerate(stamps):
        kept.add(stamp, (float(index), -1.0))
    return kept


def test_rows_of_numbers_are_kept_as_items_are() -> None:
    """Late and equal stamps, jumps back, and so many that memory is made anew."""
    rng = np.random.default_rng(0)
    steps = np.where(rng.uniform(size=5000) < 0.002, -2 * JUMP_NS, rng.integers(-2, 8, 5000) * 3_000_000)
    stamps_ns = np.cumsum(steps).tolist()
    kept, numbers = History[Item](), NumberHistory(2)
    assert numbers.newest_ns is None and not len(numbers.rows.values)
    for index, stamp in enumerate(stamps_ns):
        kept.add(Item(stamp, str(index)))
        numbers.add(stamp, (float(index), -1.0))
        if index % 50 == 0 or index > 4990:
            there_ns, values = numbers.rows
            assert [(each.stamp_ns, float(each.name)) for each in kept] == [*zip(there_ns, values[:, 0], strict=True)]
            assert len(kept) == len(numbers) and (values[:, 1] == -1.0).all()
            assert kept.newest is not None and kept.newest.stamp_ns == numbers.newest_ns
            for at in (stamp, stamp - 4_000_000, stamp - 10**8):
                around = numbers.around(at, 0.005).values[:, 0].tolist()
                assert [float(each.name) for each in kept.around(at, 0.005)] == around
    assert max(len(each) for each in (kept, numbers)) < FIRST_ROOM


def test_stamps_that_stand_still_fill_no_memory() -> None:
    kept = rows(*[7] * (MOST + 5))
    assert len(kept) == MOST and kept.rows.values[0, 0] == 5.0


def test_both_ends_belong_to_what_is_within() -> None:
    assert rows(10, 20, 30, 40).within(20, 30).stamps_ns.tolist() == [20, 30]
    assert rows(10, 20, 30).within(11, 19).stamps_ns.tolist() == []
