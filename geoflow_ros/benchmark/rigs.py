"""The node fed by the cameras of a rig: which drive, and what became of their images."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoflow_ros.benchmark.machine import Machine
from geoflow_ros.benchmark.summary import RigRow, rows_table
from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.town import FIRST_TEST_SEED

WARM_UP_S = 3.5  # of a rendered drive, before anything counts
MeasureRigs = Callable[[Path, Sequence[int], float, float, Mapping[str, object]], list[RigRow]]
"""A row for each number of cameras, from a drive, the numbers, the rate (Hz), the seconds and the node's parameters."""


@dataclass(frozen=True, slots=True)
class RigReport:
    """What was measured, and on what."""

    machine: Machine
    rigs: list[RigRow]

    def to_json(self) -> dict[str, Any]:
        """For `json.dump`."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """For the terminal."""
        return "\n".join(rows_table("rigs over DDS", self.rigs))


def rig_rows(
    measure: MeasureRigs,
    drive: Path | None,
    counts: Sequence[int],
    rate_hz: float,
    seconds: float,
    parameters: Mapping[str, object],
) -> list[RigRow]:
    """The rows of a drive, or of a town that is rendered for it."""
    if drive is not None:
        return measure(drive, counts, rate_hz, seconds, parameters)
    with tempfile.TemporaryDirectory() as folder:
        rendered = _rendered(Path(folder) / "town", seconds, max(counts))
        return measure(rendered, counts, rate_hz, seconds, parameters)


def _rendered(folder: Path, seconds: float, cameras: int) -> Path:
    try:
        from geoflow_ros.town.export_drive import RATE_HZ, export_drive
    except ImportError as error:
        hint = f"{install_hint('town')}, or give --drive"
        raise InputError(
            f"--cameras renders a town, which needs a package that is missing ({error}): {hint}"
        ) from error
    export_drive(folder, FIRST_TEST_SEED, round((WARM_UP_S + seconds) * RATE_HZ), cameras=cameras)
    return folder
