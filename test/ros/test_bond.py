"""The bond with a lifecycle manager; over DDS, with a stand-in, it is part of the lifecycle's test."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.ros import bond


def test_without_bondpy_a_warning_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bond, "Bond", None)
    warnings: list[str] = []
    node: Any = SimpleNamespace(get_logger=lambda: SimpleNamespace(warning=warnings.append))
    held = bond.ManagerBond(node)
    held.form()
    held.dissolve()
    (warning,) = warnings
    assert "bondpy is not installed" in warning and "bond_timeout to 0.0" in warning


def test_the_real_bondpy_is_used_as_it_wants_to_be() -> None:
    bondpy = pytest.importorskip(
        "bondpy.bondpy", reason="bondpy is not installed: it comes with a ROS 2 distribution's bond_core"
    )
    assert list(inspect.signature(bondpy.Bond.__init__).parameters)[1:3] == ["node", "topic"]
    for name in (
        "set_heartbeat_period",
        "set_heartbeat_timeout",
        "set_broken_callback",
        "start",
        "break_bond",
        "shutdown",
    ):
        assert callable(getattr(bondpy.Bond, name))
