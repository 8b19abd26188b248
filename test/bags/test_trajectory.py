"""The datum that a trajectory file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoflow_ros.bags.trajectory import datum_of
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum

POSE = "1.0 0 0 0 0 0 0 1\n"


@pytest.mark.parametrize(
    ("line", "datum"),
    [
        ("# datum 49.0 8.4 115.0\n", Datum(49.0, 8.4, 115.0)),
        ("# datum 49.0 8.4\n", Datum(49.0, 8.4, 0.0)),
        ("# by hand\n# datum 49.0 8.4\n", Datum(49.0, 8.4, 0.0)),
        ("# made by another tool\n", None),
    ],
)
def test_a_trajectory_names_the_point_it_is_metres_from(tmp_path: Path, line: str, datum: Datum | None) -> None:
    path = tmp_path / "truth.tum"
    path.write_text(line + POSE)
    assert datum_of(path) == datum


@pytest.mark.parametrize(
    ("line", "wrong"), [("# datum north east up", "cannot be read as a TUM trajectory"), ("# datum 98.0 8.4", "98")]
)
def test_what_is_no_point_on_earth_is_told(tmp_path: Path, line: str, wrong: str) -> None:
    path = tmp_path / "truth.tum"
    path.write_text(f"{line}\n{POSE}")
    with pytest.raises(InputError, match=wrong):
        datum_of(path)


def test_a_missing_trajectory_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.tum cannot be read"):
        datum_of(tmp_path / "missing.tum")
