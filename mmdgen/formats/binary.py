"""A cursor over the bytes of a file that refuses to read past the end.

`BinaryReader` knows where it is (section, element, byte), so every error and every warning names the
place. Counts are checked against the bytes that are left before anything is allocated. Records whose size
depends on a tag byte (vertices, IK links, display frame entries) are found by `walk` and taken by `gather`,
a whole array at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import FormatError
from mmdgen.model import FormatWarning

MAX_NAMED_ROWS = 32_767
"""No list of named things (bones, morphs, materials ...) is longer: what two-byte indices reach."""
MAX_WARNINGS = 200
"""A damaged file may be wrong in a million places; this many are told."""


class BinaryReader:
    """Reads numbers, texts and arrays in order. All numbers are little-endian, without padding."""

    def __init__(self, data: bytes, source: str, *, strict: bool = False) -> None:
        """Start at byte 0 of `data`; `source` names the file in messages; `strict` makes warnings errors."""
        self.data = data
        self.source = source
        self.strict = strict
        self.offset = 0
        self.section = "header"
        self.element: int | None = None
        self.warnings: list[FormatWarning] = []

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.offset

    def begin(self, section: str) -> None:
        """Name the section that is read from here on."""
        self.section, self.element = section, None

    def error(self, problem: str, *, offset: int | None = None) -> FormatError:
        """The error to raise for a problem at the current place, or at `offset` of it."""
        return FormatError(
            problem,
            source=self.source,
            section=self.section,
            offset=self.offset if offset is None else offset,
            element=self.element,
        )

    def warn(
        self,
        problem: str,
        remedy: str,
        *,
        offset: int | None = None,
        element: int | None = None,
        section: str | None = None,
    ) -> None:
        """Record something that was survived; in strict mode raise it as a FormatError."""
        where = self.offset if offset is None else int(offset)
        what = self.element if element is None else int(element)
        section = self.section if section is None else section
        if self.strict:
            raise FormatError(problem, source=self.source, section=section, offset=where, element=what)
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(FormatWarning(section, what, where, problem, remedy))
        elif len(self.warnings) == MAX_WARNINGS:
            self.warnings.append(
                FormatWarning(section, what, where, "more is wrong than is worth telling", "stopped counting")
            )

    def take(self, size: int) -> bytes:
        """The next `size` bytes; steps past them."""
        end = self.offset + size
        if end > len(self.data):
            raise self.error(f"needs {size:,} bytes, {self.left:,} left")
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The numbers of a fixed layout."""
        end = self.offset + layout.size
        if end > len(self.data):
            raise self.error(f"needs {layout.size:,} bytes, {self.left:,} left")
        values = layout.unpack_from(self.data, self.offset)
        self.offset = end
        return values

    def u8(self) -> int:
        """One unsigned byte."""
        return self.take(1)[0]

    def i32(self) -> int:
        """One signed 32-bit number."""
        end = self.offset + 4
        if end > len(self.data):
            raise self.error(f"needs 4 bytes, {self.left:,} left")
        value = int.from_bytes(self.data[self.offset : end], "little", signed=True)
        self.offset = end
        return value

    def count(self, what: str, min_size: int, *, limit: int | None = None) -> int:
        """A 32-bit count of things of at least `min_size` bytes each, checked against the bytes left."""
        start = self.offset
        count = self.i32()
        self.check_count(count, what, min_size, limit=limit, offset=start)
        return count

    def check_count(
        self, count: int, what: str, min_size: int, *, limit: int | None = None, offset: int | None = None
    ) -> None:
        """Raise FormatError for a count that is negative, does not fit into the file, or is over `limit`."""
        if count < 0:
            raise self.error(f"claims {count:,} {what}", offset=offset)
        if count * min_size > self.left:
            raise self.error(
                f"claims {count:,} {what}, the {self.left:,} bytes left hold fewer", offset=offset
            )
        if limit is not None and count > limit:
            raise self.error(f"claims {count:,} {what}, more than {limit:,} are not believed", offset=offset)

    def rows(self, count: int) -> Iterator[int]:
        """0 .. count - 1; messages in the loop name the element."""
        for element in range(count):
            self.element = element
            yield element
        self.element = None

    def array(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """`count` packed records as a read-only view of the file's bytes."""
        size = dtype.itemsize * count
        if size > self.left:
            raise self.error(f"needs {size:,} bytes, {self.left:,} left")
        records = np.frombuffer(self.data, dtype, count, self.offset) if size else np.empty(count, dtype)
        self.offset += size
        return records

    def text(self, encoding: str) -> str:
        """A text: its length in bytes, then the bytes. Letters that cannot be decoded become U+FFFD."""
        start = self.offset
        size = self.i32()
        if not 0 <= size <= self.left:
            raise self.error(f"a text claims {size:,} bytes, {self.left:,} left", offset=start)
        if not size:
            return ""
        raw = self.take(size)
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            text = raw.decode(encoding, "replace")
            self.warn(
                f"a text is not valid {encoding.upper()}", "replaced what cannot be decoded", offset=start
            )
        if text[-1:] == "\0" or text[:1] == "\ufeff":
            text = text.rstrip("\0").removeprefix("\ufeff")
            self.warn("a text has NUL letters or a byte order mark around it", "dropped them", offset=start)
        return text

    def walk(
        self, count: int, tag_at: int, sizes: Mapping[int, int], what: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Step over `count` records whose size depends on a tag byte.

        Args:
            count: how many records follow; checked before by `count`.
            tag_at: where in a record its tag byte stands.
            sizes: bytes of a record for each tag that is allowed.
            what: what the tag is, for the error message.

        Returns:
            The tags (count,) and where each record and the end lies, (count + 1,) byte offsets.
        """
        data = self.data
        tags = bytearray(count)
        position = self.offset + tag_at
        try:
            for element in range(count):  # one table look-up a record: each place hangs on the tag before
                tag = data[position]
                position += sizes[tag]
                tags[element] = tag
        except KeyError:
            self.element = element
            raise self.error(f"{what} {tag} is unknown", offset=position) from None
        except IndexError:
            self.element = element
            start = min(position - tag_at, len(data))
            raise self.error(f"needs more bytes than the {len(data):,} of the file", offset=start) from None
        size_of_tag = np.zeros(256, np.int64)
        for known, size in sizes.items():
            size_of_tag[known] = size
        found = np.frombuffer(tags, np.uint8)
        offsets = np.empty(count + 1, np.int64)
        offsets[0] = self.offset
        np.cumsum(size_of_tag[found], out=offsets[1:])
        offsets[1:] += self.offset
        if int(offsets[-1]) > len(data):
            self.element = count - 1
            start = int(offsets[-2])
            raise self.error(f"needs more bytes than the {len(data):,} of the file", offset=start)
        self.offset = int(offsets[-1])
        return found, offsets

    def gather(self, dtype: np.dtype[Any], offsets: NDArray[np.int64]) -> NDArray[Any]:
        """Copies of the records that start at `offsets`, which `walk` gave."""
        if not len(offsets):
            return np.empty(0, dtype)
        # As void, since numpy copies structured records field by field, ten times slower.
        whole = np.dtype((np.void, dtype.itemsize))
        everywhere: NDArray[Any] = np.ndarray(
            len(self.data) - dtype.itemsize + 1, whole, self.data, strides=(1,)
        )
        return everywhere[offsets].view(dtype)
