"""Which topic of a bag is played as which camera of a rig."""

from __future__ import annotations

import pytest

from geoflow_ros.bags.topics import ROLES, Topic, heard_as, in_words, parse_topics, roles_of
from geoflow_ros.errors import InputError

IMAGE, INFO = ROLES["image"][0], ROLES["camera_info"][0]
BAG = [
    *(Topic(f"/{name}/image/compressed", IMAGE) for name in ("left", "rear", "rear_left")),
    *(Topic(f"/{name}/camera_info", INFO) for name in ("left", "rear", "rear_left")),
]


def test_a_camera_plays_the_topics_that_have_its_name_as_a_part() -> None:
    roles = roles_of(BAG, {}, ("left", "rear"))
    assert roles == {
        "/left/image/compressed": "left/image", "/left/camera_info": "left/camera_info",
        "/rear/image/compressed": "rear/image", "/rear/camera_info": "rear/camera_info",
    }  # fmt: skip


def test_a_camera_without_topics_plays_no_role_and_one_may_be_chosen() -> None:
    chosen = parse_topics(["back/image:=/rear/image/compressed"])
    roles = roles_of(BAG, chosen, ("left", "back"))
    assert roles["/rear/image/compressed"] == "back/image" and "back/camera_info" not in roles.values()


def test_a_panorama_needs_no_camera_info() -> None:
    pano = [Topic("/top/image", IMAGE)]
    assert roles_of(pano, {}, (), {""}) == {"/top/image": "image"}
    roles = roles_of([*BAG, *pano], {}, ("left", "top"), {"top"})
    assert roles["/top/image"] == "top/image" and roles["/left/camera_info"] == "left/camera_info"
    with pytest.raises(InputError, match=r"the bag has no camera_info .*\(or give its file by camera.calibration\)"):
        roles_of(pano, {})


def test_one_topic_is_not_played_as_two_cameras() -> None:
    chosen = parse_topics(["left/image:=/rear/image/compressed"])
    with pytest.raises(InputError, match="cannot be played both as left/image and as rear/image"):
        roles_of(BAG, chosen, ("left", "rear"))


def test_a_camera_has_no_fix_of_its_own() -> None:
    with pytest.raises(InputError, match="--topic left/fix:=/fix is not understood"):
        parse_topics(["left/fix:=/fix"])


def robot(*cameras: str, **others: str) -> list[Topic]:
    """Topics of a robot: raw and compressed images of each camera with its calibration, and other topics by role."""
    images = [
        Topic(f"/{name}/image_raw{transport}", kind)
        for name in cameras
        for transport, kind in zip(("", "/compressed"), reversed(ROLES["image"]), strict=True)
    ]
    infos = [Topic(f"/{name}/camera_info", INFO) for name in cameras]
    return [*images, *infos, *(Topic(name, ROLES[role][0]) for role, name in others.items())]


def test_of_an_image_recorded_twice_the_raw_one_is_played() -> None:
    assert roles_of(robot("front"), {}) == {"/front/image_raw": "image", "/front/camera_info": "camera_info"}


def test_the_camera_info_beside_the_chosen_image_is_its_own() -> None:
    topics = robot("arm/wrist", "front", "rear")
    chosen = parse_topics(["image:=/arm/wrist/image_raw/compressed"])
    roles = roles_of(topics, chosen)
    assert roles == {"/arm/wrist/image_raw/compressed": "image", "/arm/wrist/camera_info": "camera_info"}
    with pytest.raises(InputError, match="3 topics that could be the camera_info"):
        roles_of([*topics, Topic("/other/image", IMAGE)], parse_topics(["image:=/other/image"]))


@pytest.mark.parametrize("name", ["/rear/image/compressed", "rear/image/compressed", "/rear/image", "rear/image"])
def test_a_topic_is_chosen_as_one_knows_it(name: str) -> None:
    assert roles_of(BAG, parse_topics([f"image:={name}"]))["/rear/image/compressed"] == "image"


def test_all_that_is_to_be_chosen_is_said_at_once_with_a_line_to_paste() -> None:
    topics = [*robot("depth", "front", odom="/odom", fix="/fix"), Topic("/ekf", ROLES["odom"][0])]
    with pytest.raises(InputError) as caught:
        roles_of(topics, {})
    sentence = str(caught.value)
    assert "4 topics that could be the image (/front/image_raw, " in sentence
    assert "2 topics that could be the odom (/ekf, /odom)" in sentence and "could be the fix" not in sentence
    pasted = [each for each in sentence.partition("choose as in ")[2].split() if each != "--topic"]
    assert pasted == ["image:=/front/image_raw", "odom:=/ekf"]
    assert roles_of(topics, parse_topics(pasted))["/front/camera_info"] == "camera_info"


def test_what_is_missing_is_said_with_what_there_is() -> None:
    video = Topic("/video", "ffmpeg_image_transport_msgs/msg/FFMPEGPacket")
    with pytest.raises(InputError) as caught:
        roles_of([video], {}, needed=("fix",))
    sentence = str(caught.value)
    assert all(f"no {role} (a topic of type" in sentence for role in ("image", "camera_info", "fix"))
    assert sentence.endswith(f"its topics are /video ({video.type})") and "imu" not in sentence
    with pytest.raises(InputError, match="and 70 more"):
        roles_of([Topic(f"/t{index}", "std_msgs/msg/Empty") for index in range(100)], {})


def test_what_is_played_can_be_given_to_the_node() -> None:
    roles = roles_of(robot("front", fix="/ublox/fix"), {"image": "/front/image_raw/compressed"})
    assert in_words(roles).endswith("fix /ublox/fix; no imu, no odom")
    told = "image_topic:=/front/image_raw camera_info_topic:=/front/camera_info fix_topic:=/ublox/fix"
    assert heard_as(roles) == told
    rig = roles_of(BAG, {}, ("left",))
    told = "--ros-args -r left/image:=/left/image -r left/camera_info:=/left/camera_info"
    assert heard_as(rig) == told
