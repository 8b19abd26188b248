"""Which topics of a bag a replay plays, and that it says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from circle_drive import CAMERA
from replaying import complaint, replayed

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.bags.recording import BagRecorder, Messages
from geoflow_ros.bags.topics import Topic, parse_topics, roles_of, unknown_motion
from geoflow_ros.errors import InputError
from geoflow_ros.replay import __main__ as replay
from geoflow_ros.replay import command_line

pytestmark = pytest.mark.usefixtures("knowing")


def test_a_calibration_file_is_read_in_place_of_camera_info(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the topic, the first image comes before the calibration."""
    path = tmp_path / "ost.yaml"
    path.write_text(
        f"{{image_width: {CAMERA.width}, image_height: {CAMERA.height}, camera_matrix: {{data: "
        f"{CAMERA.matrix.ravel().tolist()}}}, distortion_model: plumb_bob, distortion_coefficients: {{data: []}}, "
        "projection_matrix: {data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}}"
    )
    figures = replayed(folder, tmp_path, "-p", f"camera.calibration:={path}", "--fused-only")
    assert "camera_info" not in figures["warnings"] and figures["states"]["LOCALISED"] > 40
    assert "playing image /image/compressed, fix" in capsys.readouterr().err
    given = [str(folder / "drive"), "--tiles", str(folder / "tiles.mbtiles"), "--out", str(tmp_path)]
    assert "ost.yaml is no calibration" in complaint(capsys, *given, "-p", "camera.calibration:=no/ost.yaml")


def test_topics_are_found_by_type_or_chosen() -> None:
    raw, info = Topic("/left/image_raw", "sensor_msgs/msg/Image"), Topic("/left/info", "sensor_msgs/msg/CameraInfo")
    other = Topic("/right/image_raw", "sensor_msgs/msg/Image")
    assert roles_of([raw, info], {}) == {"/left/image_raw": "image", "/left/info": "camera_info"}
    chosen = parse_topics(["image:=/right/image_raw"])
    assert roles_of([raw, other, info], chosen) == {"/right/image_raw": "image", "/left/info": "camera_info"}
    with pytest.raises(InputError, match="2 topics that could be the image"):
        roles_of([raw, other, info], {})
    with pytest.raises(InputError, match="the bag has no camera_info"):
        roles_of([raw], {})
    command = Topic("/cmd_vel", "geometry_msgs/msg/TwistStamped")
    alone = roles_of([raw, info, command], {})
    assert "/cmd_vel" not in alone
    assert "--topic twist:=NAME" in unknown_motion([raw, info, command], alone, 10.0)
    twist = roles_of([raw, info, command], parse_topics(["twist:=/cmd_vel"]))
    assert twist["/cmd_vel"] == "twist" and unknown_motion([raw, info, command], twist, 1.0) == ""
    gyro = Topic("/imu", "sensor_msgs/msg/Imu")
    assert unknown_motion([raw, info, gyro], roles_of([raw, info, gyro], {}), 2.0) == ""
    assert unknown_motion([raw, info], roles_of([raw, info], {}), 4.9) == ""
    assert unknown_motion([raw, info], roles_of([raw, info], {}), 2.0).startswith("images come at 2.0 Hz, and neither")
    depth = Topic("/depth/image_raw/compressedDepth", "sensor_msgs/msg/CompressedImage")
    assert roles_of([raw, depth, info], {}) == {"/left/image_raw": "image", "/left/info": "camera_info"}
    fix = Topic("/fix", "sensor_msgs/msg/NavSatFix")
    assert "/fix" not in roles_of([raw, info, fix], parse_topics(["fix:="]))


def test_what_is_missing_is_said_before_anything_takes_time(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [str(folder / "drive"), "--tiles", str(folder / "tiles.mbtiles"), "--truth", str(folder / "truth.tum")]
    told += ["--out", str(tmp_path), "--json", str(tmp_path / "out.json"), "--fused-only", "--topic", "fix:="]
    with monkeypatch.context() as slow:
        slow.setattr(command_line, "load_model", lambda path, runtime: pytest.fail("the network is loaded first"))
        assert "the bag has no fix (a topic of type sensor_msgs/msg/NavSatFix)" in complaint(capsys, *told)
    assert replay.main([*told, "--initial-offset-m", "1"]) == 0  # who knows where it begins needs none
    assert "camera_info /camera_info, imu /imu, odom /odom; no fix" in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["/cam/image_rect/compressed", "/cam/image_rect_color", "/cam/image_raw"])
def test_a_topic_of_rectified_images_wants_them_stated(folder: Path, tmp_path: Path, topic: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("tiles.mbtiles", "truth.tum", "drive.json"):
        (copy / name).symlink_to(folder / name)
    messages = Messages()
    with open_bag(folder / "drive") as reader:
        names = {each.topic: topic if each.topic == "/image/compressed" else each.topic for each in reader.connections}
        kinds = {names[each.topic]: each.msgtype for each in reader.connections}
        with BagRecorder(copy / "drive", kinds, messages) as recorder:
            for connection, stamp, data in reader.messages():
                recorder.write(names[connection.topic], stamp, reader.deserialize(data, connection.msgtype))
    is_told = "rectified" in replayed(copy, tmp_path / "o", "--fused-only")["warnings"]
    assert is_told == ("image_rect" in topic)
    assert "rectified" not in replayed(copy, tmp_path / "o", "--fused-only", "-p", "camera.rectified:=true")["warnings"]


def test_the_topics_stand_in_the_json_and_on_the_page(folder: Path, tmp_path: Path) -> None:
    topics = replayed(folder, tmp_path, "--fused-only")["topics"]
    assert topics["image"] == "/image/compressed" and topics["odom"] == "/odom"
    assert "image_topic:=/image camera_info_topic:=/camera_info" in (tmp_path / "report.html").read_text()
