"""Newest wins."""

from __future__ import annotations

import threading

from geoflow_ros.ros.worker import NewestWorker


def test_overtaken_items_are_dropped_and_counted() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(item)
        begun.set()
        assert go_on.wait(5)
        if item == 4:
            done.set()

    worker = NewestWorker(work)
    worker.offer(1)
    assert begun.wait(5)
    for item in (2, 3, 4):
        worker.offer(item)
    go_on.set()
    assert done.wait(5)
    assert worker.stop(5)
    assert seen == [1, 4]
    assert worker.dropped == 2


def test_a_stopped_worker_takes_nothing_and_a_busy_one_is_not_waited_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(item: str) -> None:
        begun.set()
        go_on.wait(5)

    worker = NewestWorker(work)
    worker.offer("long")
    assert begun.wait(5)
    assert not worker.stop(0.05)
    go_on.set()
    assert worker.stop(5)
