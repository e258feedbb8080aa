"""What a worker process does to itself, whichever engine started it, so that no task can hold up a run.

A task that hangs or takes too much memory ends its process. The engine then tells that the task was lost, as
it does when a driver crashes, and there is one way of trying again.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil  # type: ignore[import-untyped]
from joblib.externals.loky import cpu_count

Task = TypeVar("Task")
Result = TypeVar("Result")

HANGS_AFTER_S = 300.0  # without a sign of life: a model takes seconds at most
SIGNS_EVERY_S = 1.0
MEMORY_CHECK_S = 0.1
PARENT_CHECK_S = 0.5
EXIT_CODE = 70
LEAST_MEMORY = 2 * 2**30
SHARE_OF_MEMORY = 0.9  # of the machine's, for all workers together


@dataclass(frozen=True, slots=True)
class Limits:
    """What a task may take.

    Attributes:
        hangs_after_s: a task that shows no sign of life for so long is ended.
        memory_bytes: resident memory of a worker; None = an even share of its machine's, at least 2 GiB and
            what a sound task holds.
        task_bytes: what a sound task holds at most.
        workers_here: how many workers share the machine; None = one per core.
    """

    hangs_after_s: float = HANGS_AFTER_S
    memory_bytes: int | None = None
    task_bytes: int = 0
    workers_here: int | None = None

    @property
    def memory(self) -> int:
        """The bound of a worker on this machine, in bytes."""
        if self.memory_bytes is not None:
            return self.memory_bytes
        workers = self.workers_here or cpu_count()
        return max(LEAST_MEMORY + self.task_bytes, int(SHARE_OF_MEMORY * memory_of_machine() / workers))


def run_guarded(function: Callable[[Task], Result], task: Task, limits: Limits) -> Result:
    """Run a task under limits. Runs in a worker, one task at a time."""
    _memory_watch.begin(limits.memory)
    _signs.begin(limits.hangs_after_s)
    try:
        return function(task)
    finally:
        _signs.end()
        tell_before_end(None)


def show_life() -> None:
    """Say that the task goes forward. Does nothing in a process that is no worker."""
    _signs.show()


def tell_before_end(tell: Callable[[str], None] | None) -> None:
    """Have `tell` called with the reason when this task is ended for the memory that it takes."""
    _memory_watch.tell = tell


def obey_parent(parent: int) -> None:
    """Leave Ctrl-C to the process that started this one, and end soon after it is gone, even by `kill -9`.

    Loky's workers would wait for tasks for ever. Windows does not tell of a new parent; there the broken pipe
    ends the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def memory_of_machine() -> int:
    """Bytes of memory that this machine, or the container that this process is in, has."""
    total = int(psutil.virtual_memory().total)
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return total


class _SignsOfLife:
    """Ends the process when a task shows none for too long, even where it never gives Python a turn.

    `faulthandler` waits in a thread of its own that needs no Python.
    """

    def __init__(self) -> None:
        self._limit_s = 0.0
        self._shown = 0.0
        self._nowhere: int | None = None

    def begin(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._arm()

    def show(self) -> None:
        if self._limit_s and time.monotonic() - self._shown > min(SIGNS_EVERY_S, self._limit_s / 4):
            self._arm()

    def end(self) -> None:
        self._limit_s = 0.0
        faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        if self._nowhere is None:
            self._nowhere = os.open(os.devnull, os.O_WRONLY)  # the stack is for nobody to read
        self._shown = time.monotonic()
        faulthandler.dump_traceback_later(self._limit_s, exit=True, file=self._nowhere)


class _MemoryWatch:
    """A thread that ends the process when it holds more memory than it may."""

    def __init__(self) -> None:
        self.tell: Callable[[str], None] | None = None
        self._limit = 0
        self._thread: threading.Thread | None = None

    def begin(self, limit: int) -> None:
        self._limit = limit
        if self._thread is None:
            resident = _resident_memory()
            self._thread = threading.Thread(
                target=self._watch, args=[resident], name="memory-watch", daemon=True
            )
            self._thread.start()

    def _watch(self, resident: Callable[[], int]) -> None:
        while resident() <= self._limit:
            time.sleep(MEMORY_CHECK_S)
        if self.tell is not None:
            self.tell(f"took more than {self._limit / 2**30:.1f} GiB of memory")
        os._exit(EXIT_CODE)


def _resident_memory() -> Callable[[], int]:
    """What tells this process's resident memory in bytes.

    On Linux one system call: beside a task that hardly ever gives Python a turn, the dozens that psutil needs
    would take seconds.
    """
    if not sys.platform.startswith("linux"):
        process = psutil.Process()
        return lambda: int(process.memory_info().rss)
    statm, page = os.open("/proc/self/statm", os.O_RDONLY), os.sysconf("SC_PAGE_SIZE")
    return lambda: int(os.pread(statm, 64, 0).split()[1]) * page


_signs = _SignsOfLife()
_memory_watch = _MemoryWatch()
