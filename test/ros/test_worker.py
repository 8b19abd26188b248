"""Newest wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from geoflow_ros.ros import worker as module
from geoflow_ros.ros.worker import BEHIND_S, PUT_OFF_S, NewestWorker

PATIENCE_S = 30.0


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the worker's clock on by seconds; else it stands still, however busy the machine is."""
    now_s = [100.0]

    def let_pass(seconds: float) -> None:
        now_s[0] += seconds

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    return let_pass


def test_overtaken_items_are_dropped_and_counted() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(item)
        begun.set()
        assert go_on.wait(PATIENCE_S)
        if item == 4:
            done.set()

    worker = NewestWorker(work)
    worker.offer(1)
    assert begun.wait(PATIENCE_S)
    for item in (2, 3, 4):
        worker.offer(item)
    go_on.set()
    assert done.wait(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert seen == [1, 4]
    assert worker.dropped == {"": 2}


def test_a_stopped_worker_takes_nothing_and_a_busy_one_is_not_waited_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(item: str) -> None:
        begun.set()
        go_on.wait(PATIENCE_S)

    worker = NewestWorker(work)
    worker.offer("long")
    assert begun.wait(PATIENCE_S)
    assert not worker.stop(0.05)
    go_on.set()
    assert worker.stop(PATIENCE_S)


@pytest.mark.parametrize("hangs", ["work", "idle"])
def test_how_long_nothing_has_been_done_is_known_whatever_hangs(let_pass: Callable[[float], None], hangs: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return False

    worker = NewestWorker(lambda item: hangs == "work" and hang(), lambda is_hurried: hangs == "idle" and hang())
    assert worker.in_vain_s == 0.0
    worker.offer(1)
    assert begun.wait(PATIENCE_S)
    worker.offer(2)
    let_pass(0.1)
    worker.offer(3)  # overtakes: that an item is young is no news of the worker
    assert worker.in_vain_s == pytest.approx(0.1)
    worker.clear()
    assert (worker.in_vain_s > 0.0) == (hangs == "work")  # an item that is at work cannot be forgotten
    go_on.set()
    assert worker.stop(PATIENCE_S)
    assert worker.in_vain_s == 0.0


def test_idle_time_is_used_until_there_is_nothing_more_to_do() -> None:
    events: list[str] = []
    finished = threading.Event()

    def idle(is_hurried: bool) -> bool:
        events.append("hurried" if is_hurried else "idle")
        if events.count("idle") == 3:
            finished.set()
            return False
        return True

    worker = NewestWorker(lambda item: events.append(item), idle)
    worker.offer("frame")
    assert finished.wait(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert events == ["frame", "idle", "idle", "idle"]


def test_a_waiting_item_comes_before_idle_work() -> None:
    events: list[str] = []
    idling, finished = threading.Event(), threading.Event()

    def work(item: str) -> None:
        events.append(item)
        if item == "second":
            finished.set()

    def idle(is_hurried: bool) -> bool:
        if not finished.is_set():
            idling.set()
            worker.offer("second")
        return not finished.is_set()

    worker = NewestWorker(work, idle)
    worker.offer("first")
    assert idling.wait(PATIENCE_S) and finished.wait(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert events == ["first", "second"]


def test_idle_work_is_not_put_off_for_ever_where_an_item_always_waits(let_pass: Callable[[float], None]) -> None:
    worked, idled, hurried = [0], [0], set[bool]()
    finished = threading.Event()

    def work(item: str) -> None:
        worked[0] += 1
        worker.offer("another")
        let_pass(PUT_OFF_S / 10)
        if idled[0] == 3:
            finished.set()

    def idle(is_hurried: bool) -> bool:
        idled[0] += 1
        hurried.add(is_hurried)
        return True

    worker = NewestWorker(work, idle)
    worker.offer("first")
    assert finished.wait(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert worked[0] >= 8 * idled[0]  # mostly items
    assert hurried == {True}


def test_idle_work_that_fails_ends_no_thread_and_is_counted() -> None:
    done, failed = threading.Semaphore(0), threading.Semaphore(0)
    seen: list[int] = []

    def idle(is_hurried: bool) -> bool:
        failed.release()
        raise OSError(f"disk gone after {len(seen)}")

    def work(item: int) -> None:
        seen.append(item)
        done.release()

    worker = NewestWorker(work, idle)
    assert worker.idle_complaint == ""
    for item in (1, 2, 3):
        worker.offer(item)
        assert done.acquire(timeout=PATIENCE_S) and failed.acquire(timeout=PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert seen == [1, 2, 3]
    assert worker.idle_complaint == "failed 3 times, the last: OSError: disk gone after 3"


def test_what_has_waited_too_long_is_dropped_before_work_and_counted_by_source(
    let_pass: Callable[[float], None],
) -> None:
    """While the first item is worked on, one of each of two others comes, the second of them just now."""
    started, free, done = threading.Event(), threading.Event(), threading.Event()
    seen: list[str] = []

    def work(item: str) -> None:
        seen.append(item)
        if item == "first":
            started.set()
            assert free.wait(PATIENCE_S)
        else:
            done.set()

    worker = NewestWorker(work, patience_s=lambda: 0.2)
    worker.offer("first", "front")
    assert started.wait(PATIENCE_S)
    worker.offer("old", "left")
    let_pass(0.25)
    worker.offer("new", "rear")
    free.set()
    assert done.wait(PATIENCE_S)
    worker.stop(PATIENCE_S)
    assert seen == ["first", "new"]
    assert worker.stale == {"left": 1} and worker.dropped.total() == 0


def test_sources_take_turns_by_what_they_are_worth(let_pass: Callable[[float], None]) -> None:
    """With a slot each that is always full, a source worth three times as much gets most of the turns."""
    turns: list[str] = []
    done = threading.Event()

    def work(source: str) -> None:
        let_pass(0.002)
        turns.append(source)
        if len(turns) == 80:
            done.set()
        worker.offer(source, source)

    worker = NewestWorker(work, worth=lambda source: 3.0 if source == "good" else 1.0)
    for source in ("poor", "good"):
        worker.offer(source, source)
    assert done.wait(PATIENCE_S)
    worker.stop(PATIENCE_S)
    assert 0.6 < turns[:80].count("good") / 80 < 0.85
    assert worker.dropped.total() == 0


def test_idle_work_is_put_off_where_items_were_dropped_of_late_though_none_waits(
    let_pass: Callable[[float], None],
) -> None:
    """Two of one source come while the first is worked on; that is long ago when the last has been worked on."""
    begun, go_on, third, at_ease = (threading.Event() for _ in range(4))
    calls: list[str] = []

    def work(item: int) -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        calls.append(f"item {item}")
        if item == 3:
            third.set()
        if item == 4:
            let_pass(BEHIND_S)

    def idle(is_hurried: bool) -> bool:
        calls.append("hurried" if is_hurried else "idle")
        at_ease.set()
        return False

    worker = NewestWorker(work, idle)
    worker.offer(1)
    assert begun.wait(PATIENCE_S)
    for item in (2, 3):
        worker.offer(item)
    go_on.set()
    assert third.wait(PATIENCE_S)
    worker.offer(4)
    assert at_ease.wait(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert calls == ["item 1", "item 3", "item 4", "idle"]
