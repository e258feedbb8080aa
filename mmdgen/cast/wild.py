"""The wild on purpose: what real models do that a tidy model does not.

Characters are tidy unless asked. A wild one takes its names from one of the families that real models fall
into (they disagree about which eye ウィンク closes), cuts names as the PMD format did, stands elsewhere or
larger, and has bones and weights that a reader must cope with. All of it is drawn by the seed and recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.draw import Draw
from mmdgen.cast.expressions import Expression
from mmdgen.cast.skeleton import Bone
from mmdgen.model import Model, Panel, Skinning

_PMD_NAME_BYTES = 20
_WINKS = ("smile_left", "smile_right", "blink_left", "blink_right")
# Which motion each of ウィンク, ウィンク右, ウィンク２, ｳｨﾝｸ２右 names, by family of models.
_WINK_FAMILIES = {
    "modern": _WINKS,
    "mirrored": ("smile_right", "smile_left", "blink_right", "blink_left"),
    "swapped": ("blink_left", "blink_right", "smile_left", "smile_right"),
    "mirrored and swapped": ("blink_right", "blink_left", "smile_right", "smile_left"),
}
_WINK_NAMES = ("ウィンク", "ウィンク右", "ウィンク２", "ｳｨﾝｸ２右")
_HALF_WIDTH = ("ｳｨﾝｸ", "ｳｨﾝｸ右", "ｳｨﾝｸ２", "ｳｨﾝｸ２右")
_ENGLISH = {
    "blink": "Blink", "smile": "Smile", "smile_left": "Wink-a", "smile_right": "Wink-b",
    "blink_left": "Blink_L", "blink_right": "Blink_R", "mouth_a": "A", "mouth_i": "I",
    "mouth_u": "U", "mouth_e": "E", "mouth_o": "O",
}  # fmt: skip
_CHINESE = {
    "blink": "眨眼", "smile": "笑眼", "smile_left": "左笑眼", "smile_right": "右笑眼", "blink_left": "左眨眼",
    "blink_right": "右眨眼",
}  # fmt: skip
NAMING_FAMILIES = (*_WINK_FAMILIES, "no winks", "half-width", "english", "chinese")


@dataclass(frozen=True, slots=True)
class Wild:
    """How far one character strays."""

    naming: str = "modern"
    cut_names: bool = False  # at 20 bytes of cp932, as the PMD format does
    sdef_neck: bool = False
    scale: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)  # MMD units before scaling
    neck_bones: int = 0  # extra bones between 首 and 頭

    def notes(self) -> tuple[str, ...]:
        """What strays, in words; empty for a tidy character."""
        tidy = Wild()
        return tuple(
            f"{name}: {getattr(self, name)}"
            for name in self.__dataclass_fields__
            if getattr(self, name) != getattr(tidy, name)
        )


TAME = Wild()


def draw_wild(seed: int) -> Wild:
    """How the wild character with this seed strays."""
    draw = Draw(seed, "wild")
    return Wild(
        naming=draw.pick(NAMING_FAMILIES),
        cut_names=draw.chance(0.3),
        sdef_neck=draw.chance(0.4),
        scale=10.0 if draw.chance(0.12) else 1.0,
        offset=(draw.between(-2.0, 2.0), 0.0, draw.between(-2.0, 2.0))
        if draw.chance(0.25)
        else (0.0, 0.0, 0.0),
        neck_bones=draw.pick((0, 1, 2), (3, 1, 1)),
    )


def renamed(expressions: Sequence[Expression], wild: Wild) -> list[Expression]:
    """The morphs under the names of the family, in the family's order."""
    by_key = {expression.key: expression for expression in expressions}
    if wild.naming == "no winks":
        result = [expression for expression in expressions if expression.key not in _WINKS]
    elif wild.naming in ("english", "chinese"):
        names = _ENGLISH if wild.naming == "english" else _CHINESE
        result = [replace(e, name=names.get(e.key, e.name)) for e in expressions]
    else:
        words = _HALF_WIDTH if wild.naming == "half-width" else _WINK_NAMES
        order = _WINK_FAMILIES.get(wild.naming, _WINKS)
        winks = [replace(by_key[key], name=word) for key, word in zip(order, words, strict=True)]
        first = min(index for index, e in enumerate(expressions) if e.key in _WINKS)
        others = [expression for expression in expressions if expression.key not in _WINKS]
        result = [*others[:first], *winks, *others[first:]]
    return [_cut(_wordy(e)) for e in result] if wild.cut_names else result


