"""Open a model file of any kind that is read."""

from __future__ import annotations

from pathlib import Path

from mmdgen.errors import FormatError
from mmdgen.formats.pmd import PMD_MAGIC, read_pmd
from mmdgen.formats.pmx import read_pmx
from mmdgen.model import Model


def read_model(path: Path, *, strict: bool = False) -> Model:
    """Read a PMX or PMD model. The content tells which, not the name.

    Args:
        path: the model file.
        strict: raise for what is otherwise survived with a warning.

    Raises:
        FormatError: the file is damaged, is neither PMX nor PMD, or cannot be opened.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"cannot be read: {reason}", source=str(path), section="file", offset=0) from error
    return read_model_bytes(data, source=str(path), strict=strict)


def read_model_bytes(data: bytes, *, source: str, strict: bool = False) -> Model:
    """Read a PMX or PMD model that is already in memory; `source` names it in messages."""
    if data[:4].upper() == b"PMX ":
        return read_pmx(data, source=source, strict=strict)
    if data[:3] == PMD_MAGIC:
        return read_pmd(data, source=source, strict=strict)
    raise FormatError(_what_it_is(data), source=source, section="header", offset=0)


def _what_it_is(data: bytes) -> str:
    """Why a file is no model, in words that help."""
    if not data:
        return "the file is empty"
    if data.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the model itself: run `git lfs pull`"
    if data.startswith(b"Vocaloid Motion Data"):
        return "is a motion (VMD), not a model"
    if data.startswith(b"PK\x03\x04"):
        return "is a ZIP archive: unpack it first"
    return f"is neither PMX nor PMD: it begins with {data[:4]!r}"
