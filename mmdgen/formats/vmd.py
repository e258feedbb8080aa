"""VMD files: the motions of MikuMikuDance.

    magic 30 bytes | model name 20 bytes (10 in the first version) |
    bone keys      | u32 n, n x 111: name 15, u32 frame, translation 3f, rotation 4f, curves 64 bytes
    morph keys     | u32 n, n x 23: name 15, u32 frame, f weight
    camera keys    | u32 n, n x 61      light keys | u32 n, n x 28      shadow keys | u32 n, n x 9
    property keys  | u32 n, each u32 frame, u8 visible, u32 m, m x 21: IK bone name 20, u8 on

All little-endian, names cp932 and cut within letters, garbage after the NUL. A file may end after the morph
keys or any later section. Keys stand in any order. Camera, light and shadow are skipped.

Curves: of the 64 bytes the first 16 are x1, y1, x2, y2 of the four channels x, y, z, rotation, interleaved
by channel, in 0..127. MMD: bytes 2 and 3 hold a physics switch instead; the second 16 bytes are the same row
shifted by one, where both numbers are intact.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.pmd_text import field_text
from mmdgen.motion import BoneTrack, MorphTrack, Motion, SwitchTrack, unit_rotations

Track = TypeVar("Track")

_MAGIC_SIZES = {b"Vocaloid Motion Data 0002": 20, b"Vocaloid Motion Data file": 10}  # size of the model name
_BONE_KEY = np.dtype(
    [
        ("name", "V15"),
        ("frame", "<u4"),
        ("translation", "<f4", 3),
        ("rotation", "<f4", 4),
        ("curves", "u1", 64),
    ]
)
_MORPH_KEY = np.dtype([("name", "V15"), ("frame", "<u4"), ("weight", "<f4")])
_SKIPPED = (("camera", 61), ("light", 28), ("shadow", 9))
_PROPERTY_KEY = struct.Struct("<IBI")
_SWITCH = struct.Struct("<20sB")
_MAX_FRAME = 2**31 - 1


def read_vmd(path: Path) -> Motion:
    """Read a motion file.

    Raises:
        FormatError: it is no VMD file or ends within a section that it began.
        OSError: it cannot be opened.
    """
    return parse_vmd(path.read_bytes(), source=str(path))


def parse_vmd(data: bytes, *, source: str) -> Motion:
    """The motion in the bytes of a VMD file; `source` names it in messages."""
    reader = BinaryReader(data, source)
    model_name = _read_header(reader)
    reader.begin("bone keys")
    bone_keys = reader.array(_BONE_KEY, reader.count("bone keys", _BONE_KEY.itemsize))
    bones = _tracks(bone_keys, lambda keys: _bone_track(reader, keys))
    reader.begin("morph keys")
    morph_keys = reader.array(_MORPH_KEY, reader.count("morph keys", _MORPH_KEY.itemsize))
    morphs = _tracks(morph_keys, lambda keys: _morph_track(reader, keys))
    for section, size in _SKIPPED:
        reader.begin(f"{section} keys")
        if reader.left:
            reader.take(size * reader.count(f"{section} keys", size))
    reader.begin("property keys")
    switches = _read_switches(reader) if reader.left else {}
    return Motion(source, model_name, bones, morphs, switches, tuple(reader.warnings))


def _read_header(reader: BinaryReader) -> str:
    magic = reader.take(30).split(b"\0", 1)[0]
    if magic not in _MAGIC_SIZES:
        raise reader.error("this is no VMD motion: it does not begin with 'Vocaloid Motion Data'", offset=0)
    return field_text(reader, reader.take(_MAGIC_SIZES[magic]))


def _tracks(keys: NDArray[Any], build: Callable[[NDArray[Any]], Track]) -> dict[bytes, Track]:
    """Keys gathered by name, in order of time; of two keys at one frame the later in the file counts."""
    rows: dict[bytes, list[int]] = {}
    for row, name in enumerate(keys["name"]):
        rows.setdefault(name.tobytes().split(b"\0", 1)[0], []).append(row)
    tracks = {}
    for name, some in rows.items():
        chosen = keys[some]
        chosen = chosen[np.argsort(chosen["frame"], kind="stable")]
        is_last = np.append(chosen["frame"][1:] != chosen["frame"][:-1], True)
        tracks[name] = build(chosen[is_last])
    return tracks


def _bone_track(reader: BinaryReader, keys: NDArray[Any]) -> BoneTrack:
    rotations, is_broken = unit_rotations(keys["rotation"])
    if is_broken.any():
        reader.warn("a rotation has no direction", "made it the identity")
    return BoneTrack(
        frames=_frames(keys),
        translations=_finite(reader, keys["translation"], "a translation"),
        rotations=rotations,
        curves=_curves(keys["curves"]),
    )


def _curves(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The curves (keys, 4 channels, 4 numbers) in 64 stored bytes each (keys, 64)."""
    row, second = stored[:, :16].copy(), stored[:, 16:32]
    has_second = second.any(axis=1)  # some programs fill the first row alone
    row[has_second, 1:4] = second[has_second, :3]
    by_channel = np.minimum(row, 127).reshape(-1, 4, 4).transpose(0, 2, 1)
    return np.ascontiguousarray(by_channel, np.float32) / np.float32(127)


def _morph_track(reader: BinaryReader, keys: NDArray[Any]) -> MorphTrack:
    return MorphTrack(frames=_frames(keys), weights=_finite(reader, keys["weight"], "a weight"))


def _frames(keys: NDArray[Any]) -> NDArray[np.int32]:
    return np.array(np.minimum(keys["frame"], _MAX_FRAME), np.int32)


def _finite(reader: BinaryReader, values: NDArray[Any], what: str) -> NDArray[np.float32]:
    is_finite = np.isfinite(values)
    if not is_finite.all():
        reader.warn(f"{what} is no number", "made it 0")
    return np.where(is_finite, values, 0.0).astype(np.float32)


def _read_switches(reader: BinaryReader) -> dict[bytes, SwitchTrack]:
    found: dict[bytes, dict[int, bool]] = {}
    for _ in reader.rows(reader.count("property keys", _PROPERTY_KEY.size)):
        frame, _visible, count = reader.unpack(_PROPERTY_KEY)
        reader.check_count(count, "IK switches", _SWITCH.size)
        for _ in range(count):
            name, is_on = reader.unpack(_SWITCH)
            found.setdefault(name.split(b"\0", 1)[0][:15], {})[min(frame, _MAX_FRAME)] = bool(is_on)
    return {
        name: SwitchTrack(
            frames=np.array(sorted(keys), np.int32),
            is_on=np.array([keys[frame] for frame in sorted(keys)], np.bool_),
        )
        for name, keys in found.items()
    }
