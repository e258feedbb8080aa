"""Processes that die, hang and raise: the rest goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mmdgen.generate.engines import ATTEMPTS, EngineSettings, Outcome, open_engine, run_tasks
from mmdgen.generate.guards import Limits, memory_of_machine
from mmdgen.generate.local_engine import LocalEngine

IMPATIENT = EngineSettings(hangs_after_s=3.0, memory_bytes=300 * 2**20)


def work(task: str) -> str:
    """What a test's worker does with a task."""
    if task == "dies":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if task == "hangs":
        time.sleep(600)
    if task == "hangs without giving Python a turn":
        np.ones(10**9, np.int8).searchsorted(np.ones(10**9, np.int8))
    if task == "bloats":
        hoard = [np.ones(2**20) for _ in range(1000)]
        return str(len(hoard))
    if task == "raises":
        raise ValueError("as asked")
    if task == "finds no memory":
        raise MemoryError
    if task == "tells its process":
        return str(os.getpid())
    return task.upper()


def run_all(tasks: list[str]) -> dict[str, Outcome[str, str]]:
    """How each task ended, each tried once."""
    with open_engine(work, 2, IMPATIENT) as engine:
        return {outcome.task: outcome for outcome in run_tasks(engine, tasks, again=lambda lost: None)}


def test_a_worker_that_dies_hangs_or_bloats_costs_its_own_task_only() -> None:
    tasks = ["a", "dies", "b", "hangs", "c", "bloats", "finds no memory", "d"]
    outcomes = run_all(tasks)
    assert set(outcomes) == set(tasks)
    assert {task for task, outcome in outcomes.items() if outcome.is_lost} == {"dies", "hangs", "bloats"}
    assert {outcome.result for outcome in outcomes.values() if outcome.result} == {"A", "B", "C", "D"}
    assert isinstance(outcomes["finds no memory"].error, MemoryError)


def test_what_a_task_raises_ends_the_run() -> None:
    with pytest.raises(ValueError, match="as asked"):
        run_all(["a", "raises"])


def test_a_lost_task_is_tried_three_times() -> None:
    losses: Counter[str] = Counter()
    with open_engine(work, 1, IMPATIENT) as engine:
        start = engine.start

        def count(task: str) -> None:
            losses[task] += 1
            start(task)

        engine.start = count  # type: ignore[method-assign]
        assert [outcome.task for outcome in run_tasks(engine, ["dies", "a"])] == ["dies", "a"]
    assert losses == {"dies": ATTEMPTS, "a": 1}


def test_a_replacement_is_run_in_place_of_a_lost_task() -> None:
    with open_engine(work, 1, IMPATIENT) as engine:
        (outcome,) = run_tasks(engine, ["dies"], again=lambda lost: "a")
    assert outcome == Outcome("a", "A")


@pytest.mark.slow
def test_a_task_that_never_gives_python_a_turn_is_ended_too() -> None:
    settings = EngineSettings(hangs_after_s=1.5, memory_bytes=8 * 2**30)
    with open_engine(work, 1, settings) as engine:
        (outcome,) = run_tasks(engine, ["hangs without giving Python a turn"], again=lambda lost: None)
    assert outcome.is_lost


def test_workers_are_recycled() -> None:
    with open_engine(work, 1, tasks_per_worker=2) as engine:
        processes = [outcome.result for outcome in run_tasks(engine, ["tells its process"] * 5)]
    assert Counter(Counter(processes).values()) == {2: 2, 1: 1}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_worker_that_is_killed_while_it_is_idle_is_replaced() -> None:
    with open_engine(work, 1) as engine:
        (before,) = run_tasks(engine, ["tells its process"])
        assert before.result is not None
        os.kill(int(before.result), signal.SIGKILL)
        while is_alive(int(before.result)):
            time.sleep(0.01)
        (after,) = run_tasks(engine, ["tells its process"])
    assert after.result not in (None, before.result)


def test_a_workers_memory_is_bounded_by_its_share_of_the_machine() -> None:
    assert Limits(memory_bytes=5).memory == 5
    assert Limits(workers_here=1).memory == int(0.9 * memory_of_machine())
    assert Limits(workers_here=10_000).memory == 2 * 2**30
    assert Limits(workers_here=10_000, task_bytes=7).memory == 2 * 2**30 + 7


def test_no_process_stays_after_leaving() -> None:
    with LocalEngine(work, 1, Limits(), 1) as engine:
        engine.start("hangs")
        engine.finished(1.0)
        (pid,) = engine.process_ids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, os, time\n"
        "from mmdgen.generate.guards import Limits\n"
        "from mmdgen.generate.local_engine import LocalEngine\n"
        "from tests.generate.test_engines import work\n"
        "engine = LocalEngine(work, 1, Limits(), 1); engine.start('hangs'); engine.finished(2.0)\n"
        "print(*engine.process_ids, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=60)
    worker = int(done.stdout)
    for _ in range(600):
        if not is_alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, 9)
    pytest.fail("the worker outlived its driver")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_an_engine_that_is_left_in_the_middle_leaves_no_threads() -> None:
    """A thread that is stopped while it frees a lock makes loky warn of a leak at the program's end."""
    for _ in range(8):
        with open_engine(work, 2, IMPATIENT) as engine:
            engine.start("a")
            engine.start("hangs")
            assert [outcome.result for outcome in engine.finished(60.0)] == ["A"]
        assert not [thread for thread in threading.enumerate() if thread.name == "QueueFeederThread"]
