"""How every command line ends: 0 when done, 2 with one sentence on bad input."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from geoflow_ros.errors import InputError


def run(parser: argparse.ArgumentParser, main: Callable[[argparse.Namespace], None], argv: Sequence[str] | None) -> int:
    """Exit status of `main` on the parsed arguments; bad input becomes one sentence on stderr and 2, Ctrl-C 130."""
    arguments = parser.parse_args(argv)
    try:
        main(arguments)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
