"""What is made of an answer depends on who listens, without a running node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from builtin_interfaces.msg import Time
from tracking_support import estimate

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.ros.publishing import outputs
from geoflow_ros.tracking.prior import Fix


@pytest.mark.parametrize("heard", [{"pose_fix"}, {"pose_single_frame"}, {"hypotheses"}, set()])
def test_only_the_pose_is_published_where_nobody_listens(monkeypatch: pytest.MonkeyPatch, heard: set[str]) -> None:
    sent: list[str] = []

    def publisher(node: Any, name: str) -> Any:
        return SimpleNamespace(publish=lambda _: sent.append(name), get_subscription_count=lambda: int(name in heard))

    monkeypatch.setattr(outputs, "publisher", publisher)
    made = outputs.Outputs(SimpleNamespace(), "map", "base_link")  # type: ignore[arg-type]
    found = estimate(np.array([1.0, 2.0, 0.3]), 0.5, 0.02)
    made.publish_single(found, Time(sec=1))
    made.publish_pose(found, Time(sec=1), LocalFrame(Datum(48.0, 11.0)), Fix(10**9, 48.0, 11.0, 500.0, np.eye(2), 4.0))
    assert sorted(sent) == sorted({"pose", *heard})


def test_a_reason_of_which_only_a_number_changes_is_published_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    now_s = [100.0]
    heard = SimpleNamespace(publish=lambda message: sent.append(message.data))
    monkeypatch.setattr(outputs, "publisher", lambda node, name: heard)
    monkeypatch.setattr(outputs.time, "monotonic", lambda: now_s[0])
    made = outputs.Outputs(SimpleNamespace(), "map", "base_link")  # type: ignore[arg-type]
    for frame in range(30):  # at 20 Hz
        now_s[0] = 100.0 + frame / 20.0
        made.publish_state("DEGRADED", f"match with probability {frame / 100:.2f} only")
    assert sent == [f"DEGRADED: match with probability {share} only" for share in ("0.00", "0.20")]
    made.publish_state("LOST", "match with probability 0.29 only")  # other words at once, and back
    made.publish_state("DEGRADED", "match with probability 0.29 only")
    made.publish_state("DEGRADED", "no GNSS fix")
    assert [state.partition(":")[0] for state in sent[2:]] == ["LOST", "DEGRADED", "DEGRADED"]
