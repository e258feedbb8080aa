"""Model files, motions and pictures: bytes to `Model`, `Model` to bytes."""

from __future__ import annotations

from mmdgen.formats.identity import model_id
from mmdgen.formats.pmd import read_pmd
from mmdgen.formats.pmx import read_pmx
from mmdgen.formats.pmx_write import write_pmx
from mmdgen.formats.read import read_model, read_model_bytes
from mmdgen.formats.textures import Texture, load_texture
from mmdgen.formats.toons import shared_toon
from mmdgen.formats.vmd import read_vmd
from mmdgen.formats.vpd import read_vpd

__all__ = [
    "Texture",
    "load_texture",
    "model_id",
    "read_model",
    "read_model_bytes",
    "read_pmd",
    "read_pmx",
    "read_vmd",
    "read_vpd",
    "shared_toon",
    "write_pmx",
]
