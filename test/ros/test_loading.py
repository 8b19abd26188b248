"""What the node says while it reads its files."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.errors import InputError
from geoflow_ros.ros import loading


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(loading, "NOTICE_AFTER_S", 0.2)
    return []


def test_a_compilation_is_told_while_it_takes_and_when_it_is_done(told: list[str]) -> None:
    with loading.told_if_slow(told.append):
        time.sleep(1.0)
        assert told == [loading.COMPILING]
    assert told[1:] == ["the network was ready after 1 s"]


def test_a_quick_start_and_a_failure_are_not_told(told: list[str]) -> None:
    with loading.told_if_slow(told.append):
        pass
    with pytest.raises(InputError), loading.told_if_slow(told.append):
        raise InputError("no such file")
    time.sleep(0.5)
    assert not told
