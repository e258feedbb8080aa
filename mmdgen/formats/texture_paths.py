r"""Where the picture lies that a model names.

Model files were made on Windows: paths have backslashes, the wrong case, a drive letter, or letters composed
in another way than the disk has them (a Mac unpacks NFD). A name is looked up part by part below the model's
folder, and then by its file name alone anywhere below. Nothing outside that folder is ever opened, neither
by "..", nor by an absolute path, nor through a symbolic link.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

MAX_FILES_SEARCHED = 20_000
_DRIVE = re.compile(r"[A-Za-z]:")


def find_texture(folder: Path, name: str) -> tuple[Path | None, str | None]:
    """Look up a texture of a model.

    Args:
        folder: the model's folder.
        name: the path as stored in the model.

    Returns:
        The file or None, and a sentence where it is not exactly what the model names.
    """
    name = name.split("\0")[0].strip().replace("\\", "/")
    parts, stays_inside = _parts(name)
    if not parts:
        return None, f"{name!r} is no file name"
    root = folder.resolve()
    outside = False
    if stays_inside:
        for path in _matches(folder, parts, root):
            if not _is_inside(path, root):
                outside = True
            elif path.is_file():
                same = path.relative_to(folder).parts == tuple(parts)
                return path, None if same else f"{name} was found as {_shown(path, folder)}"
    for path in _files_named(folder, parts[-1]):
        if _is_inside(path, root):
            return path, f"{name} was found as {_shown(path, folder)}"
        outside = True
    if outside:
        return None, f"{name} leads out of the model's folder: not opened"
    return None, f"{name} is missing"


def _parts(name: str) -> tuple[list[str], bool]:
    """The components of a path, and whether it stays below where it starts."""
    absolute = name.startswith("/") or _DRIVE.match(name) is not None
    parts: list[str] = []
    climbs = False
    for part in name.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            climbs = True
    if parts and absolute:
        parts[-1] = _DRIVE.sub("", parts[-1], count=1)
    return [part for part in parts if part], not (absolute or climbs)


def _matches(folder: Path, parts: list[str], root: Path) -> Iterator[Path]:
    """Paths below `folder` whose components equal `parts`, the most exact first.

    A link that leads out of `root` is yielded itself instead of being followed.
    """
    first, rest = parts[0], parts[1:]
    for entry in _alike([entry.name for entry in _scan(folder)], first):
        path = folder / entry
        if not rest or not _is_inside(path, root):
            yield path
        elif path.is_dir():
            yield from _matches(path, rest, root)


def _alike(entries: list[str], wanted: str) -> list[str]:
    """The entries that equal a name exactly, then up to composition, then up to case, then misread."""
    spellings = [_folded(wanted), *_misread(wanted)]
    ranks = {spelling: rank for rank, spelling in reversed(list(enumerate(spellings)))}
    composed = _composed(wanted)

    def order(entry: str) -> tuple[bool, bool, int, str]:
        return entry != wanted, _composed(entry) != composed, ranks[_folded(entry)], entry

    return sorted((entry for entry in entries if _folded(entry) in ranks), key=order)


def _misread(name: str) -> list[str]:
    """What a name becomes when an archive's cp932 (or GBK) file names are unpacked as something else.

    ZIP files do not say in which code page their names are, and unpackers guess.
    """
    if name.isascii():
        return []
    spellings = []
    for written in ("cp932", "gbk"):
        for read in ("cp437", "cp850", "cp1252", "latin-1", "cp932", "gbk", "utf-8"):
            try:
                misread = name.encode(written).decode(
                    read, "surrogateescape" if read == "utf-8" else "strict"
                )
            except UnicodeError:
                continue
            spellings.append(_folded(misread))
    return spellings


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _composed(_composed(name).casefold()).rstrip(" .")  # Windows drops spaces and dots at the end


def _files_named(folder: Path, name: str) -> Iterator[Path]:
    """Files below `folder` with that name, nearest first; gives up in a huge tree."""
    searched = 0
    folders = [folder]
    for parent in folders:  # grows while it is walked: breadth first
        entries = sorted(_scan(parent), key=lambda entry: entry.name)
        for found in _alike([entry.name for entry in entries], name):
            if (parent / found).is_file():
                yield parent / found
        searched += len(entries)
        if searched > MAX_FILES_SEARCHED:
            return
        folders.extend(parent / entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a circle of links
        return False


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
