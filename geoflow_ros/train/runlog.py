"""What a run reports while it goes on: log.jsonl for programs, TensorBoard for people, and how busy the trainer is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_NAME = "log.jsonl"


class RunLog:
    """Writes a run's figures into its folder, one JSON object a line, each with its `step`.

    A resumed run drops the lines of steps that it takes again. tensorboard: write event files there too.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool) -> None:
        self._path = folder / LOG_NAME
        self._board = _board(folder) if tensorboard else None
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
            self._write("w", "".join(line for line in lines if _step_of(line) <= step))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Note figures by their names, units at the end of them."""
        self._write("a", json.dumps({"step": step, **values}) + "\n")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish the event files."""
        if self._board is not None:
            self._board.close()

    def _write(self, mode: str, text: str) -> None:
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise InputError(f"{self._path} cannot be written ({error.strerror}): free some disk and resume") from error


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return float("inf")  # the line a kill cut off


def _board(folder: Path) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(f"--tensorboard needs tensorboard: {install_hint('train')}") from error
    writer: SummaryWriter = SummaryWriter(str(folder))
    return writer


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds a step took, and the share of them that the trainer waited for data."""

    step_s: float
    data_share: float


class Stopwatch:
    """How long steps take, and how much of it the trainer waits for data."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was measured."""
        self._start = time.perf_counter()
        self._waited, self._steps = 0.0, 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the data of one more step."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start
        self._steps += 1

    def lap(self) -> Pace:
        """The pace since the last lap or restart, over at least one step."""
        seconds = time.perf_counter() - self._start
        pace = Pace(seconds / self._steps, self._waited / seconds)
        self.restart()
        return pace
