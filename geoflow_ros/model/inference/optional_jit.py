"""Functions that are compiled where they can be, and give the same as they are elsewhere."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled_if_possible(function: Function) -> Function:
    """The same as it is where numba is not installed, or finds no folder to keep what it compiles."""
    try:
        from geoflow_ros.model.inference.jit import compiled

        return cast(Function, compiled(function))
    except (ImportError, RuntimeError):
        return function
