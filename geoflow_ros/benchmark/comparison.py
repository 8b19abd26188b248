"""Ways of computing the same network compared: speed and accuracy on the same frames, taking turns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.benchmark.drive import FramePath
from geoflow_ros.benchmark.timing import Contender, interleaved, speed
from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer import load_model
from geoflow_ros.localization.pose import Rejection
from geoflow_ros.model.config import Runtime

BURST = 10  # frames a turn: enough for the processor's caches to be its own


@dataclass(frozen=True, slots=True)
class RuntimeRow:
    """mean_error_m: over the frames that it and the reference both answer, None if there is none.

    error_ratio: to the reference's error on the same frames. answered: fraction of the frames.
    """

    fps: float
    latency_ms_p50: float
    latency_ms_p95: float
    answered: float
    mean_error_m: float | None
    error_ratio: float | None


def open_paths(
    path: FramePath, runtime: Runtime, checkpoint: Path, wanted: Sequence[Runtime]
) -> tuple[dict[str, FramePath], dict[str, str]]:
    """A frame path by name for `runtime`, whose path is at hand, and every one wanted; why others cannot run here."""
    paths, skipped = {runtime.value: path}, {}
    for each in wanted:
        if each.value not in paths:
            try:
                paths[each.value] = FramePath(path.drive, load_model(checkpoint, each))
            except InputError as error:
                skipped[each.value] = str(error)
    return paths, skipped


class Recorder:
    """A frame path that remembers how far from the truth each frame's answer was."""

    def __init__(self, path: FramePath) -> None:
        self._path = path
        self.errors: dict[int, float] = {}

    def __call__(self, index: int) -> None:
        """Localise a frame; a refused one has the error nan."""
        estimate, truth = self._path(index), self._path.drive.at(index).truth
        if isinstance(estimate, Rejection):
            self.errors[index] = math.nan
        else:
            self.errors[index] = math.hypot(estimate.east - truth.x, estimate.north - truth.y)


def compare_runtimes(paths: Mapping[str, FramePath], reference: str, frames: int) -> dict[str, RuntimeRow]:
    """A row for every path by name; `reference` names the one whose error is 1."""
    recorders = {name: Recorder(path) for name, path in paths.items()}
    burst = min(BURST, frames)
    times = interleaved([Contender(name, work, burst) for name, work in recorders.items()], frames // burst)
    errors = {name: np.array(list(recorder.errors.values())) for name, recorder in recorders.items()}
    return {name: _row(times[name], errors[name], errors[reference]) for name in paths}


def _row(milliseconds: NDArray[np.float64], errors: NDArray[np.float64], reference: NDArray[np.float64]) -> RuntimeRow:
    taken, both = speed(milliseconds), np.isfinite(errors) & np.isfinite(reference)
    answered = float(np.isfinite(errors).mean())
    row = RuntimeRow(taken.fps, taken.latency_ms_p50, taken.latency_ms_p95, answered, None, None)
    if not both.any():
        return row
    mean = float(errors[both].mean())
    return replace(row, mean_error_m=mean, error_ratio=mean / float(reference[both].mean()))
