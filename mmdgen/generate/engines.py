"""Where tasks run, and the one loop that runs them.

An engine starts tasks and tells how they ended; it decides nothing. `run_tasks` keeps it busy and tries again
what was lost with its worker. The engines: `local_engine` (processes of this machine) and `ray_engine` (a Ray
cluster, or Ray on this machine).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from mmdgen.generate.guards import HANGS_AFTER_S, Limits

Task = TypeVar("Task")
Result = TypeVar("Result")

ATTEMPTS = 3
POLL_S = 0.2


class EngineKind(StrEnum):
    """Which engine."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where tasks run and what one of them may take. Decides speed, never content.

    Attributes:
        kind: which engine.
        address: of a Ray cluster, "auto" or "host:6379"; None = Ray on this machine alone.
        memory_bytes: bound for a worker; None = an even share of its machine's.
        hangs_after_s: a task without a sign of life for so long is ended.
    """

    kind: EngineKind = EngineKind.LOCAL
    address: str | None = None
    memory_bytes: int | None = None
    hangs_after_s: float = HANGS_AFTER_S


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """How a task ended: with a result, with the error that it raised, or with its worker (neither)."""

    task: Task
    result: Result | None = None
    error: Exception | None = None
    machine_lost: bool = False  # the worker ended with its whole machine, which says nothing of the task

    @property
    def is_lost(self) -> bool:
        """Whether the worker died."""
        return self.result is None and self.error is None


class Engine(Protocol[Task, Result]):
    """Runs one function over tasks, each in a worker of its own; survives the death of any worker."""

    @property
    def workers(self) -> int:
        """How many tasks can run at a time at present."""

    @property
    def has_room(self) -> bool:
        """Whether another task can start at once."""

    @property
    def running(self) -> list[Task]:
        """Tasks that were started and have no outcome yet."""

    def start(self, task: Task) -> None:
        """Start a task."""

    def finished(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes of tasks that ended, after waiting for at most `timeout_s` for the first."""


def open_engine(
    function: Callable[[Task], Result],
    workers: int | None = None,
    settings: EngineSettings | None = None,
    *,
    tasks_per_worker: int = 200,
    task_bytes: int = 0,
) -> AbstractContextManager[Engine[Task, Result]]:
    """An engine for one function. Leave the context to end every worker.

    Args:
        function: module-level, so that a fresh process finds it; must return something.
        workers: how many tasks run at a time; None = one per core, of the cluster with Ray.
        settings: which engine, and limits.
        tasks_per_worker: a process that has run so many is replaced by a fresh one, which bounds what leaks.
        task_bytes: memory that a sound task may hold for its result.

    Raises:
        BackendError: Ray is not installed, or no cluster answers at the address.
    """
    settings = settings or EngineSettings()
    limits = Limits(settings.hangs_after_s, settings.memory_bytes, task_bytes)
    if settings.kind is EngineKind.RAY:
        from mmdgen.generate.ray_engine import RayEngine

        return RayEngine(function, workers, limits, tasks_per_worker, settings.address)
    from mmdgen.generate.local_engine import LocalEngine

    return LocalEngine(function, workers, limits, tasks_per_worker)


def run_tasks(
    engine: Engine[Task, Result],
    tasks: Iterable[Task],
    *,
    again: Callable[[Outcome[Task, Result]], Task | None] | None = None,
    on_pause: Callable[[], None] = lambda: None,
) -> Iterator[Outcome[Task, Result]]:
    """Run every task; yields how each ended, in the order of their ends.

    Args:
        engine: from `open_engine`.
        tasks: taken one by one, when there is room for one.
        again: given a task that was lost, or that found no memory: the task to run in its place, or None to
            give it up, which is then its outcome. Three attempts each if left out.
        on_pause: called about every 0.2 s.

    Raises:
        Exception: what a task raised, except a passing want of memory (MemoryError).
    """
    decide = _ThreeAttempts[Task]() if again is None else again
    fresh, is_at_end = iter(tasks), False
    lost: deque[Task] = deque()
    while not is_at_end or lost or engine.running:
        while engine.has_room and (lost or not is_at_end):
            task = lost.popleft() if lost else next(fresh, None)
            if task is None:
                is_at_end = True
            else:
                engine.start(task)
        for outcome in engine.finished(POLL_S):
            if outcome.result is not None:
                yield outcome
                continue
            if outcome.error is not None and not isinstance(outcome.error, MemoryError):
                raise outcome.error
            replacement = decide(outcome)
            if replacement is None:
                yield outcome
            else:
                lost.append(replacement)
        on_pause()


class _ThreeAttempts(Generic[Task]):
    """What is done again: a task that was lost fewer than three times."""

    def __init__(self) -> None:
        self._losses: Counter[Task] = Counter()

    def __call__(self, outcome: Outcome[Task, Any]) -> Task | None:
        self._losses[outcome.task] += not outcome.machine_lost
        return outcome.task if self._losses[outcome.task] < ATTEMPTS else None
