"""Depth, normals and flow of a sample as NumPy files."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdgen.dataset.config import MapKind
from mmdgen.render import Maps


def encode_maps(maps: Maps, row: int, picture: str, kinds: Sequence[MapKind]) -> dict[str, bytes]:
    """The chosen maps of one picture, by the name of their file in a sample.

    Args:
        maps: of several pictures.
        row: which of them.
        picture: its name, "expression" or "posed".
        kinds: what to store.
    """
    arrays: dict[MapKind, NDArray[np.floating]] = {
        MapKind.DEPTH: np.where(maps.is_covered[row], maps.depth[row], np.float32(np.nan)),
        MapKind.NORMAL: maps.normals[row].astype(np.float16),
        MapKind.FLOW: maps.flow[row].astype(np.float16),
    }
    return {f"{picture}.{kind.value}.npy": _npy(arrays[kind]) for kind in kinds}


def _npy(array: NDArray[np.floating]) -> bytes:
    """A file in NumPy's NPY format, version 1.0: the same bytes for the same array."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()
