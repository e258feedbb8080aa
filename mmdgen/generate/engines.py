"""Where tasks run: in processes of this machine.

Each worker slot is a pool of one process. When a process dies, loky gives up its whole pool, so a pool of one
loses exactly the task that killed it, and we know which that was.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor, cpu_count

Task = TypeVar("Task")
Result = TypeVar("Result")

# One process a core: threads inside would only wait for each other.
WORKER_ENVIRONMENT = {
    "LP_NUM_THREADS": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

PARENT_CHECK_S = 0.5

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows SIGTERM ends a process at once
_LOST = (BrokenProcessPool, CancelledError)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """How a task ended: with a result, with the error that it raised, or with its worker (neither)."""

    task: Task
    result: Result | None = None
    error: Exception | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the worker died or was stopped."""
        return self.result is None and self.error is None


class LocalEngine(Generic[Task, Result]):
    """Runs one function over tasks in processes of this machine; survives the death of any of them.

    Args:
        function: module-level, so that a fresh process finds it; must return something.
        workers: how many processes; None = one per core.
    """

    def __init__(self, function: Callable[[Task], Result], workers: int | None = None) -> None:
        self._function = function
        self._idle: list[Any] = []
        self._busy: dict[Future[Result], tuple[Task, Any]] = {}
        self.workers = workers or cpu_count()

    @property
    def has_room(self) -> bool:
        """Whether another task can start at once."""
        return len(self._busy) < self.workers

    @property
    def running(self) -> list[Task]:
        """Tasks that were started and have no outcome yet."""
        return [task for task, _ in self._busy.values()]

    def start(self, task: Task) -> None:
        """Start a task in a process of its own or one that is idle."""
        pool = self._idle.pop() if self._idle else _one_process()
        with _interrupts_ignored():
            future = pool.submit(self._function, task)
        self._busy[future] = (task, pool)

    def finished(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes of tasks that ended, after waiting for at most `timeout_s` for the first."""
        if not self._busy:
            return []
        done, _ = wait(self._busy, timeout=timeout_s, return_when=FIRST_COMPLETED)
        return [self._outcome(future) for future in done]

    def stop(self, task: Task) -> None:
        """Kill the worker of a task that hangs; its outcome is then 'lost'."""
        for running, pool in self._busy.values():
            if running is task:
                for pid in list(pool._processes):
                    with suppress(OSError):  # it ended meanwhile
                        os.kill(pid, _KILL)

    def _outcome(self, future: Future[Result]) -> Outcome[Task, Result]:
        task, pool = self._busy.pop(future)
        error = future.exception()
        if isinstance(error, _LOST):
            pool.shutdown(wait=False, kill_workers=True)
            return Outcome(task)
        self._idle.append(pool)
        if error is not None:
            return Outcome(task, error=error if isinstance(error, Exception) else RuntimeError(str(error)))
        return Outcome(task, result=future.result())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in [*self._idle, *(pool for _, pool in self._busy.values())]:
            pool.shutdown(wait=True, kill_workers=bool(self._busy))
        self._idle.clear()
        self._busy.clear()


def _one_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, env=WORKER_ENVIRONMENT, initializer=_obey_parent, initargs=(os.getpid(),))


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a moment: a process that is started now inherits that.

    A terminal sends Ctrl-C to every process. The one that plans ends its workers itself; a worker that is
    interrupted while it is still importing would print a traceback of its own.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _obey_parent(parent: int) -> None:
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
