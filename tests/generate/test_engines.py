"""Processes that die, hang and raise: the rest goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmdgen.generate.engines import LocalEngine, Outcome


def work(task: str) -> str:
    """What a test's worker does with a task."""
    if task == "dies":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if task == "hangs":
        time.sleep(600)
    if task == "raises":
        raise ValueError("as asked")
    return task.upper()


def run_all(tasks: list[str], workers: int = 2) -> dict[str, Outcome[str, str]]:
    pending, outcomes = list(tasks), {}
    with LocalEngine(work, workers) as engine:
        while pending or engine.running:
            while pending and engine.has_room:
                engine.start(pending.pop(0))
            for outcome in engine.finished(0.5):
                outcomes[outcome.task] = outcome
            if len(outcomes) == len(tasks) - 1 and engine.running == ["hangs"]:
                engine.stop("hangs")
    return outcomes


def test_a_worker_that_dies_hangs_or_raises_costs_its_own_task_only() -> None:
    tasks = ["a", "dies", "b", "raises", "c", "hangs", "d"]
    outcomes = run_all(tasks)
    assert set(outcomes) == set(tasks)
    assert {task for task, outcome in outcomes.items() if outcome.is_lost} == {"dies", "hangs"}
    assert {outcome.result for outcome in outcomes.values() if outcome.result} == {"A", "B", "C", "D"}
    assert str(outcomes["raises"].error) == "as asked"


def test_stopping_a_worker_that_has_just_ended_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    kill = os.kill

    def too_late(pid: int, how: int) -> None:
        kill(pid, how)
        raise ProcessLookupError(pid)

    with LocalEngine(work, 1) as engine:
        engine.start("hangs")
        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", too_late)
            engine.stop("hangs")
        (outcome,) = engine.finished(30.0)
    assert outcome.is_lost


def test_no_process_stays_after_leaving() -> None:
    with LocalEngine(work, 1) as engine:
        engine.start("hangs")
        engine.finished(1.0)
        (pool,) = [pool for _, pool in engine._busy.values()]
        (pid,) = pool._processes
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, os, time\n"
        "from mmdgen.generate.engines import LocalEngine\n"
        "from tests.generate.test_engines import work\n"
        "engine = LocalEngine(work, 1); engine.start('hangs'); engine.finished(2.0)\n"
        "print(*next(iter(engine._busy.values()))[1]._processes, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=60)
    worker = int(done.stdout)
    for _ in range(100):
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
