"""How functions are compiled for the processor they run on (extra `[fast]`)."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

compiled = numba.njit(cache=True, nogil=True, fastmath={"contract"})


def compiled_if_possible(function: Function) -> Function:
    """The same as it is where numba finds no folder to keep what it compiles."""
    try:
        return cast(Function, compiled(function))
    except RuntimeError:
        return function
