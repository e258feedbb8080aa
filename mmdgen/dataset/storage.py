"""Files that are there whole or not at all, and what to say when the disk refuses."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path
from typing import Any

from mmdgen.errors import DatasetError

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "your disk quota is used up; free some space and run the same command again",
    errno.EACCES: "you may not write there; change the folder's permissions or choose another --out",
    errno.EPERM: "you may not write there; change the folder's permissions or choose another --out",
    errno.EROFS: "the file system is read-only; choose another --out",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another --out",
    errno.EEXIST: "a file stands where a folder is needed; choose another --out",
}


class StorageError(DatasetError):
    """The data set's folder cannot be written. What was finished before stays."""


def storage_error(path: Path, error: OSError) -> StorageError:
    """The sentence for a person."""
    reason = (error.strerror or str(error)).lower()
    advice = _ADVICE.get(error.errno or 0, f"{reason}; mend it and run the same command again")
    return StorageError(f"{path}: cannot be written: {advice}; finished shards are kept")


def partial_path(path: Path) -> Path:
    """Where a file is written before it is whole.

    Every call gives another path, so that two writers of the same file never write into each other.
    """
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.partial")


def make_folder(folder: Path) -> None:
    """Make a folder and its parents. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file through a partial one and a rename. Raises StorageError."""
    partial = partial_path(path)
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        remove_quietly(partial)
        raise storage_error(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text whole, with newlines as they are on every system. Raises StorageError."""
    write_whole(path, text.encode("utf-8"))


def read_rows(path: Path) -> list[Any]:
    """The values of a file with one JSON text a line. Raises OSError or ValueError.

    Only newlines end a line: names may hold what `str.splitlines` takes for one, such as U+2028.
    """
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def remove_quietly(path: Path) -> None:
    """Remove a file that may be gone already, or that the system will not let go of."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
