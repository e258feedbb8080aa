"""The built-in characters of a data set, written once and then treated as any folder of models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdgen.dataset.storage import make_folder, partial_path, storage_error
from mmdgen.errors import DatasetError
from mmdgen.generate.engines import open_engine, run_tasks


@dataclass(frozen=True, slots=True)
class _Task:
    target: Path
    seed: int
    wild: bool


def write_builtin_characters(
    folder: Path,
    count: int,
    *,
    first_seed: int = 0,
    wild: bool = False,
    workers: int | None = None,
    on_written: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write characters of successive seeds to `folder`/cast-NNN. Those that are there stay.

    Args:
        folder: is made.
        count: how many.
        first_seed: the first one's seed; its folder's number.
        wild: characters that stray as real models do; their folders are `wild-NNN`.
        workers: processes; None = one per core.
        on_written: called with each character's folder.

    Raises:
        DatasetError: the folder cannot be written, or a process died over a character.
    """
    kind = "wild" if wild else "cast"
    tasks = [
        _Task(folder / f"{kind}-{seed:03d}", seed, wild) for seed in range(first_seed, first_seed + count)
    ]
    make_folder(folder)
    pending = [task for task in tasks if not task.target.is_dir()]
    for task in tasks:
        if task not in pending:
            on_written(task.target)
    with open_engine(write_one, workers) as engine:
        for outcome in run_tasks(engine, pending):
            if outcome.result is None:
                raise DatasetError(f"{outcome.task.target}: the process that wrote it died; try again")
            on_written(outcome.task.target)


def write_one(task: _Task) -> Path:
    """Write one character, whole or not at all. Runs in a worker."""
    from mmdgen.cast import make_character, write_character

    partial = partial_path(task.target)
    try:
        write_character(make_character(task.seed, wild=task.wild), partial)
        partial.rename(task.target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not task.target.is_dir():  # else another run wrote the same character meanwhile
            raise storage_error(task.target, error) from error
    return task.target
