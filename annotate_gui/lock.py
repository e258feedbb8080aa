"""One annotate-gui for each folder of annotations: two could give one model to two people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdgen.errors import AnnotationError


@contextmanager
def only_one(folder: Path, annotations: Path) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the process dies.

    Raises:
        AnnotationError: another process has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+b")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(
            f"{folder}: cannot be written: {reason}; choose another --annotations"
        ) from error
    with file:
        if not _try_lock(file.fileno()):
            raise AnnotationError(
                f"{annotations}: another annotate-gui works on these annotations; open its page instead"
            )
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
