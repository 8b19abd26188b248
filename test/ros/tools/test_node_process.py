"""What a node in a process of its own is told of a drive folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoflow_ros.camera import Mount
from geoflow_ros.datasets.bag_drive import DescribedCamera, DriveDescription
from geoflow_ros.geodesy import Datum
from geoflow_ros.ros.tools.node_process import node_arguments

MASK = "/drive/bonnet.png"
RIG = {"front": DescribedCamera(Mount(1.0), mask=MASK), "left": DescribedCamera(Mount(0.5, 0.7), delay=0.1)}
DRIVE = DriveDescription(Mount(1.0), datum=Datum(49.0, 8.4), delay=0.2, mask=MASK, cameras=RIG)


@pytest.mark.parametrize(
    ("cameras", "expected"),
    [
        ((), {"camera.forward": "1.000000000000", "camera.delay": "0.200000000000", "camera.mask": MASK}),
        (
            ("front", "left"),
            {"cameras": "[front, left]", "camera.front.mask": MASK, "camera.left.delay": "0.100000000000"},
        ),
        (None, {"cameras": "[front, left]", "camera.front.mask": MASK}),
        (("left",), {"cameras": "[left]", "camera.left.left": "0.700000000000"}),
    ],
)
def test_delay_and_mask_of_a_drive_s_cameras_are_told_with_their_mounts(
    cameras: tuple[str, ...] | None, expected: dict[str, str]
) -> None:
    assignments = node_arguments(Path("/drive"), DRIVE, {"threads": 1}, cameras)[3::2]
    told = dict(each.split(":=") for each in assignments)
    assert told.items() >= expected.items() | {("threads", "1"), ("datum.latitude", "49.000000000000")}
    groups = {name.rpartition(".")[0] for name in told if name.startswith("camera.")}
    assert groups == ({f"camera.{name}" for name in (RIG if cameras is None else cameras)} or {"camera"})
