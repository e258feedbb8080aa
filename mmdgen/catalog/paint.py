"""The texture files of models: where they are, and a hash of what is in them.

A file is read once and its hash remembered under its size and time, in one list for all models, so that a
later look at thousands of models opens no texture that has not changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmdgen.catalog.record import Surface
from mmdgen.catalog.scan import ModelFile
from mmdgen.formats.pictures import is_picture
from mmdgen.formats.texture_paths import find_texture
from mmdgen.formats.textures import MAX_FILE_BYTES
from mmdgen.formats.toons import shared_toon_of_name
from mmdgen.scene import Shading


@dataclass(frozen=True, slots=True)
class PaintFile:
    """A picture file of a model."""

    path: Path
    name: str  # its path below the scanned folder, with slashes
    size: int  # bytes
    modified_ns: int


class PaintHashes:
    """Hashes of texture files, remembered by path below a scanned folder, size and time."""

    def __init__(self, known: Mapping[tuple[str, int, int], str] | None = None) -> None:
        self._known = dict(known or {})
        self._used: dict[tuple[str, int, int], str] = {}

    @staticmethod
    def from_text(text: str) -> PaintHashes:
        """What `to_text` wrote; anything else counts as nothing known."""
        try:
            rows = [json.loads(line) for line in text.split("\n") if line]
            return PaintHashes({(name, size, time): digest for name, size, time, digest in rows})
        except (ValueError, TypeError):
            return PaintHashes()

    def to_text(self) -> str:
        """The hashes that were asked for, a JSON list a line: path, size, time, hash."""
        rows = (
            json.dumps([*file, digest], ensure_ascii=False) for file, digest in sorted(self._used.items())
        )
        return "".join(row + "\n" for row in rows)

    def digests(self, files: Iterable[PaintFile]) -> dict[Path, str]:
        """Hashes of files by their path; "" for what is no picture. Those that changed are read."""
        states = {file.path: (file.name, file.size, file.modified_ns) for file in files}
        unknown = [path for path, state in states.items() if state not in self._known]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # reading and hashing leave the interpreter alone
            read = dict(zip(unknown, pool.map(_digest, unknown), strict=True))
        digests = {path: read[path] if path in read else self._known[state] for path, state in states.items()}
        self._used.update({state: digests[path] for path, state in states.items()})
        return digests


def paint_names(surfaces: Iterable[Surface], shading: Shading) -> list[str]:
    """The textures that a kind of shading shows, each once, sorted."""
    names = {surface.texture for surface in surfaces}
    if shading is Shading.TOON:
        names |= {name for surface in surfaces for name in (surface.sphere, surface.toon)}
    return sorted(names - {""})


def find_paint(model: ModelFile, name: str) -> PaintFile | None:
    """Look up a texture that a model names; see `find_texture`."""
    folder = model.path.parent
    path, _ = find_texture(folder, name)
    try:
        stat = None if path is None else path.stat()
    except OSError:
        return None
    if path is None or stat is None:
        return None
    below = PurePosixPath(model.name).parent / path.relative_to(folder).as_posix()
    return PaintFile(path, below.as_posix(), stat.st_size, stat.st_mtime_ns)


def is_shared_toon(name: str) -> bool:
    """Whether MMD brings a picture of that name itself, so that it need not lie beside the model."""
    return shared_toon_of_name(name) is not None


def missing_share(surfaces: Iterable[Surface], missing: Iterable[str]) -> float:
    """How much of what a picture shows is painted with textures that are missing, 0 to 1."""
    gone = set(missing)
    return sum(surface.share for surface in surfaces if surface.texture in gone)


def _digest(path: Path) -> str:
    """Hash of a file's content; "" where it cannot be read or is no picture of a known kind."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else b""
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest()[:16] if is_picture(data) else ""
