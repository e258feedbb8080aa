"""The bones of a PMD file in the terms of PMX: a kind byte becomes flags, append sources and layers."""

from __future__ import annotations

import struct
from dataclasses import replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats import pmd_layout as layout
from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.pmd_text import field_texts
from mmdgen.formats.repair import BoneColumns, settle_bones
from mmdgen.model import NO_INDEX, BoneFlag, BoneTable, IkChain

MAX_IK_CHAINS = 4_096
_COUNT = struct.Struct("<H")
_LIMIT_SCALE = 4.0  # the file holds a quarter of the angle
_KNEE = "ひざ"
_KNEE_LIMITS = (np.deg2rad(-180.0), np.deg2rad(-0.5))  # about X, in the sense of PMX
_IK_LAYER, _APPEND_LAYER = 1, 2


class PmdBoneKind(IntEnum):
    """The kind byte of a PMD bone."""

    ROTATE = 0
    ROTATE_AND_MOVE = 1
    IK = 2
    UNKNOWN = 3
    UNDER_IK = 4
    APPEND_ROTATION = 5  # turns as the bone in its IK field does
    IK_TARGET = 6
    INVISIBLE = 7
    TWIST = 8  # turns about the axis towards its tail
    FOLLOW_ROTATION = 9  # turns as its tail bone does, by IK field percent


_TURNS = BoneFlag.ROTATABLE
_SHOWN = BoneFlag.ROTATABLE | BoneFlag.VISIBLE | BoneFlag.OPERABLE
_FLAGS = {
    PmdBoneKind.ROTATE: _SHOWN,
    PmdBoneKind.ROTATE_AND_MOVE: _SHOWN | BoneFlag.MOVABLE,
    PmdBoneKind.IK: _SHOWN | BoneFlag.MOVABLE,
    PmdBoneKind.UNKNOWN: _SHOWN,
    PmdBoneKind.UNDER_IK: _SHOWN,
    PmdBoneKind.APPEND_ROTATION: _SHOWN | BoneFlag.APPEND_ROTATION,
    PmdBoneKind.IK_TARGET: _TURNS,
    PmdBoneKind.INVISIBLE: _TURNS,
    PmdBoneKind.TWIST: _SHOWN | BoneFlag.FIXED_AXIS,
    PmdBoneKind.FOLLOW_ROTATION: _TURNS | BoneFlag.APPEND_ROTATION,
}


def read_ik_chains(reader: BinaryReader, bone_names: tuple[str, ...]) -> list[IkChain]:
    """The IK chains in file order. MMD: a link whose name has ひざ (knee) bends one way only."""
    reader.begin("IK")
    start = reader.offset
    (count,) = reader.unpack(_COUNT)
    reader.check_count(count, "IK chains", layout.IK_HEAD.itemsize, limit=MAX_IK_CHAINS, offset=start)
    chains = []
    for _ in reader.rows(count):
        head = reader.array(layout.IK_HEAD, 1)[0]
        links = reader.array(layout.IK_LINK, int(head["links"])).astype(np.int32)
        knees = np.array([link < len(bone_names) and _KNEE in bone_names[link] for link in links], np.bool_)
        lower, upper = np.zeros((2, len(links), 3), np.float32)
        lower[knees, 0], upper[knees, 0] = _KNEE_LIMITS
        chains.append(
            IkChain(
                bone=int(head["bone"]),
                target=int(head["target"]),
                loop_count=int(head["loop_count"]),
                limit_angle=_limit_angle(float(head["limit"])),
                links=links,
                has_limits=knees,
                lower_limits=lower,
                upper_limits=upper,
            )
        )
    return chains


def _limit_angle(stored: float) -> float:
    """Radians from what the file holds; infinity, which is mended later, where float32 ends."""
    with np.errstate(over="ignore"):
        return float(np.float32(stored * _LIMIT_SCALE))


