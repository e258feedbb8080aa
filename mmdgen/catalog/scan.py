"""Finds the model files below folders, and the source group that each belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmdgen.errors import DatasetError

MODEL_SUFFIXES = (".pmx", ".pmd")


@dataclass(frozen=True, slots=True)
class Grouping:
    """How a model's source group is read off its path below the scanned folder.

    Raises:
        DatasetError: the pattern is no regular expression, or marks no part.
    """

    depth: int = 1  # the first folders of the path, joined by slashes; the file's stem if there is none
    pattern: str | None = None  # a regular expression whose first marked part is the group; it comes first

    def __post_init__(self) -> None:
        if self.pattern is None:
            return
        try:
            parts = re.compile(self.pattern).groups
        except re.error as error:
            raise DatasetError(f"'{self.pattern}' is no regular expression: {error}") from error
        if not parts:
            raise DatasetError(f"'{self.pattern}' marks no part in parentheses as the group")

    def group(self, name: str) -> str:
        """The source group of a model file, by its path below the scanned folder, with slashes."""
        found = re.search(self.pattern, name) if self.pattern is not None else None
        if found is not None and found[1]:
            return found[1]
        *folders, file = name.split("/")
        return "/".join(folders[: self.depth]) or PurePosixPath(file).stem


@dataclass(frozen=True, slots=True, order=True)
class ModelFile:
    """A file that should hold a model."""

    name: str  # path below the folder that was scanned, with slashes: says where, on any machine
    group: str  # source group, see `Grouping`
    path: Path


def stamp(file: ModelFile) -> list[int]:
    """Size and time of a file: another pair means that it must be read again."""
    try:
        stat = file.path.stat()
    except OSError:
        return [-1, -1]
    return [stat.st_size, stat.st_mtime_ns]


def find_model_files(folders: Sequence[Path], grouping: Grouping = Grouping()) -> list[ModelFile]:
    """Every model file below the folders, sorted by name.

    Raises:
        DatasetError: a folder does not exist or cannot be read, or there is no model file in any of them.
    """
    found = [file for folder in folders for file in _files_below(folder, grouping)]
    if not found:
        places = " or ".join(str(folder) for folder in folders)
        raise DatasetError(
            f"there is no model file (.pmx or .pmd) below {places}; unpack your models there, "
            "or name another folder"
        )
    return sorted(found)


def _files_below(folder: Path, grouping: Grouping) -> list[ModelFile]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: is no folder; check the path, or [models] folders in the configuration"
        )
    return [
        ModelFile(name=name, group=grouping.group(name), path=path)
        for path in _paths_below(folder)
        if path.suffix.lower() in MODEL_SUFFIXES and _is_meant(path)
        for name in [path.relative_to(folder).as_posix()]
    ]


def _paths_below(folder: Path) -> Iterator[Path]:
    """Everything in the folders below that is no folder, through links too, each folder once."""
    seen = {folder.resolve()}
    for parent, subfolders, names in os.walk(folder, followlinks=True):
        places = {name: Path(parent, name).resolve() for name in sorted(subfolders)}
        new = {place: name for name, place in reversed(places.items()) if place not in seen}
        seen.update(new)
        subfolders[:] = sorted(new.values())  # what os.walk goes into
        yield from (Path(parent, name) for name in names)


def _is_meant(path: Path) -> bool:
    """Whether the file is more than the shadow that macOS leaves beside it in archives."""
    return not path.name.startswith("._") and path.is_file()
