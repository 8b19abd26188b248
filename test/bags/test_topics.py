"""Which topic of a bag is played as which camera of a rig."""

from __future__ import annotations

import pytest

from geoflow_ros.bags.topics import ROLES, Topic, parse_topics, roles_of
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
    with pytest.raises(InputError, match="the bag has no camera_info"):
        roles_of(pano, {})


def test_one_topic_is_not_played_as_two_cameras() -> None:
    chosen = parse_topics(["left/image:=/rear/image/compressed"])
    with pytest.raises(InputError, match="cannot be played both as left/image and as rear/image"):
        roles_of(BAG, chosen, ("left", "rear"))


def test_a_camera_has_no_fix_of_its_own() -> None:
    with pytest.raises(InputError, match="--topic left/fix:=/fix is not understood"):
        parse_topics(["left/fix:=/fix"])
