"""The tracker by itself, a step at a time: vehicle at rest at the origin, heading east."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.tracking.belief import MISREAD_M, Belief
from geoflow_ros.tracking.evidence.support import Support
from geoflow_ros.tracking.history import KEPT_NS
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.prior import HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.rig.joint_view import RigFrames
from geoflow_ros.tracking.search import Origin
from geoflow_ros.tracking.track import TrackerConfig, TrackState
from geoflow_ros.tracking.tracker import Tracker


def new_tracker(motions: MotionBuffer | None = None) -> Tracker:
    """Told where it is."""
    motions = motions or MotionBuffer()
    tracker = Tracker(TrackerConfig(), 0, PriorBuffer(PriorConfig(), HeadingConfig(), None, motions), motions)
    tracker.initialise(sim.stamp(0.0), PosePrior(0.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.01])))
    return tracker


def see(tracker: Tracker, seconds: float) -> None:
    """A frame that fits where the vehicle is."""
    tracker.advance(sim.stamp(seconds), 0.1)
    proposal = tracker.propose(sim.stamp(seconds))
    assert not isinstance(proposal, Rejection)
    tracker.see(sim.stamp(seconds), sim.estimate(np.zeros(3), 0.5, 0.02), proposal.origin)


def followed(motions: MotionBuffer | None = None) -> Tracker:
    tracker = new_tracker(motions)
    for tick in range(20):
        see(tracker, tick / 10)
    assert tracker.track(sim.stamp(1.9)).state is TrackState.LOCALISED
    return tracker


def pose(tracker: Tracker) -> Any:
    found = tracker.track(sim.stamp(1.9)).pose
    assert found is not None
    return found


def test_another_mount_moves_the_pose_and_leaves_it_open_by_its_own_covariance() -> None:
    tracker = followed()
    before = pose(tracker)
    tracker.mount_covariance = np.diag([0.04, 0.01])
    tracker.correct(np.array([0.1, -0.05]))
    after = pose(tracker)
    assert (after.east - before.east, after.north - before.north) == pytest.approx((0.1, -0.05), abs=0.01)
    assert (after.covariance - before.covariance)[:2, :2] == pytest.approx(np.diag([0.04, 0.01]), abs=2e-3)


@pytest.mark.parametrize(("metres", "is_doubted"), [(MISREAD_M * 0.9, False), (MISREAD_M * 1.1, True)])
def test_what_frames_showed_is_doubted_when_it_moves_far(
    metres: float, is_doubted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted: list[object] = []
    monkeypatch.setattr(Belief, "misread", lambda belief, yaw_std: doubted.append(yaw_std))
    followed().correct(np.array([0.0, metres]))
    assert bool(doubted) is is_doubted


def test_a_pose_that_no_frame_confirmed_is_not_moved_by_another_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Belief, "shift", lambda belief, offset: pytest.fail("frames have shown nothing yet"))
    new_tracker().correct(np.array([1.0, 1.0]))
    tracker = new_tracker()
    tracker.forget("nothing is known")
    tracker.correct(np.array([1.0, 1.0]))


def test_other_odometry_leaves_the_pose_less_certain_and_no_pose_untouched() -> None:
    tracker = followed()
    before = pose(tracker)
    tracker.change_odometry()
    assert pose(tracker).covariance[0, 0] > before.covariance[0, 0] + 0.5
    tracker.forget("nothing is known")
    tracker.change_odometry()
    assert tracker.track(sim.stamp(1.9)).pose is None


def test_odometry_is_followed_for_longer_than_it_is_kept_while_no_image_comes() -> None:
    motions = MotionBuffer()
    tracker, end = followed(motions), 3 * KEPT_NS // 10**9
    tracker.carry(0.1)  # before anything is known of the motion
    for tick in range(20, 10 * end + 1):
        motions.add_velocity(BodyVelocity(sim.stamp(tick / 10), 1.0, 0.0))
        tracker.carry(0.1)
    tracker.advance(sim.stamp(end), 0.1)
    proposal = tracker.propose(sim.stamp(end))
    assert not isinstance(proposal, Rejection) and proposal.origin is Origin.BELIEF
    assert proposal.prior.east == pytest.approx(end - 2.0, abs=1.5)


@pytest.mark.parametrize(
    ("heard", "carried_to"),
    [
        ([2.0, 3.9], []),  # it may be that no image is missing yet
        ([2.0, 4.1], [3.1]),  # 2.1 s without an image
        ([5.0], []),  # odometry itself had paused
        ([4.9, 7.0], []),  # the last image is 5 s back: what was between is no longer known
    ],
)
def test_odometry_is_followed_after_two_seconds_without_an_image(
    heard: list[float], carried_to: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    motions, moved = MotionBuffer(), list[int]()
    tracker = followed(motions)
    monkeypatch.setattr(Belief, "advance", lambda belief, stamp_ns, *_: moved.append(stamp_ns))
    for seconds in heard:
        motions.add_velocity(BodyVelocity(sim.stamp(seconds), 0.0, 0.0))
        tracker.carry(0.1)
    assert moved == [sim.stamp(seconds) for seconds in carried_to]


def test_what_a_frame_says_is_kept_for_other_cameras_also_when_it_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, kept = followed(), list[object]()
    monkeypatch.setattr(RigFrames, "add", lambda frames, camera, stamp_ns, estimate: kept.append(estimate))
    estimate = sim.estimate(np.zeros(3), 0.5, 0.02)
    for outcome in (Rejection("black", is_blind=True), Rejection("too uncertain", withheld=estimate)):
        tracker.see(sim.stamp(1.9), outcome, Origin.BELIEF)
    assert kept == [estimate]


@pytest.mark.parametrize(("seconds", "state"), [(1.99, TrackState.INITIALISING), (2.0, TrackState.LOST)])
def test_what_has_been_tried_for_lost_after_in_vain_is_lost(seconds: float, state: TrackState) -> None:
    tracker = new_tracker()
    for tried in (0.0, seconds):
        tracker.see(sim.stamp(tried), Rejection("imagery of elsewhere"), Origin.GUESS)
    assert tracker.track(sim.stamp(seconds)).state is state


def test_a_jump_back_is_told_with_its_length() -> None:
    tracker = followed()
    tracker.advance(sim.stamp(1.9 - 60.0), 0.1)
    assert tracker.track(sim.stamp(1.9 - 60.0)).reason.startswith("time jumped back by 60.0 s")


def test_a_frame_counts_by_what_the_belief_says_of_it_while_nothing_leaps(monkeypatch: pytest.MonkeyPatch) -> None:
    said, counted, see_frame, add = list[float](), list[float](), Belief.see, Support.add

    def seeing(*arguments: Any) -> Any:
        found = see_frame(*arguments)
        said.append(found.evidence)
        return found

    def adding(support: Support, stamp_ns: int, evidence: float, *others: Any) -> None:
        counted.append(evidence)
        add(support, stamp_ns, evidence, *others)

    monkeypatch.setattr(Belief, "see", seeing)
    monkeypatch.setattr(Support, "add", adding)
    followed()
    assert counted == said and len(said) > 10


def test_the_reason_of_a_lost_pose_is_what_is_wrong_with_the_last_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = followed()
    monkeypatch.setattr(Belief, "see", lambda *_: SimpleNamespace(evidence=-3.0, objection="it fits elsewhere"))
    for tick in range(20, 60):
        see(tracker, tick / 10)
        if (track := tracker.track(sim.stamp(tick / 10))).state is TrackState.LOST:
            break
    assert (track.state, track.reason) == (TrackState.LOST, "it fits elsewhere")


def test_a_guessed_heading_is_believed_ten_metres_on() -> None:
    motions = MotionBuffer()
    tracker = new_tracker(motions)
    tracker.forget("nothing is known")
    for tick in range(80):
        stamp_ns, east = sim.stamp(tick / 10), 0.2 * tick
        motions.add_velocity(BodyVelocity(stamp_ns, 2.0, 0.0))
        tracker.advance(stamp_ns, 0.1)
        tracker.see(
            stamp_ns, sim.estimate(np.array([east, 0.0, 0.0]), 0.1, 0.01), Origin.BELIEF if tick else Origin.GUESS
        )
        if tracker.track(stamp_ns).pose is not None:
            break
    assert east == pytest.approx(10.0, abs=0.5)


def test_a_stated_pose_ends_the_track_before_it_and_waits_for_frames() -> None:
    tracker = followed()
    tracker.initialise(sim.stamp(1.9), PosePrior(50.0, 0.0, 0.0, np.diag([1.0, 1.0, 0.01])))
    track = tracker.track(sim.stamp(1.9))
    assert track.pose is None and track.state is TrackState.INITIALISING
    assert track.reason == "no frame has confirmed the initial pose yet"
