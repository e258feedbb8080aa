"""Bones for hair: chains laid into the strands, and the strands' weights on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.curves import Array, smoothstep
from mmdgen.cast.mesh import Part
from mmdgen.cast.skeleton import Bone

_FULLWIDTH = "１２３"
_LOOSE_START = 0.95  # height where hanging strands leave the head, head units
_FRINGE_START = 1.85
_TIED = {
    "twin_tails": ("ツインテール", "twintail"),
    "low_tails": ("おさげ", "lowtail"),
    "braids": ("三つ編み", "braid"),
    "ponytail": ("ポニーテール", "ponytail"),
    "side_tail": ("サイドテール", "sidetail"),
}


@dataclass(frozen=True, slots=True)
class Chain:
    """Bones one below the other."""

    key: str
    name: str
    name_en: str
    start: float  # height of the first
    bottom: float  # height of the last one's tip
    joints: Array  # (bones + 1, 3)

    @property
    def length(self) -> int:
        """How many bones."""
        return len(self.joints) - 1


def bind_hair(parts: Sequence[Part], style: str) -> tuple[list[Part], list[Bone]]:
    """Weights for strands that hang free, and the bones that they hang on.

    Strands that end on the head stay with it.

    Args:
        parts: the hair.
        style: of the back hair.
    """
    groups: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        key = _chain_key(part, style)
        if key is not None:
            groups.setdefault(key, []).append(index)
    bound, bones = list(parts), []
    for key, members in groups.items():
        chain = _chain(key, [parts[index] for index in members], style)
        for index in members:
            bound[index] = replace(parts[index], weights=_chain_weights(chain, parts[index].positions))
        bones += _chain_bones(chain)
    return bound, bones


def _chain_key(part: Part, style: str) -> str | None:
    """Which chain a strand hangs on. None for hair that lies on the head."""
    low, high = float(part.positions[:, 1].min()), float(part.positions[:, 1].max())
    tip = float(part.positions[part.positions[:, 1] < low + 0.25, 0].mean())
    side = "left" if tip > 0 else "right"
    if part.material == "hair_front":
        return None if low > _FRINGE_START - 0.3 else f"front_{side}"
    if part.material == "hair_side":
        return f"side_{side}" if low < 0.45 else None
    if style in _TIED and (high < 0.9 if style in ("low_tails", "braids") else high < 2.9 and low < 0.5):
        return "tail" if style in ("ponytail", "side_tail") else f"tail_{side}"
    if style in ("low_tails", "braids") or low > 0.35:
        return None
    return "back" if abs(tip) < 0.4 else f"back_{side}"


def _chain(key: str, parts: Sequence[Part], style: str) -> Chain:
    places = np.concatenate([part.positions for part in parts])
    bottom = float(places[:, 1].min())
    if key.startswith("front"):
        start = _FRINGE_START
    elif key.startswith("tail"):
        start = float(places[:, 1].max()) - 0.1
    else:
        start = _LOOSE_START
    count = 1 if key.startswith("front") else min(1 + int((start - bottom) / 1.3), 3)
    heights = np.linspace(start, bottom, count + 1)
    joints = []
    for y in heights:
        near = np.abs(places[:, 1] - y)
        chosen = places[near <= max(0.2, float(near.min()) + 1e-9)]
        joints.append([float(chosen[:, 0].mean()), float(y), float(chosen[:, 2].mean())])
    kind, _, side = key.partition("_")
    words = {"front": ("前髪", "fringe"), "side": ("横髪", "side hair"), "back": ("後髪", "back hair")}
    name, english = words.get(kind) or _TIED[style]
    prefix = {"left": "左", "right": "右", "": ""}[side]
    suffix = {"left": "_L", "right": "_R", "": ""}[side]
    return Chain(f"hair_{key}", prefix + name, english + suffix, start, bottom, np.array(joints))


def _chain_weights(chain: Chain, positions: Array) -> dict[str, Array]:
    place = (chain.start - positions[:, 1]) / (chain.start - chain.bottom) * chain.length
    reached = [smoothstep(k - 0.25, k + 0.25, place) for k in range(chain.length)]
    reached.append(np.zeros(len(place)))
    weights = {"head": 1.0 - reached[0]}
    for k in range(chain.length):
        weights[f"{chain.key}{k}"] = reached[k] - reached[k + 1]
    return weights


def _chain_bones(chain: Chain) -> list[Bone]:
    bones = []
    for k in range(chain.length):
        here, below = chain.joints[k], chain.joints[k + 1]
        step = below - here
        last = k + 1 == chain.length
        bones.append(
            Bone(
                key=f"{chain.key}{k}",
                name=f"{chain.name}{_FULLWIDTH[k]}",
                name_en=f"{chain.name_en}{k + 1}",
                position=(float(here[0]), float(here[1]), float(here[2])),
                parent="head" if k == 0 else f"{chain.key}{k - 1}",
                tail=(float(step[0]), float(step[1]), float(step[2])) if last else f"{chain.key}{k + 1}",
            )
        )
    return bones
