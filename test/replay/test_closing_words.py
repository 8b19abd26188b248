"""The lines for a person at the end of a replay."""

from __future__ import annotations

import numpy as np

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.replay.closing_words import closing_words
from geoflow_ros.replay.play import Complaint, FrameResult
from geoflow_ros.tracking.track import Track, TrackState

POSE = PoseWithCovariance(1.0, 2.0, 0.3, np.eye(3))


def frames(*told: tuple[TrackState, str]) -> list[FrameResult]:
    """Ten a second; those with a pose that a state lets be published."""
    has_pose = (TrackState.LOCALISED, TrackState.DEGRADED)
    return [
        FrameResult(index * 10**8, Track(state, reason, POSE if state in has_pose else None), None, 0.01, None)
        for index, (state, reason) in enumerate(told)
    ]


def test_what_became_of_the_frames_and_why_others_have_no_pose() -> None:
    played = frames(
        *[(TrackState.INITIALISING, "no GNSS fix received yet")] * 3,
        *[(TrackState.LOCALISED, "frames confirm the pose")] * 8,
        (TrackState.DEGRADED, "the position is uncertain by 3.1 m"),
        (TrackState.LOST, "match with probability 0.1 only; fix has no covariance"),
        (TrackState.LOST, "the frame fits another place better"),
        (TrackState.LOST, "match with probability 0.2 only"),
    )
    often, seldom = Complaint(2, "fix has no covariance"), Complaint(1, "wait")
    assert closing_words(played, {"fix": often, "clock": seldom}) == [
        "poses in 9 of 15 frames, the first after 0.3 s: 3 INITIALISING, 8 LOCALISED, 1 DEGRADED, 3 LOST",
        "none in 3 frames after that: 2 x match with probability 0.1 only; 1 x the frame fits another place better",
        "warning, fix: fix has no covariance",
    ]


def test_a_drive_without_a_gap_has_one_line_and_one_without_a_pose_what_else_is_wrong() -> None:
    assert len(closing_words(frames((TrackState.LOCALISED, "frames confirm the pose")), {})) == 1
    told = {"image": Complaint(1, "no contrast"), "heading": Complaint(1, "imu orientation is never filled")}
    assert closing_words(frames((TrackState.LOST, "no contrast")), told) == [
        "warning, heading: imu orientation is never filled"
    ]
