"""CPU time by stage."""

from __future__ import annotations

import contextlib
import time

import pytest

from mmdgen.stopwatch import OTHER, is_measuring, measuring, timed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the watch sees; a test moves it on."""
    now = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    return now


def test_a_stage_inside_another_counts_for_itself_alone(clock: list[float]) -> None:
    with measuring() as watch:
        clock[0] += 1.0
        with timed("load"):
            clock[0] += 2.0
            with timed("draw"):
                clock[0] += 4.0
            clock[0] += 8.0
    assert watch.seconds == {OTHER: 1.0, "load": 10.0, "draw": 4.0}


def test_a_stage_that_fails_ends_too(clock: list[float]) -> None:
    with measuring() as watch:
        with contextlib.suppress(ValueError), timed("draw"):
            clock[0] += 1.0
            raise ValueError
        clock[0] += 2.0
    assert watch.seconds == {"draw": 1.0, OTHER: 2.0}


def test_nothing_is_counted_while_nobody_measures(clock: list[float]) -> None:
    with timed("draw"):
        assert not is_measuring()
    with measuring() as watch:
        assert is_measuring()
    assert not is_measuring()
    assert watch.seconds == {OTHER: 0.0}
