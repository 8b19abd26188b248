"""Files written whole or not at all: a full disk, a kill or a reader that comes meanwhile finds the old one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoflow_ros.errors import InputError


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write the files beside the old ones, and put them in place once all are complete."""
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            with temporary[path].open("wb") as file:
                file.write(content)
                os.fsync(file.fileno())
        for path in contents:
            os.replace(temporary[path], path)
    except OSError as error:
        raise _unwritten(" and ".join(map(str, contents)), error) from error
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file; into what is no file, such as /dev/stdout, at once."""
    if Path("/dev") in path.parents or (path.exists() and not path.is_file()):
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise _unwritten(str(path), error) from error
    else:
        replace_files({path.resolve(): text.encode()})  # the file that a link leads to


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file that people read, too."""
    write_text(path, json.dumps(document, indent=2) + "\n")


def _unwritten(what: str, error: OSError) -> InputError:
    return InputError(f"{what} cannot be written: {error.strerror}")
