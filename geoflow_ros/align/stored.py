"""The offset of imagery, written into its store."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.folder_store import DESCRIPTION
from geoflow_ros.satellite.tile_images import OFFSET_KEY, ImageryOffset
from geoflow_ros.structured_text import read_json


def check_storable(path: Path) -> None:
    """InputError where an offset could not be stored, before a drive is played for it."""
    if path.suffix.lower() == ".pmtiles":
        raise InputError(
            f"{path} is written once and for all: make an MBTiles file of it with tiles export {path} "
            f"{path.stem}.mbtiles, and align that; or only measure, with --dry-run"
        )
    if not all(os.access(each, os.W_OK, effective_ids=True) for each in (path, path.parent)):
        raise InputError(f"{path} is read-only: copy it to where you may write, or only measure, with --dry-run")
    if path.is_dir():
        _kept(path)


def store_offset(path: Path, offset: ImageryOffset) -> None:
    """Puts an offset in the place of what an MBTiles file or a folder said before."""
    try:
        _into_folder(path, offset) if path.is_dir() else _into_database(path, offset)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"{path} cannot be written ({error}): {OFFSET_KEY} would be {offset}") from error


def _into_folder(path: Path, offset: ImageryOffset) -> None:
    part = path / f".{DESCRIPTION}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps({**_kept(path), OFFSET_KEY: str(offset)}), encoding="utf-8")
        os.replace(part, path / DESCRIPTION)
    finally:
        part.unlink(missing_ok=True)


def _kept(folder: Path) -> dict[str, Any]:
    """What a folder says of itself, which an offset is added to; an InputError where that could not be written again.

    Who only reads tiles does without; here it would be lost.
    """
    path = folder / DESCRIPTION
    try:
        content = read_json(path) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}), and an offset is to be added to it: mend it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no names and values, to which an offset could be added: mend it")
    return content


def _into_database(path: Path, offset: ImageryOffset) -> None:
    connection = sqlite3.connect(path)
    try:
        with connection:  # one transaction
            connection.execute("CREATE TABLE IF NOT EXISTS metadata (name TEXT, value TEXT)")
            connection.execute("DELETE FROM metadata WHERE name = ?", (OFFSET_KEY,))
            connection.execute("INSERT INTO metadata VALUES (?, ?)", (OFFSET_KEY, str(offset)))
    finally:
        connection.close()
