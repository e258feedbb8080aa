"""The built-in characters of a data set, written once and then treated as any folder of models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mmdgen.dataset.storage import make_folder, partial_path, storage_error


def write_builtin_characters(
    folder: Path,
    count: int,
    *,
    first_seed: int = 0,
    wild: bool = False,
    on_written: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write characters of successive seeds to `folder`/cast-NNN. Those that are there stay.

    Args:
        folder: is made.
        count: how many.
        first_seed: the first one's seed; its folder's number.
        wild: characters that stray as real models do; their folders are `wild-NNN`.
        on_written: called with each character's folder.

    Raises:
        StorageError: the folder cannot be written.
    """
    from mmdgen.cast import make_character, write_character

    for seed in range(first_seed, first_seed + count):
        target = folder / f"{'wild' if wild else 'cast'}-{seed:03d}"
        if target.is_dir():
            on_written(target)
            continue
        make_folder(folder)
        partial = partial_path(target)
        try:
            write_character(make_character(seed, wild=wild), partial)
            partial.rename(target)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise storage_error(target, error) from error
        on_written(target)
