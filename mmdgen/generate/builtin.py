"""The built-in characters of a data set, written once and then treated as any folder of models."""

from __future__ import annotations

import shutil
from pathlib import Path

from mmdgen.dataset.storage import make_folder, partial_path, storage_error


def write_builtin_characters(folder: Path, count: int) -> None:
    """Write the characters of seeds 0 to count - 1 to `folder`/cast-NNN. Those that are there stay.

    Raises:
        StorageError: the folder cannot be written.
    """
    from mmdgen.cast import make_character, write_character

    for seed in range(count):
        target = folder / f"cast-{seed:03d}"
        if target.is_dir():
            continue
        make_folder(folder)
        partial = partial_path(target)
        try:
            write_character(make_character(seed), partial)
            partial.rename(target)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise storage_error(target, error) from error
