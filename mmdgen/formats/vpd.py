r"""VPD files: single poses of MikuMikuDance, a text in cp932.

Vocaloid Pose Data file
miku.osm;              // the model's file
2;                     // number of bones
Bone0{頭
0.0,0.0,0.0;         // translation
0.1,0.0,0.0,0.995;   // rotation x y z w
}
Morph0{あ
1.0;                 // weight
}
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mmdgen.errors import FormatError
from mmdgen.motion import NamedPose, motion_name, unit_rotations

_MAGIC = "Vocaloid Pose Data file"
_BLOCK = re.compile(r"^\s*(Bone|Morph)\d+\s*\{([^\n]*)\n(.*?)\}", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*")


def read_vpd(path: Path) -> NamedPose:
    """Read a pose file.

    Raises:
        FormatError: it is no VPD file, or a bone or morph in it has too few numbers.
        OSError: it cannot be opened.
    """
    return parse_vpd(path.read_bytes(), source=str(path))


def parse_vpd(data: bytes, *, source: str) -> NamedPose:
    """The pose in the bytes of a VPD file; `source` names it in messages."""
    text = data.decode("cp932", "replace").replace("\r\n", "\n")
    if not text.startswith(_MAGIC):
        raise FormatError(f"this is no VPD pose: it does not begin with '{_MAGIC}'", source=source,
                          section="header", offset=0)  # fmt: skip
    header = _COMMENT.sub("", text[len(_MAGIC) :]).split(";", 1)[0]
    rotations, translations, weights = {}, {}, {}
    for block in _BLOCK.finditer(text):
        kind, name, body = block.groups()
        key = motion_name(name.strip())
        needed = 7 if kind == "Bone" else 1
        numbers = _numbers(body)
        if len(numbers) < needed:
            raise FormatError(
                f"{kind.lower()} '{name.strip()}' needs {needed} numbers, has {len(numbers)}",
                source=source,
                section="pose",
                offset=len(text[: block.start()].encode("cp932", "replace")),
            )
        if kind == "Bone":
            translations[key] = np.array(numbers[:3], np.float32)
            rotations[key] = unit_rotations(np.array([numbers[3:7]], np.float32))[0][0]
        else:
            weights[key] = numbers[0]
    return NamedPose(source, header.strip(), rotations, translations, weights)


def _numbers(body: str) -> list[float]:
    """The numbers of a block up to the first thing that is none."""
    numbers: list[float] = []
    for part in re.split(r"[,;\s]+", _COMMENT.sub("", body).strip(" \n\t,;")):
        try:
            number = float(part)
        except ValueError:
            break
        if not np.isfinite(number):
            break
        numbers.append(number)
    return numbers
