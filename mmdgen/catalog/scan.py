"""Finds the model files below folders, and the source group that each belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdgen.errors import DatasetError

MODEL_SUFFIXES = (".pmx", ".pmd")


@dataclass(frozen=True, slots=True, order=True)
class ModelFile:
    """A file that should hold a model."""

    name: str  # path below the folder that was scanned, with slashes: says where, on any machine
    group: str  # first folder level below the scanned folder; the stem for a file directly in it
    path: Path


def find_model_files(folders: Sequence[Path]) -> list[ModelFile]:
    """Every model file below the folders, sorted by name.

    Raises:
        DatasetError: a folder does not exist or cannot be read, or there is no model file in any of them.
    """
    found = [file for folder in folders for file in _files_below(folder)]
    if not found:
        places = " or ".join(str(folder) for folder in folders)
        raise DatasetError(
            f"there is no model file (.pmx or .pmd) below {places}; unpack your models there, "
            "or name another folder"
        )
    return sorted(found)


def _files_below(folder: Path) -> list[ModelFile]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: is no folder; check the path, or [models] folders in the configuration"
        )
    return [
        ModelFile(name=path.relative_to(folder).as_posix(), group=_group(folder, path), path=path)
        for path in _paths_below(folder)
        if path.suffix.lower() in MODEL_SUFFIXES and _is_meant(path)
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


def _group(folder: Path, path: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else path.stem
