"""The ring of cameras: where they are and look."""

from __future__ import annotations

import math

import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.town.rig import CAMERA, rig


def test_four_cameras_look_to_four_sides_from_a_ring_of_seventy_centimetres() -> None:
    mounts = {name: camera.mount for name, camera in rig(4).items()}
    assert mounts["front"] == CAMERA.mount
    assert mounts["left"].planar.array() == pytest.approx([0.38, 0.7, math.pi / 2])
    assert mounts["rear"].planar.array() == pytest.approx([-0.32, 0.0, -math.pi])
    assert mounts["right"].planar.array() == pytest.approx([0.38, -0.7, -math.pi / 2])


def test_one_camera_is_as_it_was() -> None:
    assert rig(1) == {"": CAMERA}


def test_other_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="--cameras 3 is no rig of the town's: expected 1, 2, 4, 6"):
        rig(3)
