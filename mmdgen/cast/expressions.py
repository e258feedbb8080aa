"""The morphs of a character: which motions of its parts each one gathers, with name and panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdgen.cast.curves import Array, on_grid
from mmdgen.model import (
    GroupElements,
    MaterialElements,
    MorphElements,
    MorphKind,
    MorphTable,
    Panel,
    VertexElements,
)

_SMALLEST_OFFSET = 1e-4  # MMD units; a vertex that moves less is left out


@dataclass(frozen=True, slots=True)
class Expression:
    """One morph of a model file."""

    key: str
    name: str
    name_en: str
    panel: Panel
    motions: Sequence[str] = ()  # keys of the parts' motions that it sums
    group: Mapping[str, float] = field(default_factory=dict)  # keys of other morphs and their ratios
    opaque: Sequence[str] = ()  # materials that it makes visible


def _both(key: str) -> tuple[str, str]:
    return (f"{key}_left", f"{key}_right")


def standard_expressions() -> list[Expression]:
    """The morphs in file order, under the names of the modern family."""
    brow, eye, mouth, other = Panel.BROW, Panel.EYE, Panel.MOUTH, Panel.OTHER
    result = []
    brows = [
        ("serious", "真面目", "serious"), ("troubled", "困る", "sadness"), ("gentle", "にこり", "cheerful"),
        ("angry", "怒り", "anger"), ("up", "上", "go up"), ("down", "下", "go down"),
    ]  # fmt: skip
    for key, name, english in brows:
        result.append(Expression(f"brow_{key}", name, english, brow, _both(key)))
    for key, name, english in brows:
        for side, word in (("left", "左"), ("right", "右")):
            letter = side[0].upper()
            result.append(
                Expression(f"brow_{key}_{side}", name + word, f"{english}_{letter}", brow, (f"{key}_{side}",))
            )
    result += [
        Expression("blink", "まばたき", "blink", eye, _both("blink")),
        Expression("smile", "笑い", "smile", eye, _both("smile")),
        Expression("smile_left", "ウィンク", "wink", eye, ("smile_left",)),
        Expression("smile_right", "ウィンク右", "wink right", eye, ("smile_right",)),
        Expression("blink_left", "ウィンク２", "wink 2", eye, ("blink_left",)),
        Expression("blink_right", "ｳｨﾝｸ２右", "wink 2 right", eye, ("blink_right",)),
        Expression("calm", "なごみ", "calm", eye, _both("calm")),
        Expression("squeeze", "はぅ", "> <", eye, _both("squeeze")),
        Expression("wide", "びっくり", "surprised", eye, (*_both("wide"), *_both("small_iris_slight"))),
        Expression("half", "じと目", "stare", eye, _both("half")),
        Expression("small_iris", "瞳小", "small pupils", eye, _both("small_iris")),
    ]
    vowels = [("a", "あ"), ("i", "い"), ("u", "う"), ("e", "え"), ("o", "お")]
    result += [Expression(f"mouth_{key}", name, key, mouth, (f"mouth_{key}",)) for key, name in vowels]
    result += [
        Expression(f"mouth_{key}", name, english, mouth, (f"mouth_{key}",))
        for key, name, english in (
            ("triangle", "▲", "triangle"), ("omega", "ω", "omega"),
            ("corners_up", "口角上げ", "mouth corners up"),
            ("corners_down", "口角下げ", "mouth corners down"), ("smirk", "にやり", "grin"),
            ("surprise", "えー", "oh"), ("laugh", "わー", "laugh"),
        )
    ]  # fmt: skip
    result += [
        Expression("blush", "照れ", "blush", other, opaque=("blush",)),
        Expression("joy", "喜び", "joy", other,
                   group={"smile": 1.0, "mouth_laugh": 0.8, "brow_gentle": 0.8}),
        Expression("sorrow", "悲しみ", "sorrow", other,
                   group={"half": 0.4, "mouth_corners_down": 1.0, "brow_troubled": 1.0}),
    ]  # fmt: skip
    return result


def morph_table(
    expressions: Sequence[Expression], motions: Mapping[str, Array], materials: Sequence[str], scale: float
) -> MorphTable:
    """The table of a model file.

    Args:
        expressions: in file order.
        motions: motion key -> offsets of all vertices, (vertices, 3), head units.
        materials: keys of the materials in file order.
        scale: MMD units per head unit.
    """
    index = {expression.key: i for i, expression in enumerate(expressions)}
    elements: list[MorphElements] = []
    kinds = []
    for expression in expressions:
        if expression.group:
            morphs = [index[key] for key in expression.group]
            ratios = np.array(list(expression.group.values()), np.float32)
            elements.append(GroupElements(np.array(morphs, np.int32), ratios))
            kinds.append(MorphKind.GROUP)
        elif expression.opaque:
            elements.append(_appearing([materials.index(key) for key in expression.opaque]))
            kinds.append(MorphKind.MATERIAL)
        else:
            elements.append(_vertex_elements(expression.motions, motions, scale))
            kinds.append(MorphKind.VERTEX)
    return MorphTable(
        names=tuple(expression.name for expression in expressions),
        names_en=tuple(expression.name_en for expression in expressions),
        panels=np.array([expression.panel for expression in expressions], np.uint8),
        kinds=np.array(kinds, np.uint8),
        elements=tuple(elements),
    )


def _vertex_elements(keys: Sequence[str], motions: Mapping[str, Array], scale: float) -> VertexElements:
    total = on_grid(sum((motions[key] for key in keys), np.zeros((1, 3))) * scale)
    moved = np.flatnonzero(np.abs(total).max(axis=1) > _SMALLEST_OFFSET)
    return VertexElements(moved.astype(np.int32), total[moved].astype(np.float32))


def _appearing(materials: Sequence[int]) -> MaterialElements:
    """Adds alpha 1 to hidden materials, as blush and tears are done in real models."""
    values = np.zeros((len(materials), 28), np.float32)
    values[:, 3] = 1.0
    return MaterialElements(np.array(materials, np.int32), np.ones(len(materials), np.bool_), values)
