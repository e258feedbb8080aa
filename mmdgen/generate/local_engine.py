"""Tasks in processes of this machine.

Each worker slot is a pool of one process. When a process dies, loky gives up its whole pool, so a pool of one
loses exactly the task that killed it, and we know which that was.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor, cpu_count

from mmdgen.generate.engines import Outcome
from mmdgen.generate.guards import Limits, obey_parent, run_guarded

Task = TypeVar("Task")
Result = TypeVar("Result")

# One process a core: threads inside would only wait for each other.
WORKER_ENVIRONMENT = {
    "LP_NUM_THREADS": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

_LOST = (BrokenProcessPool, CancelledError)
_FEEDER_ENDS_S = 5.0  # it has only to see that its queue is closed


@dataclass(slots=True)
class _Worker:
    """A pool of one process, and how many tasks it was given."""

    pool: ProcessPoolExecutor
    tasks: int = 0


class LocalEngine(Generic[Task, Result]):
    """See `mmdgen.generate.engines.open_engine`."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        workers: int | None,
        limits: Limits,
        tasks_per_worker: int,
    ) -> None:
        self._function = function
        self.workers = workers or cpu_count()
        self._limits = replace(limits, workers_here=self.workers)
        self._tasks_per_worker = tasks_per_worker
        self._idle: list[_Worker] = []
        self._busy: dict[Future[Result], tuple[Task, _Worker]] = {}
        self._closed_queues: list[Any] = []  # of pools that were shut down

    @property
    def has_room(self) -> bool:
        """Whether another task can start at once."""
        return len(self._busy) < self.workers

    @property
    def running(self) -> list[Task]:
        """Tasks that were started and have no outcome yet."""
        return [task for task, _ in self._busy.values()]

    @property
    def process_ids(self) -> list[int]:
        """The processes that run a task at present."""
        return [pid for _, worker in self._busy.values() for pid in list(worker.pool._processes)]

    def start(self, task: Task) -> None:
        """Start a task in a process of its own or one that is idle."""
        while self._idle:
            worker = self._idle.pop()
            try:
                self._give(worker, task)
                return
            except BrokenProcessPool:  # it was killed while it waited for a task
                self._shut_down(worker, kill=True)
        self._give(_Worker(_one_process()), task)

    def _give(self, worker: _Worker, task: Task) -> None:
        with _interrupts_ignored():
            future = worker.pool.submit(run_guarded, self._function, task, self._limits)
        worker.tasks += 1
        self._busy[future] = (task, worker)

    def finished(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes of tasks that ended, after waiting for at most `timeout_s` for the first."""
        if not self._busy:
            return []
        done, _ = wait(self._busy, timeout=timeout_s, return_when=FIRST_COMPLETED)
        return [self._outcome(future) for future in done]

    def _outcome(self, future: Future[Result]) -> Outcome[Task, Result]:
        task, worker = self._busy.pop(future)
        error = future.exception()
        if isinstance(error, _LOST):
            self._shut_down(worker, kill=True)
            return Outcome(task)
        if worker.tasks < self._tasks_per_worker:
            self._idle.append(worker)
        else:
            self._shut_down(worker)
        if error is not None:
            return Outcome(task, error=error if isinstance(error, Exception) else RuntimeError(str(error)))
        return Outcome(task, result=future.result())

    def _shut_down(self, worker: _Worker, *, wait: bool = False, kill: bool = False) -> None:
        self._closed_queues.append(worker.pool._call_queue)
        worker.pool.shutdown(wait=wait, kill_workers=kill)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self._idle, *(worker for _, worker in self._busy.values())]:
            self._shut_down(worker, wait=True, kill=bool(self._busy))
        self._idle.clear()
        self._busy.clear()
        self._wait_for_feeders()

    def _wait_for_feeders(self) -> None:
        """Let the threads end that fill the pools' queues; loky waits for the processes only.

        A thread that the end of the program stops in the middle of freeing its queue's lock leaves loky's
        resource tracker with a lock to warn of.
        """
        for queue in self._closed_queues:
            feeder = getattr(queue, "_thread", None)  # None: nothing was ever put into it
            if feeder is not None:
                feeder.join(_FEEDER_ENDS_S)
        self._closed_queues.clear()


def _one_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, env=WORKER_ENVIRONMENT, initializer=obey_parent, initargs=(os.getpid(),))


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
