"""Texts of PMD files: fields of fixed size in cp932 (Windows-31J, not strict Shift_JIS)."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader

ENCODING = "cp932"


def field_text(reader: BinaryReader, raw: bytes, *, offset: int | None = None) -> str:
    """The text of a fixed-size field: what stands before the NUL; garbage follows it.

    MMD: names are cut at the end of the field, through the middle of a letter if need be; half a letter is
    dropped.
    """
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode(ENCODING)
    except UnicodeDecodeError as error:
        if error.start == len(raw) - 1:
            reader.warn("a text ends in half a letter", "dropped it", offset=offset)
            return raw[:-1].decode(ENCODING)
        reader.warn("a text is not valid cp932", "replaced what cannot be decoded", offset=offset)
        return raw.decode(ENCODING, "replace")


def field_texts(reader: BinaryReader, column: NDArray[Any], *, offset: int) -> tuple[str, ...]:
    """The texts of a column of fixed-size fields that are void records, NULs included."""
    size = column.dtype.itemsize
    whole = column.tobytes()
    return tuple(
        field_text(reader, whole[start : start + size], offset=offset) for start in range(0, len(whole), size)
    )
