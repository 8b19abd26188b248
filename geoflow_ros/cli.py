"""What the command lines share: argument types, and how they end: 0 when done, 2 with one sentence on bad input."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from geoflow_ros.errors import InputError
from geoflow_ros.resources import refuse_outdated

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run(parser: argparse.ArgumentParser, main: Callable[[argparse.Namespace], None], argv: Sequence[str] | None) -> int:
    """Exit status of `main` on the parsed arguments: Ctrl-C is 130, bad input or a full disk one sentence and 2."""
    arguments = parser.parse_args(argv)
    try:
        refuse_outdated()
        main(arguments)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # others have a name, and with it a better sentence, where they are met
        if error.errno not in FULL:
            raise
        print(f"{parser.prog}: {error.strerror}: free some disk and run it again", file=sys.stderr)
        return 2
    return 0


def positive(text: str) -> int:
    """An argument that counts something, 1 or more."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def natural(text: str) -> int:
    """An argument that is a whole number, 0 or more, as seeds are."""
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return int(text)


def prepare_file(path: Path) -> None:
    """Make sure that an output file can be written, so that a long run does not end without it; make none."""
    prepare_folder(path.parent)
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.resolve().unlink()  # what a link leads to, not the link
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def prepare_folder(path: Path) -> None:
    """Make an output folder."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        blocking = next(each for each in (path, *path.parents) if os.path.lexists(each))
        raise InputError(f"{path} cannot be written: {blocking} is a file, give the name of a folder") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