def bone_table(
    reader: BinaryReader, rows: NDArray[Any], start: int, names_en: tuple[str, ...], chains: list[IkChain]
) -> BoneTable:
    """The bones with flags, append sources, axes and layers as PMX would have them.

    A second IK chain of one bone, which PMX cannot say, is put on a helper bone at the same place.

    Args:
        reader: collects the warnings.
        rows: (bones,) records of `pmd_layout.BONE`.
        start: where the first bone begins.
        names_en: English names, or none at all.
        chains: IK chains in file order.
    """
    helped, chains = _one_chain_a_bone(reader, rows, chains)
    offsets = start + np.arange(len(rows), dtype=np.int64) * rows.dtype.itemsize
    names = field_texts(reader, rows["name"], offset=start)
    names += tuple(f"{names[bone]}+" for bone in helped)
    names_en = (names_en or ("",) * len(rows)) + ("",) * len(helped)
    helpers = rows[helped]
    helpers["parent"], helpers["tail"], helpers["kind"] = helped, NO_INDEX, PmdBoneKind.INVISIBLE
    rows, offsets = np.concatenate([rows, helpers]), np.concatenate([offsets, offsets[helped]])
    kinds = np.where(rows["kind"] <= max(PmdBoneKind), rows["kind"], PmdBoneKind.UNKNOWN)
    columns = BoneColumns.empty(len(rows))
    columns.rest_positions[:] = rows["position"]
    columns.parents[:] = rows["parent"]
    columns.flags[:] = np.array([_FLAGS[kind] for kind in PmdBoneKind], np.uint16)[kinds]
    columns.flags[:] |= np.uint16(BoneFlag.TAIL_IS_BONE)
    # MMD: tail 0 is "none", so no tail can point at the first bone.
    columns.tails[:] = np.where(rows["tail"] > 0, rows["tail"], NO_INDEX)
    _set_appends(columns, rows, kinds)
    _set_axes(columns, rows, kinds)
    columns.flags[[chain.bone for chain in chains]] |= np.uint16(BoneFlag.IK)
    table = settle_bones(reader, names, names_en, columns, chains, offsets)
    return replace(table, deform_layers=_deform_layers(table))


def _one_chain_a_bone(
    reader: BinaryReader, rows: NDArray[Any], chains: list[IkChain]
) -> tuple[NDArray[np.int64], list[IkChain]]:
    """Which bone each helper bone stands at, and the chains ascending by bone, helpers last."""
    taken: set[int] = set()
    kept, moved = [], []
    for chain in chains:
        if chain.bone >= len(rows):
            reader.warn(
                f"an IK chain is at bone {chain.bone}, there are {len(rows):,}", "ignored it", section="IK"
            )
        elif chain.bone in taken:
            moved.append(chain)
        else:
            taken.add(chain.bone)
            kept.append(chain)
    helpers = [replace(chain, bone=len(rows) + place) for place, chain in enumerate(moved)]
    return np.array([chain.bone for chain in moved], np.int64), [
        *sorted(kept, key=lambda chain: chain.bone),
        *helpers,
    ]


def _set_appends(columns: BoneColumns, rows: NDArray[Any], kinds: NDArray[Any]) -> None:
    append = kinds == PmdBoneKind.APPEND_ROTATION
    columns.append_parents[append] = rows["ik"][append]
    columns.append_ratios[append] = 1.0
    follow = kinds == PmdBoneKind.FOLLOW_ROTATION
    columns.append_parents[follow] = rows["tail"][follow]
    columns.append_ratios[follow] = rows["ik"][follow] * np.float32(0.01)


def _set_axes(columns: BoneColumns, rows: NDArray[Any], kinds: NDArray[Any]) -> None:
    """The axis of a twist bone points at its tail; without a tail it may turn freely."""
    for bone in np.flatnonzero(kinds == PmdBoneKind.TWIST):
        tail = int(columns.tails[bone])
        if 0 <= tail < len(rows):
            towards = rows["position"][tail].astype(np.float64) - rows["position"][bone]
            length = float(np.linalg.norm(towards))
            if np.isfinite(length) and length > 0.0:
                columns.fixed_axes[bone] = towards / length
                continue
        columns.flags[bone] &= ~np.uint16(BoneFlag.FIXED_AXIS)


def _deform_layers(table: BoneTable) -> NDArray[np.int32]:
    """IK bones in layer 1, append bones in layer 2, no bone before its parent: (bones,)."""
    layers = np.zeros(len(table), np.int32)
    layers[table.has_flag(BoneFlag.IK)] = _IK_LAYER
    layers[table.has_flag(BoneFlag.APPEND_ROTATION)] = _APPEND_LAYER
    # Each round looks twice as far up; a root looks at itself.
    ancestors = np.where(table.parents == NO_INDEX, np.arange(len(table)), table.parents)
    for _ in range(len(table).bit_length()):
        layers = np.maximum(layers, layers[ancestors])
        ancestors = ancestors[ancestors]
    return layers
