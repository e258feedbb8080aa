"""Files that are there whole or not at all, and what to say when the disk or the storage refuses."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from mmdgen.dataset.places import Place, RemotePath, read_range
from mmdgen.errors import DatasetError

FIRST_LOOK = 8192

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "your disk quota is used up; free some space and run the same command again",
    errno.EFBIG: "the file is larger than may be written there; raise the limit, or make smaller shards",
    errno.EACCES: "you may not write there; change the folder's permissions or choose another --out",
    errno.EPERM: "you may not write there; change the folder's permissions or choose another --out",
    errno.EROFS: "the file system is read-only; choose another --out",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another --out",
    errno.EEXIST: "a file stands where a folder is needed; choose another --out",
}

_REMOTE_ADVICE = {
    errno.ENOSPC: "the disk for temporary files ({temporary}) is full; free some space, or name another in "
    "TMPDIR, and run the same command again",
    errno.ENOENT: "there is no such bucket; make it, or choose another --out",
    errno.EACCES: "these credentials may not write there; check them, or choose another --out",
}


class StorageError(DatasetError):
    """The data set's folder cannot be written. What was finished before stays."""


def storage_error(path: Place, error: OSError) -> StorageError:
    """The sentence for a person."""
    reason = (error.strerror or str(error)).rstrip(".")
    advice = _ADVICE.get(error.errno or 0)
    if isinstance(path, RemotePath):
        advice = _REMOTE_ADVICE.get(error.errno or 0, "").format(temporary=tempfile.gettempdir())
    else:
        reason = reason.lower()
    advice = advice or f"{reason}; mend it and run the same command again"
    return StorageError(f"{path}: cannot be written: {advice}; finished shards are kept")


def partial_path(path: Path) -> Path:
    """Where a file is written before it is whole.

    Every call gives another path, so that two writers of the same file never write into each other.
    """
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.partial")


def make_folder(folder: Place) -> None:
    """Make a folder and its parents; of object storage, see that the bucket is there. Raises StorageError."""
    try:
        if isinstance(folder, RemotePath):
            folder.check_bucket()
        else:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


class WholeFile:
    """A file that is written aside and is there under its name once it is whole.

    Beside its place in a folder; for object storage in a nameless temporary file, which is sent in the end.
    Use as a context manager; without `publish` nothing stays. Raises StorageError throughout.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        self._partial = partial_path(path) if isinstance(path, Path) else None
        try:
            if self._partial is None:
                self.file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115
            else:
                self.file = self._partial.open("wb")
        except OSError as error:
            raise storage_error(path, error) from error

    def write(self, data: bytes) -> None:
        """Append."""
        try:
            self.file.write(data)
        except OSError as error:
            raise storage_error(self.path, error) from error

    def publish(self) -> None:
        """Let the file appear under its name, in place of what was there."""
        try:
            self.file.flush()
            if self._partial is None:
                self.file.seek(0)
                cast("RemotePath", self.path).upload(self.file)
                return
            os.fsync(self.file.fileno())
            self.file.close()
            self._partial.replace(cast("Path", self.path))
        except OSError as error:
            raise storage_error(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk shows again; the first error is on its way
            self.file.close()
        if self._partial is not None:
            remove_quietly(self._partial)


def write_whole(path: Place, data: bytes) -> None:
    """Write a file whole or not at all. Raises StorageError."""
    with WholeFile(path) as target:
        target.write(data)
        target.publish()


def write_text(path: Place, text: str) -> None:
    """Write a UTF-8 text whole, with newlines as they are on every system. Raises StorageError."""
    write_whole(path, text.encode("utf-8"))


def read_rows(path: Place) -> list[Any]:
    """The values of a file with one JSON text a line. Raises OSError or ValueError.

    Only newlines end a line: names may hold what `str.splitlines` takes for one, such as U+2028.
    """
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def read_first_line(path: Place) -> str:
    """The first line of a text, without reading all of a long one from object storage. Raises OSError."""
    size = FIRST_LOOK
    while True:
        data = read_range(path, 0, size)
        if b"\n" in data or len(data) < size:
            return data.split(b"\n", 1)[0].decode("utf-8")
        size *= 8


def remove_quietly(path: Place) -> None:
    """Remove a file that may be gone already, or that the system will not let go of."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
