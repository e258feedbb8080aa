from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mmdgen.errors import FormatError
from mmdgen.formats.vmd import parse_vmd, read_vmd
from mmdgen.motion import motion_name

LINEAR = bytes([20] * 8 + [107] * 8)


def bone_key(
    name: bytes | str, frame: int, translation: tuple[float, ...] = (0, 0, 0),
    rotation: tuple[float, ...] = (0, 0, 0, 1), row: bytes = LINEAR,
) -> bytes:  # fmt: skip
    """One key as MMD writes it: the row of curves four times, shifted by one each."""
    raw = name.encode("cp932") if isinstance(name, str) else name
    curves = b"".join((row[shift:] + bytes(shift)) for shift in range(4))
    curves = curves[:2] + b"\x00\x00" + curves[4:]  # MMD's physics switch
    return raw[:15].ljust(15, b"\0") + struct.pack("<I7f", frame, *translation, *rotation) + curves


def morph_key(name: str, frame: int, weight: float) -> bytes:
    return name.encode("cp932")[:15].ljust(15, b"\0") + struct.pack("<If", frame, weight)


def vmd(bones: list[bytes] = [], morphs: list[bytes] = [], tail: bytes = b"", model: bytes = b"") -> bytes:  # noqa: B006
    header = b"Vocaloid Motion Data 0002".ljust(30, b"\0") + model.ljust(20, b"\0")
    return (
        header
        + struct.pack("<I", len(bones)) + b"".join(bones)
        + struct.pack("<I", len(morphs)) + b"".join(morphs)
        + tail
    )  # fmt: skip


def switches(*frames: tuple[int, dict[str, bool]]) -> bytes:
    """Empty camera, light and shadow sections, then property keys."""
    body = struct.pack("<4I", 0, 0, 0, len(frames))
    for frame, states in frames:
        body += struct.pack("<IBI", frame, 1, len(states))
        body += b"".join(name.encode("cp932").ljust(20, b"\0") + bytes([on]) for name, on in states.items())
    return body


def test_keys_are_gathered_by_name_in_order_of_time() -> None:
    keys = [bone_key("頭", 30, (3, 0, 0)), bone_key("首", 5), bone_key("頭", 0, (1, 0, 0))]
    motion = parse_vmd(vmd(keys, [morph_key("あ", 7, 0.5)]), source="x.vmd")
    track = motion.bones[motion_name("頭")]
    assert track.frames.tolist() == [0, 30]
    assert track.translations[:, 0].tolist() == [1, 3]
    assert motion.morphs[motion_name("あ")].weights.tolist() == [0.5]
    assert motion.last_frame == 30


def test_of_two_keys_at_one_frame_the_later_in_the_file_counts() -> None:
    motion = parse_vmd(vmd([bone_key("頭", 3, (1, 0, 0)), bone_key("頭", 3, (2, 0, 0))]), source="x.vmd")
    assert motion.bones[motion_name("頭")].translations.tolist() == [[2, 0, 0]]


def test_curves_survive_the_physics_switch_that_overwrites_them() -> None:
    row = bytes(range(10, 26))  # x1, y1, x2, y2 of four channels, interleaved by channel
    track = parse_vmd(vmd([bone_key("頭", 0, row=row)]), source="x.vmd").bones[motion_name("頭")]
    expected = np.array([[10, 14, 18, 22], [11, 15, 19, 23], [12, 16, 20, 24], [13, 17, 21, 25]])
    np.testing.assert_allclose(track.curves[0] * 127, expected, atol=1e-4)


def test_curves_written_in_the_first_row_alone_count() -> None:
    row = bytes(range(10, 26))
    key = bytearray(bone_key("頭", 0, row=row))
    key[47:] = row + bytes(48)
    track = parse_vmd(vmd([bytes(key)]), source="x.vmd").bones[motion_name("頭")]
    np.testing.assert_allclose(track.curves[0, :, 0] * 127, [10, 11, 12, 13], atol=1e-4)


def test_a_name_cut_within_a_letter_is_found_by_the_name_it_was_cut_from() -> None:
    name = "足ＩＫあいうえおかきく"  # 22 bytes, and byte 15 is half a letter
    motion = parse_vmd(vmd([bone_key(name.encode("cp932"), 0)]), source="x.vmd")
    assert motion_name(name) in motion.bones


