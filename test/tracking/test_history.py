"""The last seconds of a stream, at their edges."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from geoflow_ros.tracking.history import JUMP_NS, KEPT_NS, History, share_of_second


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


def test_both_ends_belong_to_what_is_within() -> None:
    assert stamps(history(10, 20, 30, 40).within(20, 30)) == [20, 30]
    assert stamps(history(10, 20, 30).within(11, 19)) == []


def test_what_spans_a_time_begins_before_it_and_ends_after_it() -> None:
    kept = history(10, 20, 30, 40, 50)
    assert stamps(kept.spanning(25, 35, 100)) == [20, 30, 40]
    assert stamps(kept.spanning(20, 40, 100)) == [20, 30, 40]
    assert stamps(kept.spanning(31, 32, 100)) == [30, 40]
    assert stamps(kept.spanning(34, 36, 3)) == [] and stamps(kept.spanning(34, 36, 4)) == [30, 40]
    assert stamps(kept.spanning(0, 5, 100)) == [10] and stamps(kept.spanning(60, 70, 100)) == [50]
    assert stamps(history().spanning(1, 2, 3)) == []


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
