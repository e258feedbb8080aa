"""Which model a file is: a name that follows from its bytes."""

from __future__ import annotations

import hashlib


def model_id(data: bytes) -> str:
    """The identity of a model file: the first 16 hexadecimal digits of the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()[:16]
