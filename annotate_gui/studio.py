"""One process that draws, and the line of orders before it: urgent ones first, what nobody waits for never.

A GL context belongs to one thread, and a driver may take its process down with it. So drawing has a process
of its own: the server's event loop never waits, and a process that died is replaced.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import multiprocessing
import threading
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from annotate_gui.previews import Made, Order, PreviewRoom
from mmdgen.errors import MmdgenError, RenderError
from mmdgen.render import Renderer, RenderSettings

CACHE_BYTES = 192 << 20
SLOW_S = 60.0  # a picture that takes longer has hung the driver
_POLL_S = 0.5

Key: TypeAlias = tuple[Any, ...]


@dataclass(eq=False)
class Ticket:
    """Somebody waits for an order. Cancel it, and unless others wait too it is not drawn."""

    future: Future[Made]
    job: _Job | None = None

    def cancel(self) -> None:
        """Stop waiting."""
        if self.job is not None:
            self.job.waiting -= 1
            self.job = None


@dataclass(eq=False)
class _Job:
    order: Order
    key: Key
    urgency: int
    future: Future[Made] = field(default_factory=Future)
    waiting: int = 1


class Studio:
    """Takes orders from any thread and answers with futures. Close it to end the process."""

    def __init__(self, settings: RenderSettings | None = None) -> None:
        self._settings = settings or RenderSettings()
        self._cache: OrderedDict[Key, Made] = OrderedDict()
        self._cached_bytes = 0
        self._jobs: dict[Key, _Job] = {}
        self._line: list[tuple[int, int, _Job]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self._process: Any = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
        self._thread.start()

    def order(self, order: Order, key: Key, urgency: int) -> Ticket:
        """Ask for a picture; what was made before under the same key is there at once.

        Args:
            order: what to draw.
            key: of the result: equal keys, equal results.
            urgency: 0 comes first.
        """
        with self._changed:
            if key in self._cache:
                self._cache.move_to_end(key)
                done: Future[Made] = Future()
                done.set_result(self._cache[key])
                return Ticket(done)
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = _Job(order, key, urgency)
                heapq.heappush(self._line, (urgency, next(self._numbers), job))
            else:
                job.waiting += 1
                if urgency < job.urgency:  # the older place in the line is then passed over
                    job.urgency = urgency
                    heapq.heappush(self._line, (urgency, next(self._numbers), job))
            self._changed.notify()
            return Ticket(job.future, job)

    def close(self) -> None:
        """End the process; orders that wait are cancelled."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout=10.0)
        self._end_process()

    # ---- the dispatching thread ----

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            try:
                made = self._draw(job.order)
            except Exception as error:
                self._forget(job)
                job.future.set_exception(error)
            else:
                self._keep(job, made)
                job.future.set_result(made)

    def _next_job(self) -> _Job | None:
        """The most urgent job that somebody waits for; None in the end."""
        with self._changed:
            while True:
                if self._closing:
                    for job in self._jobs.values():
                        job.future.cancel()
                    return None
                while self._line:
                    _, _, job = heapq.heappop(self._line)
                    if job.future.done() or self._jobs.get(job.key) is not job:
                        continue
                    if job.waiting > 0:
                        return job
                    del self._jobs[job.key]
                    job.future.cancel()
                self._changed.wait()

    def _keep(self, job: _Job, made: Made) -> None:
        with self._changed:
            self._jobs.pop(job.key, None)
            self._cache[job.key] = made
            self._cached_bytes += _size(made)
            while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
                self._cached_bytes -= _size(self._cache.popitem(last=False)[1])

    def _forget(self, job: _Job) -> None:
        with self._changed:
            self._jobs.pop(job.key, None)

    def _draw(self, order: Order) -> Made:
        """Send an order to the process and wait for what it makes."""
        connection = self._open_connection()
        try:
            connection.send(order)
            waited = 0.0
            while not connection.poll(_POLL_S):
                waited += _POLL_S
                if waited > SLOW_S or self._closing:
                    raise EOFError
            made, problem = connection.recv()
        except (EOFError, OSError) as error:
            self._end_process()
            raise RenderError(f"{order.path.name}: drawing it ended the process that draws") from error
        if problem:
            raise RenderError(problem)
        result: Made = made
        return result

    def _open_connection(self) -> Connection:
        if self._connection is None or not self._process.is_alive():
            self._end_process()
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(
                target=draw_orders, args=(theirs, self._settings), name="annotate-gui studio", daemon=True
            )
            self._process.start()
            theirs.close()
        return self._connection

    def _end_process(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.join(timeout=5.0)
            self._process = None


def draw_orders(connection: Connection, settings: RenderSettings) -> None:
    """Main function of the process: draws what comes in until the other end is closed."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to obey
    logging.getLogger("mmdgen").setLevel(logging.ERROR)  # the facts have the warnings
    with suppress(EOFError, OSError):
        _draw_all(connection, settings)


def _draw_all(connection: Connection, settings: RenderSettings) -> None:
    room: PreviewRoom | None = None
    while True:
        order: Order = connection.recv()
        try:
            room = room or PreviewRoom(Renderer(settings))
            answer: tuple[Made | None, str] = room.make(order), ""
        except MmdgenError as error:
            answer = None, str(error)
        except OSError as error:
            answer = None, f"{order.path.name}: {(error.strerror or str(error)).lower()}"
        except Exception as error:  # whatever a strange model does: the page says it and goes on
            answer = None, f"{order.path.name}: cannot be drawn: {type(error).__name__}: {error}"
        connection.send(answer)


def _size(made: Made) -> int:
    return len(made) if isinstance(made, bytes) else 20_000
