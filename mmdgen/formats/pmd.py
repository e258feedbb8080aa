"""PMD models: bytes to `Model`."""

from __future__ import annotations

from mmdgen.errors import FormatError
from mmdgen.model import Model

PMD_MAGIC = b"Pmd"


def read_pmd(data: bytes, *, source: str = "<bytes>", strict: bool = False) -> Model:
    """Refuse a PMD model: its reader is not written yet."""
    raise FormatError("PMD is not read yet: save it as PMX", source=source, section="header", offset=0)
