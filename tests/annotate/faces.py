"""A face of a few hundred vertices whose chin, top, eyes and morphs are known exactly.

All lengths are in u (eyes above chin) times `unit`; the eyes stand at (center_x, eyes_y).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import Model, Panel
from tests.builders import BoneSpec, MorphSpec, bone, build_model, material, vertex, vertex_morph

EYE_X, EYE_WIDTH, LID = 0.5, 0.25, 0.22  # eye from the middle, its half width, lid edges from its centre
MOUTH_Y, CHIN_Y, TOP_Y = -0.7, -1.0, 1.75
SKIN, IRIS, HAIR, HAT = range(4)
HEAD, NECK, LEFT_EYE, RIGHT_EYE = "頭", "首", "左目", "右目"

USUAL_NAMES = {"normal": "まばたき", "smile": "笑い", "mouth": "あ"}

Points = NDArray[np.float64]


class _Mesh:
    """Grids of vertices, each with a bone and a material."""

    def __init__(self) -> None:
        self.points: list[Points] = []
        self.bones: list[str] = []
        self.faces: list[list[tuple[int, int, int]]] = [[], [], [], []]

    def add(self, grid: Points, bone_name: str, part: int) -> NDArray[np.int64]:
        """Add (rows, columns, 3) points as quads; returns the vertices' numbers, (rows, columns)."""
        first = len(self.bones)
        rows, columns = grid.shape[:2]
        numbers = first + np.arange(rows * columns).reshape(rows, columns)
        self.points += list(grid.reshape(-1, 3))
        self.bones += [bone_name] * (rows * columns)
        for row in range(rows - 1):
            for column in range(columns - 1):
                a, b = numbers[row, column], numbers[row, column + 1]
                c, d = numbers[row + 1, column], numbers[row + 1, column + 1]
                self.faces[part] += [(a, b, c), (b, d, c)]
        return numbers


def face_model(
    *,
    unit: float = 1.0,
    center_x: float = 0.0,
    eyes_y: float = 17.0,
    names: Mapping[str, str] = USUAL_NAMES,
    winks: Mapping[str, tuple[str, str]] | None = None,
    extra: Sequence[MorphSpec] = (),
    hat: float = 0.0,
    hat_name: str = "",
    ahoge: bool = False,
    ponytail: bool = False,
    bones: Sequence[BoneSpec] | None = None,
    alpha: float = 1.0,
) -> Model:
    """A face with the both-eye morphs and the open mouth under the given names.

    Args:
        winks: name -> (shape "normal" or "smile", side "left" or "right").
        hat: how far a hat stands above the hair, in u.
        hat_name: name of the hat's material; "" makes it part of the hair.
        ahoge: a thin strand upright on the middle of the head.
        ponytail: hair that stands up behind the skull.
        alpha: of the hair.
    """
    mesh = _Mesh()
    lids = {side: _eye(mesh, sign) for side, sign in (("left", 1.0), ("right", -1.0))}
    _skin(mesh)
    lips = _mouth(mesh)
    _hair(mesh, hat, ahoge, HAT if hat_name else HAIR)
    if ponytail:
        mesh.add(_grid(np.linspace(-0.4, 0.4, 5), np.array([1.0, TOP_Y + 0.5]), 0.9), HEAD, HAIR)
    closings = {(shape, side): _closing(lids[side], shape) for shape in ("normal", "smile") for side in lids}
    morphs = {
        names.get("normal", ""): {**closings["normal", "left"], **closings["normal", "right"]},
        names.get("smile", ""): {**closings["smile", "left"], **closings["smile", "right"]},
        **{name: closings[key] for name, key in (winks or {}).items()},
        names.get("mouth", ""): {int(number): (0.0, -0.2, 0.0) for number in lips},
    }
    morphs.pop("", None)
    origin = np.array([center_x, eyes_y, 0.0])
    return build_model(
        bones=bones or _bones(unit, origin),
        vertices=[
            vertex(tuple(origin + unit * point), weights=((name, 1.0),))
            for point, name in zip(mesh.points, mesh.bones, strict=True)
        ],
        faces=np.concatenate([np.array(part).reshape(-1, 3) for part in mesh.faces]),
        materials=[
            material("顔", triangles=len(mesh.faces[SKIN])),
            material("目", triangles=len(mesh.faces[IRIS])),
            material("髪", diffuse=(1.0, 1.0, 1.0, alpha), triangles=len(mesh.faces[HAIR])),
            material(hat_name or "空", triangles=len(mesh.faces[HAT])),
        ],
        morphs=[
            *(
                vertex_morph(
                    name,
                    {number: tuple(unit * np.array(offset)) for number, offset in offsets.items()},
                    panel=Panel.MOUTH if name == names.get("mouth") else Panel.EYE,
                )
                for name, offsets in morphs.items()
            ),
            *extra,
        ],
    )


