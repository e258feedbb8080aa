"""Where the CPU time of a process goes, by named stages of its work.

The work names its stages with `timed`; that costs nothing to speak of unless somebody measures.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

OTHER = "other"

_running: list[Stopwatch] = []


class Stopwatch:
    """CPU seconds of this process by stage; a stage inside another counts for the inner one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = [OTHER]
        self._since = time.process_time()

    def enter(self, stage: str) -> None:
        """What follows belongs to a stage."""
        self._count()
        self._open.append(stage)

    def leave(self) -> None:
        """What follows belongs to the stage before."""
        self._count()
        self._open.pop()

    def _count(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


@contextmanager
def measuring() -> Iterator[Stopwatch]:
    """Count the stages of what is done meanwhile; what has no stage counts as `OTHER`."""
    watch = Stopwatch()
    _running.append(watch)
    try:
        yield watch
    finally:
        watch.leave()
        _running.remove(watch)


def is_measuring() -> bool:
    """Whether somebody measures, so that work that a driver puts off should be done at once."""
    return bool(_running)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """The work within belongs to a stage."""
    watches = list(_running)
    for watch in watches:
        watch.enter(stage)
    try:
        yield
    finally:
        for watch in watches:
            watch.leave()
