"""How a command of this package ends where a Python package that it imports is not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from geoflow_ros.resources import PACKAGE, missing_module


def end_with_a_sentence(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """A `sys.excepthook`: of a missing package one sentence and status 2, of all else what Python says."""
    command = _command()
    if command and isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] != PACKAGE:
        print(f"{PACKAGE}.{command}: {missing_module(error)}", file=sys.stderr)
        raise SystemExit(2)
    sys.__excepthook__(kind, error, traceback)


def _command() -> str:
    """Which command of this package runs, by `-m geoflow_ros.NAME` or its script; empty of another program."""
    started = Path(sys.argv[0]).resolve()
    if started.name == "__main__.py" and started.parent.parent == Path(__file__).resolve().parent:
        return started.parent.name
    return started.name if started.parent.name == PACKAGE else ""
