from __future__ import annotations

import numpy as np
import pytest

from mmdgen.errors import FormatError
from mmdgen.formats.vpd import parse_vpd
from mmdgen.motion import motion_name

TEXT = """Vocaloid Pose Data file

miku.osm;		// 親ファイル名
2;				// 総ポーズボーン数

Bone0{右親指１
  0.500000,0.000000,-1.250000;				// trans x,y,z
  0.000000,0.000000,0.600000,0.800000;		// Quaternion x,y,z,w
}

Bone1{頭
  0.000000,0.000000,0.000000;				// trans x,y,z
  0.000000,0.000000,0.000000,0.000000;		// Quaternion x,y,z,w
}

Morph0{まばたき
  0.750000;				// weight
}
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bones_and_morphs_are_read_by_name(newline: str) -> None:
    pose = parse_vpd(TEXT.replace("\n", newline).encode("cp932"), source="x.vpd")
    assert pose.model_name == "miku.osm"
    key = motion_name("右親指１")
    np.testing.assert_allclose(pose.translations[key], (0.5, 0, -1.25))
    np.testing.assert_allclose(pose.rotations[key], (0, 0, 0.6, 0.8), atol=1e-6)
    assert pose.weights == {motion_name("まばたき"): 0.75}


def test_a_rotation_without_length_is_the_identity() -> None:
    pose = parse_vpd(TEXT.encode("cp932"), source="x.vpd")
    assert pose.rotations[motion_name("頭")].tolist() == [0, 0, 0, 1]


def test_another_file_is_refused() -> None:
    with pytest.raises(FormatError, match=r"x\.vpd: header, byte 0x0: this is no VPD pose"):
        parse_vpd(b"Vocaloid Motion Data 0002", source="x.vpd")


def test_a_bone_with_too_few_numbers_is_refused_with_its_place() -> None:
    broken = TEXT.replace("0.600000,0.800000", "")
    with pytest.raises(FormatError, match=r"byte 0x[0-9a-f]+: bone '右親指１' needs 7 numbers, has 5"):
        parse_vpd(broken.encode("cp932"), source="x.vpd")


def test_bytes_that_are_no_text_end_in_an_error_or_a_pose() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(TEXT.encode("cp932"))
        for place in rng.integers(25, len(data), 5):
            data[place] = rng.integers(256)
        try:
            pose = parse_vpd(bytes(data), source="x.vpd")
        except FormatError:
            continue
        assert all(np.isfinite(turn).all() for turn in pose.rotations.values())