def _wordy(expression: Expression) -> Expression:
    """A brow's morph under a name that says more than the PMD format has room for, as authors write them."""
    side = {"left": "左", "right": "右"}.get(expression.key.rpartition("_")[2])
    if side is None or expression.panel is not Panel.BROW:
        return expression
    return replace(expression, name=f"{expression.name}（{side}の眉毛だけ）")


def cut_name(name: str) -> str:
    """The name as a PMD file holds it: 20 bytes of cp932, a half character at the end lost."""
    return name.encode("cp932", errors="replace")[:_PMD_NAME_BYTES].decode("cp932", errors="ignore")


def _cut(expression: Expression) -> Expression:
    if not _is_cp932(expression.name):
        return expression
    return replace(expression, name=cut_name(expression.name), name_en=cut_name(expression.name_en))


def _is_cp932(name: str) -> bool:
    try:
        name.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def rebuilt_bones(bones: Sequence[Bone], wild: Wild) -> list[Bone]:
    """The skeleton with its extra neck bones and cut names."""
    result = list(bones)
    if wild.neck_bones:
        neck = next(bone for bone in result if bone.key == "neck")
        index, head = next((i, bone) for i, bone in enumerate(result) if bone.key == "head")
        low, high = np.array(neck.position), np.array(head.position)
        between, parent = [], "neck"
        for k in range(wild.neck_bones):
            x, y, z = low + (high - low) * (k + 1) / (wild.neck_bones + 1)
            key = f"neck_between{k}"
            between.append(
                Bone(
                    key, f"首{k + 1}", f"neck{k + 1}", (float(x), float(y), float(z)), parent, (0.0, 0.1, 0.0)
                )
            )
            parent = key
        result[index : index + 1] = [*between, replace(head, parent=parent)]
    if wild.cut_names:
        result = [replace(b, name=cut_name(b.name), name_en=cut_name(b.name_en)) for b in result]
    return result


def with_sdef_neck(model: Model) -> Model:
    """The model with spherical instead of linear skinning where the neck meets the head.

    C lies on the neck's axis at the vertex's height; R0 and R1 are the joints of the two bones.
    """
    vertices, bones = model.vertices, model.bones
    neck, head = bones.names.index("首"), bones.names.index("頭")
    pair = np.sort(vertices.bone_indices[:, :2], axis=1)
    chosen = (vertices.skinning == Skinning.BDEF2) & (pair == sorted((neck, head))).all(axis=1)
    rows = np.flatnonzero(chosen).astype(np.int32)
    low, high = bones.rest_positions[neck], bones.rest_positions[head]
    centers = vertices.positions[rows].copy()
    share = np.clip((centers[:, 1] - low[1]) / (high[1] - low[1]), 0.0, 1.0)[:, None]
    centers[:, [0, 2]] = (low + (high - low) * share)[:, [0, 2]]
    joints = bones.rest_positions[vertices.bone_indices[rows]]
    skinning = vertices.skinning.copy()
    skinning[rows] = Skinning.SDEF
    return replace(
        model,
        vertices=replace(
            vertices,
            skinning=skinning,
            sdef_vertices=rows,
            sdef_c=centers.astype(np.float32),
            sdef_r0=joints[:, 0].astype(np.float32),
            sdef_r1=joints[:, 1].astype(np.float32),
        ),
    )