def test_garbage_after_the_end_of_a_name_is_ignored() -> None:
    motion = parse_vmd(vmd([bone_key(b"abc\0\xfd\xfd", 0)]), source="x.vmd")
    assert motion_name("abc") in motion.bones


def test_ik_switches_are_read() -> None:
    tail = switches((0, {"左足ＩＫ": True}), (20, {"左足ＩＫ": False}))
    track = parse_vmd(vmd(tail=tail), source="x.vmd").ik_switches[motion_name("左足ＩＫ")]
    assert track.frames.tolist() == [0, 20]
    assert track.is_on.tolist() == [True, False]


def test_camera_light_and_shadow_are_skipped() -> None:
    tail = (
        struct.pack("<I", 1) + bytes(61) + struct.pack("<I", 2) + bytes(56) + struct.pack("<I", 1) + bytes(9)
    )
    motion = parse_vmd(vmd(tail=tail + struct.pack("<I", 0)), source="x.vmd")
    assert not motion.bones
    assert not motion.warnings


def test_a_model_name_cut_within_a_letter_is_shortened_and_warned_about() -> None:
    motion = parse_vmd(vmd(model="ニルヴァーナ・デモ人".encode("cp932")[:19]), source="x.vmd")
    assert motion.model_name == "ニルヴァーナ・デモ"
    assert len(motion.warnings) == 1


def test_the_first_version_has_a_shorter_model_name() -> None:
    data = b"Vocaloid Motion Data file".ljust(30, b"\0") + b"miku".ljust(10, b"\0") + struct.pack("<2I", 0, 0)
    assert parse_vmd(data, source="x.vmd").model_name == "miku"


def test_rotations_become_unit_and_broken_ones_the_identity() -> None:
    keys = [
        bone_key("a", 0, rotation=(0, 0, 2, 0)),
        bone_key("b", 0, rotation=(0, 0, 0, 0)),
        bone_key("c", 0, rotation=(float("nan"), 0, 0, 1)),
        bone_key("d", 0, (float("inf"), 1, 0)),
    ]
    motion = parse_vmd(vmd(keys), source="x.vmd")
    assert motion.bones[b"a"].rotations.tolist() == [[0, 0, 1, 0]]
    assert motion.bones[b"b"].rotations.tolist() == [[0, 0, 0, 1]]
    assert motion.bones[b"c"].rotations.tolist() == [[0, 0, 0, 1]]
    assert motion.bones[b"d"].translations.tolist() == [[0, 1, 0]]
    assert len(motion.warnings) == 3


def test_another_file_is_refused() -> None:
    with pytest.raises(FormatError, match=r"x\.vmd: header, byte 0x0: this is no VMD motion"):
        parse_vmd(b"PMX " + bytes(100), source="x.vmd")


def test_a_file_cut_anywhere_is_read_or_refused_with_its_place() -> None:
    whole = vmd([bone_key("頭", 0)], [morph_key("あ", 0, 1.0)], switches((0, {"足ＩＫ": True})))
    ends = set()
    for size in range(len(whole)):
        try:
            parse_vmd(whole[:size], source="x.vmd")
        except FormatError as error:
            ends.add(error.section)
        else:
            ends.add("read")
    assert ends >= {"header", "bone keys", "morph keys", "property keys", "read"}


@pytest.mark.parametrize("count", [-1, 2**31 - 1])
def test_an_absurd_count_is_refused_at_once(count: int) -> None:
    data = vmd()[:50] + struct.pack("<i", count)
    with pytest.raises(FormatError, match="bone keys, byte 0x32: claims"):
        parse_vmd(data, source="x.vmd")


@pytest.mark.local_models
def test_real_motions_are_read_whole(shared_dir: Path) -> None:
    paths = sorted((shared_dir / "models" / "motions").glob("*.vmd"))
    assert len(paths) == 21
    for path in paths:
        motion = read_vmd(path)
        assert motion.bones or motion.morphs
        for track in motion.bones.values():
            assert (np.diff(track.frames) > 0).all()
            assert ((track.curves >= 0) & (track.curves <= 1)).all()
