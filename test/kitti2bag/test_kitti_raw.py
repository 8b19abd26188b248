"""Files of KITTI raw that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.kitti2bag.kitti_raw import read_stamps


@pytest.mark.parametrize(
    "line", ["2011-09-26 93:02:25.9", "2011-02-30 13:02:25.9", "0000-09-26 13:02:25.9", "13:02:25.9"]
)
def test_a_time_that_does_not_exist_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "timestamps.txt"
    path.write_text(f"1970-01-01 00:00:01.5\n{line}\n")
    with pytest.raises(InputError, match=rf"timestamps.txt:2 is '{line}': expected a time"):
        read_stamps(path)


def test_a_time_is_utc_and_a_fraction_has_as_many_digits_as_it_has(tmp_path: Path) -> None:
    path = tmp_path / "timestamps.txt"
    path.write_text("1970-01-01 00:00:01.5\n\n1970-01-02 00:00:00.000000001\n")
    assert read_stamps(path) == {0: 1_500_000_000, 2: 86_400_000_000_001}