def _bones(unit: float, origin: Points) -> list[BoneSpec]:
    def at(x: float, y: float) -> tuple[float, ...]:
        return tuple(origin + unit * np.array([x, y, 0.0]))

    return [
        bone("センター", position=at(0.0, -9.0)),
        bone(NECK, position=at(0.0, -1.3), parent="センター"),
        bone(HEAD, position=at(0.0, -0.8), parent=NECK),
        bone(LEFT_EYE, position=at(0.2, 0.1), parent=HEAD),
        bone(RIGHT_EYE, position=at(-0.2, 0.1), parent=HEAD),
    ]


def _grid(x: Points, y: Points, z: float) -> Points:
    across, along = np.meshgrid(x, y)
    return np.stack([across, along, np.full_like(across, z)], axis=-1)


def _eye(mesh: _Mesh, sign: float) -> dict[str, tuple[NDArray[np.int64], Points]]:
    """Lids with free edges before an iris; returns the vertices of the two edges and their x."""
    t = np.linspace(-1.0, 1.0, 13)
    x = sign * EYE_X + EYE_WIDTH * t
    upper = mesh.add(_grid(x, np.array([LID, LID + 0.15]), -1.0), HEAD, SKIN)
    lower = mesh.add(_grid(x, np.array([-LID - 0.15, -LID]), -1.0), HEAD, SKIN)
    disc = np.linspace(-0.14, 0.14, 5)
    mesh.add(_grid(sign * EYE_X + disc, disc, -0.9), LEFT_EYE if sign > 0 else RIGHT_EYE, IRIS)
    return {"upper": (upper[0], t), "lower": (lower[1], t)}


def _closing(
    lids: Mapping[str, tuple[NDArray[np.int64], Points]], shape: str
) -> dict[int, tuple[float, float, float]]:
    """Both lid edges move to one line: hanging low for the normal shape, arched higher for the smile."""
    offsets: dict[int, tuple[float, float, float]] = {}
    for edge, (numbers, t) in lids.items():
        bow = 1.0 - t**2
        line = -0.09 - 0.06 * bow if shape == "normal" else 0.0 + 0.08 * bow - 0.04
        start = LID if edge == "upper" else -LID
        for number, y in zip(numbers, line, strict=True):
            offsets[int(number)] = (0.0, float(y) - start - (0.02 if edge == "upper" else 0.0), 0.0)
    return offsets


def _skin(mesh: _Mesh) -> None:
    """A strip of face down to the chin, under the jaw and down the neck, as wide as the face."""
    profile = [(0.6, -0.95), (-0.3, -0.95), (-0.55, -1.0), (-0.85, -0.97), (CHIN_Y, -0.93), (-1.02, -0.3)]
    across = np.linspace(-0.3, 0.3, 5)
    rows = [[(x, y, z) for x in across] for y, z in profile]
    mesh.add(np.array(rows), HEAD, SKIN)
    mesh.add(np.array([[(x, y, -0.25) for x in across] for y in (-1.02, -2.0)]), NECK, SKIN)


def _mouth(mesh: _Mesh) -> NDArray[np.int64]:
    """Lips before the face; returns the vertices of the lower lip."""
    x = np.linspace(-0.2, 0.2, 7)
    mesh.add(_grid(x, np.array([MOUTH_Y + 0.005, MOUTH_Y + 0.05]), -1.02), HEAD, SKIN)
    return mesh.add(_grid(x, np.array([MOUTH_Y - 0.05, MOUTH_Y]), -1.02), HEAD, SKIN).ravel()


def _hair(mesh: _Mesh, hat: float, ahoge: bool, hat_part: int) -> None:
    """A dome over the head; its highest point is TOP_Y."""
    x = np.linspace(-1.2, 1.2, 25)
    top = TOP_Y * np.sqrt(1.0 - (x / 1.25) ** 2)
    mesh.add(np.stack([np.stack([x, y, np.full_like(x, -0.5)], -1) for y in (top * 0.1, top)]), HEAD, HAIR)
    if hat:
        high = top + hat
        mesh.add(np.stack([np.stack([x, y, np.full_like(x, -0.6)], -1) for y in (top, high)]), HEAD, hat_part)
    if ahoge:
        mesh.add(_grid(np.array([-0.03, 0.03]), np.array([TOP_Y, TOP_Y + 0.8]), -0.4), HEAD, HAIR)
