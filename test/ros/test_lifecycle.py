"""A managed node as Nav2's lifecycle manager holds it, in simulated time, its camera's mount from TF: over real DDS."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

START_NS = 1_000 * 10**9
CAMERA_HEIGHT, BASE_HEIGHT = 1.2, 0.35


class Manager(ros.Peer):
    """Changes the node's state, and is the clock of the simulation."""

    def __init__(self) -> None:
        from geometry_msgs.msg import TransformStamped
        from rosgraph_msgs.msg import Clock

        super().__init__()
        self._clock = self.node.create_publisher(Clock, "/clock", 10)
        self._tf = self.node.create_publisher(TransformStamped, "tf_stand_in", 10)

    def change(self, transition: str) -> bool:
        """Whether a transition succeeded."""
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        number = getattr(Transition, f"TRANSITION_{transition.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        return bool(self.call("/localize/change_state", request).success)

    def state(self) -> str:
        """Where the node stands."""
        from lifecycle_msgs.srv import GetState

        return str(self.call("/localize/get_state", GetState.Request()).current_state.label)

    def tick(self, ns: int) -> None:
        """It is now that late."""
        from rosgraph_msgs.msg import Clock

        self._clock.publish(Clock(clock=ros.stamp(ns)))
        self.listen(0.1)

    def publish_mount(self) -> None:
        """The camera looks ahead, its optical frame as REP-103 wants it."""
        from geometry_msgs.msg import TransformStamped

        message = TransformStamped(child_frame_id="camera_optical")
        message.header.frame_id = "base_link"
        message.transform.translation.x, message.transform.translation.z = 0.5, CAMERA_HEIGHT
        rotation = message.transform.rotation
        rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
        self._tf.publish(message)

    def publish_frame(self, now: int) -> None:
        """A fix and an image."""
        self.publish("fix", ros.fix(now, 49.0, 8.4))
        self.listen(0.1)
        image = ros.image(now)
        image.header.frame_id = "camera_optical"
        self.publish("image", image)


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    with Manager() as manager:
        yield manager


def arguments(tiles: str, **parameters: object) -> list[str]:
    without_mount = {f"camera__{name}": None for name in ros.MOUNT}
    mount = {"camera__from_tf": True, "camera__base_height": BASE_HEIGHT}
    managed = {"autostart": False, "use_sim_time": True}
    return ros.ros_arguments(Path(tiles), **(without_mount | mount | managed | parameters))


@pytest.fixture(scope="module")
def node(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of its saved pose."""
    saved = tmp_path_factory.mktemp("state") / "pose.json"
    given = arguments("unused", saved_pose__path=saved, saved_pose__max_age=100.0)
    with ros.node_process(ros.FAKE_SESSION, given, ros.STAND_INS):
        yield saved


def test_what_cannot_be_read_is_a_failed_transition_with_its_reason(manager: Manager) -> None:
    with ros.node_process(ros.FAKE_SESSION, arguments("unreadable"), ros.STAND_INS) as process:
        assert manager.state() == "unconfigured"
        states = len(manager.states)
        assert not manager.change("configure")
        assert manager.state() == "unconfigured"
        told = "tiles unreadable cannot be read"
        manager.wait(lambda: any(told in each for each in manager.reasons()[states:]), "the reason")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"cannot be configured: {told}" in output


def test_a_drive_through_all_states(manager: Manager, node: Path) -> None:
    assert manager.state() == "unconfigured"
    assert not manager.change("activate")
    assert manager.change("configure")
    assert manager.state() == "inactive"
    manager.wait(lambda: manager.track_states[-1:] == ["INACTIVE: not activated"], "the state")
    assert not manager.change("configure")
    assert not manager.is_listened_to()
    manager.tick(START_NS)
    assert manager.change("activate")
    assert not manager.change("configure") and not manager.change("unconfigured_shutdown")
    assert manager.state() == "active"
    manager.wait(manager.is_connected, "the node to listen")

    manager.publish_frame(START_NS)
    missing = "no transform from camera_optical to base_link at the image stamp"
    manager.wait(lambda: any(missing in each for each in manager.track_states), "the missing transform to be told")
    assert not manager.poses

    manager.publish_mount()
    manager.listen(0.1)
    manager.publish_frame(START_NS + 1)
    manager.wait(lambda: len(manager.poses) == 1, "a pose once the transform is there")
    height = f"camera {CAMERA_HEIGHT + BASE_HEIGHT:.2f} m above ground"
    manager.wait(lambda: any(height in each for each in manager.track_states), "the mount of TF")

    assert manager.change("deactivate")
    manager.wait(lambda: manager.track_states[-1].startswith("INACTIVE"), "the state")
    manager.wait(lambda: not any(manager.node.count_subscribers(name) for name in ("fix", "image")), "silence")
    assert manager.change("cleanup")
    assert manager.state() == "unconfigured"


def test_the_saved_pose_is_believed_while_fresh(manager: Manager, node: Path) -> None:
    saved = json.loads(node.read_text())
    assert saved["stamp_ns"] == START_NS + 1 and saved["datum"]["latitude"] == 49.0
    node.write_text(json.dumps({**saved, "east": 12.0}))
    manager.tick(START_NS + 10**9)
    assert manager.change("configure") and manager.change("activate")
    manager.wait(manager.is_connected, "the node to listen")
    manager.publish_mount()
    manager.publish_frame(START_NS + 10**9)
    manager.wait(lambda: manager.poses[-1].pose.pose.position.x == pytest.approx(12.0), "the saved pose")
    assert manager.poses[-1].pose.covariance[0] > 4.0
    assert manager.change("deactivate")
    manager.tick(START_NS + 200 * 10**9)
    assert manager.change("activate")
    manager.wait(manager.is_connected, "the node to listen")
    poses = len(manager.poses)
    manager.publish_frame(START_NS + 200 * 10**9)
    manager.wait(lambda: len(manager.poses) > poses, "a pose")
    assert manager.poses[-1].pose.pose.position.x == pytest.approx(0.0, abs=1e-3)


def test_a_clock_that_goes_back_is_a_new_start(manager: Manager, node: Path) -> None:
    poses = len(manager.poses)
    slow = ros.image(START_NS + 201 * 10**9, grey=90)
    slow.header.frame_id = "camera_optical"
    manager.publish("image", slow)
    manager.listen(0.1)
    manager.tick(START_NS + 20 * 10**9)
    manager.wait(lambda: "time went back by 180.0 s" in manager.track_states[-1], "the reset")
    manager.listen(0.7)
    assert len(manager.poses) == poses, "a pose of the time before was published"
    manager.publish_frame(START_NS + 20 * 10**9)
    manager.wait(lambda: len(manager.poses) > poses, "a pose after the jump")
    assert manager.poses[-1].header.stamp == ros.stamp(START_NS + 20 * 10**9)
    assert manager.change("deactivate")
    states = len(manager.states)
    manager.tick(START_NS)
    manager.wait(lambda: len(manager.states) > states + 2, "the diagnostics after the jump")
    assert manager.track_states[-1].startswith("INACTIVE"), "a clock that goes back activates nothing"
    assert all(each.startswith("INACTIVE") for each in manager.reasons()[states:])
    assert manager.change("inactive_shutdown")
    assert manager.state() == "finalized"
