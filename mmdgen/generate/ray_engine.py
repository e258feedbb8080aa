"""Tasks on a Ray cluster, or on Ray's workers on this machine. The only module that imports ray.

Ray core tasks with `max_retries=0`: what is tried again, how often and with which models is decided by the
loop that all engines share, which must see every death of a worker to know which model caused it. A death
together with the whole machine is nobody's fault.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Generic, Self, TypeVar

from mmdgen import __version__
from mmdgen.errors import BackendError
from mmdgen.generate.engines import Outcome
from mmdgen.generate.guards import Limits, run_guarded

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_S = 10.0
COUNT_EVERY_S = 2.0  # a cluster may grow and shrink
OBJECT_STORE_BYTES = 80 * 2**20  # results are a few numbers; Ray wants at least 75 MB

# For a Ray that this command starts itself: no telemetry, and workers keep what the variables for GPUs say.
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


class RayEngine(Generic[Task, Result]):
    """See `mmdgen.generate.engines.open_engine`."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        workers: int | None,
        limits: Limits,
        tasks_per_worker: int,
        address: str | None = None,
    ) -> None:
        self._ray = _import_ray()
        self._function = function
        self._workers = workers
        self._limits = limits
        _connect(self._ray, address, workers)
        self._remote = self._ray.remote(num_cpus=1, max_retries=0, max_calls=tasks_per_worker)(run_on_machine)
        self._busy: dict[Any, Task] = {}
        self._cores, self._counted = 1, -COUNT_EVERY_S

    @property
    def workers(self) -> int:
        """How many tasks can run at a time at present: a cluster may grow."""
        return self._workers or self._count_cores()

    @property
    def has_room(self) -> bool:
        """Whether another task can start at once, if nobody else uses the cluster."""
        return len(self._busy) < self.workers

    @property
    def running(self) -> list[Task]:
        """Tasks that were started and have no outcome yet."""
        return list(self._busy.values())

    def start(self, task: Task) -> None:
        """Hand a task to the cluster."""
        here = str(Path.cwd())
        self._busy[self._remote.remote(self._function, task, self._limits, __version__, here)] = task

    def finished(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes of tasks that ended, after waiting for at most `timeout_s` for the first."""
        if not self._busy:
            return []
        first, others = self._ray.wait(list(self._busy), timeout=timeout_s)
        if first and others:
            more, _ = self._ray.wait(others, num_returns=len(others), timeout=0)
            first += more
        return [self._outcome(reference) for reference in first]

    def _outcome(self, reference: Any) -> Outcome[Task, Result]:
        errors = self._ray.exceptions
        task = self._busy.pop(reference)
        try:
            return Outcome(task, result=self._ray.get(reference))
        except errors.RayTaskError as error:
            cause = error.cause
            return Outcome(task, error=cause if isinstance(cause, Exception) else RuntimeError(str(error)))
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.OwnerDiedError):
            return Outcome(task, machine_lost=True)
        except errors.RayError:  # the worker died, or the machine's memory was short
            return Outcome(task)

    def _count_cores(self) -> int:
        if time.monotonic() - self._counted > COUNT_EVERY_S:
            self._cores = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            self._counted = time.monotonic()
        return self._cores

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._busy:
            with suppress(Exception):  # it ended meanwhile, or the cluster is gone
                self._ray.cancel(reference, force=True)
        self._busy.clear()


def run_on_machine(
    function: Callable[[Task], Result], task: Task, limits: Limits, version: str, folder: str
) -> Result:
    """Run a task in a worker of Ray.

    Args:
        function: what to run.
        task: what to run it with.
        limits: of the worker.
        version: of the command.
        folder: where the command was typed: relative paths are meant from there.

    Raises:
        BackendError: another version of mmdgen is installed here.
    """
    if version != __version__:
        raise BackendError(
            f"{platform.node()}: has mmdgen {__version__}, the command is mmdgen {version}; "
            "install the same version on every machine"
        )
    with suppress(OSError):  # not on this machine: then all paths are whole ones
        os.chdir(folder)
    return run_guarded(function, task, limits)


def _import_ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise BackendError('--engine ray needs an extra: pip install "mmdgen[ray]"') from error
    return ray


def _connect(ray: ModuleType, address: str | None, workers: int | None) -> None:
    """Join a cluster or start Ray on this machine, once: it ends with this process.

    Raises:
        BackendError: no cluster answers.
    """
    if ray.is_initialized():
        return
    address = address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"address": address}
    if address is None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        options = {
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    else:
        _check_that_it_answers(address)
    with _handlers_kept():
        try:
            ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = f"{address}: no Ray cluster answers there" if address else "Ray does not start here"
            raise BackendError(f"{where} ({_first_sentence(error)})") from error


def _check_that_it_answers(address: str) -> None:
    """Raise BackendError where nobody listens. Ray would try for minutes and print its warnings."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # "auto", or something that Ray itself refuses at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise BackendError(f"{address}: no Ray cluster answers there ({reason})") from error


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep what SIGTERM does: Ray would have it end the process without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
