"""Where bones go: append sums, then the hierarchy, a level of depth at a time for all poses at once.

MMD: local rotation = IK * own * append (the append is applied first), where the append is the whole local
rotation of its source scaled along the shortest arc. A still picture has no previous frame, so parents and
append sources are always evaluated before what depends on them, whatever their deform layers say; the
deform order decides only which IK chain is solved first.

Most poses move a few bones of some hundred. A bone that does not move against its parent shares its
parent's skin transform (world_from_rest), so `World` keeps one transform for each bone that moves and says
which of them every bone follows.

Arrays here have the bone axis first and the pose axis second: (bones, poses, ...).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import NO_INDEX, BoneFlag, BoneTable, Bools, Ints
from mmdgen.rig.transforms import (
    Reals,
    matrices_from_quaternions,
    multiply_quaternions,
    scale_rotations,
    take_rows,
)

log = logging.getLogger(__name__)

_MOST_RATIO = 1_000.0  # of an append; real ones reach 2, a damaged file's would overflow along a chain


@dataclass(frozen=True, slots=True, eq=False)
class Motions:
    """Rotations and translations of bones against their parents, and which bones move at all.

    Bones that do not move have the identity, so that nothing needs to be computed for them.
    """

    rotations: Reals  # (bones, poses, 4), unit
    translations: Reals  # (bones, poses, 3)
    moving: Bools  # (bones,)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Skin transforms (world_from_rest) of the bones that move, and which of them each bone follows.

    Row 0 is the identity, for bones that no moving bone carries.
    """

    rows: NDArray[np.intp]  # (bones,)
    skins: NDArray[np.float64]  # (rows, poses, 4, 4)

    def positions(self, bones: NDArray[np.integer], rest_positions: Reals) -> Reals:
        """Where bones are whose rest positions (n, 3) are given, (n, poses, 3)."""
        skins = self.skins[self.rows[bones]]
        turned = (skins[..., :3, :3] @ rest_positions[:, None, :, None])[..., 0]
        return np.asarray(turned + skins[..., :3, 3])


@dataclass(frozen=True, slots=True, eq=False)
class AppendLevel:
    """Bones that copy a part of another bone's motion, all of whose sources are already known."""

    bones: Ints  # (n,)
    sources: Ints  # (n,)
    rotation_ratios: NDArray[np.float64]  # (n, 1), 0 where rotation is not appended
    translation_ratios: NDArray[np.float64]  # (n, 1, 1), 0 where translation is not appended
    is_local: NDArray[np.bool_]  # (n, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """The skeleton in an order in which it can be evaluated."""

    rest_positions: NDArray[np.float64]  # (bones, 3)
    parents: Ints  # (bones,), without cycles
    levels: tuple[Ints, ...]  # bones of depth 0 (roots), 1, ...
    append_levels: tuple[AppendLevel, ...]
    deform_order: Ints  # (bones,), as MMD walks them


def build_hierarchy(bones: BoneTable, source: str = "model") -> Hierarchy:
    """Compile the bone table. Cycles are cut and logged; `source` names the model in messages."""
    parents = cut_cycles(bones.parents)
    for bone in np.flatnonzero(parents != bones.parents):
        log.warning("%s: bone %d (%s) is its own ancestor; it is a root", source, bone, bones.names[bone])
    order = deform_order(bones)
    _warn_of_late_parents(bones, parents, order, source)
    return Hierarchy(
        rest_positions=bones.rest_positions.astype(np.float64),
        parents=parents,
        levels=depth_levels(parents),
        append_levels=_append_levels(bones, source),
        deform_order=order,
    )


def deform_order(bones: BoneTable) -> Ints:
    """Bones as MMD walks them: before physics first, then by layer, then by index, (bones,)."""
    after_physics = bones.has_flag(BoneFlag.AFTER_PHYSICS)
    order = np.lexsort((np.arange(len(bones)), bones.deform_layers, after_physics))
    return np.array(order, np.int32)


def cut_cycles(sources: Ints) -> Ints:
    """The same single-source graph with the edge that closes each cycle replaced by NO_INDEX, (n,).

    Walking from each node in index order, the node whose source was already met on the same walk loses it.
    """
    result = np.array(sources, np.int32)
    walk_of = np.full(len(result), NO_INDEX)
    for start in range(len(result)):
        node = start
        while walk_of[node] == NO_INDEX:
            walk_of[node] = start
            source = result[node]
            if source == NO_INDEX:
                break
            if walk_of[source] == start:
                result[node] = NO_INDEX
                break
            node = source
    return result


def _depths(sources: Ints) -> Ints:
    """Distance from the root of each node of a graph without cycles, (n,)."""
    ancestors = sources
    depths: Ints = (ancestors != NO_INDEX).astype(np.int32)
    while (has_more := ancestors != NO_INDEX).any():  # the ancestors are 1, 2, 4, ... steps away
        depths = depths + np.where(has_more, depths[ancestors], 0)
        ancestors = np.where(has_more, ancestors[ancestors], NO_INDEX)
    return depths


def depth_levels(sources: Ints) -> tuple[Ints, ...]:
    """Nodes of a graph without cycles by their distance from a root: roots, their children, ..."""
    depths = _depths(sources)
    order = np.argsort(depths, kind="stable").astype(np.int32)
    return tuple(np.split(order, np.flatnonzero(np.diff(depths[order])) + 1)) if len(order) else ()


def _append_levels(bones: BoneTable, source: str) -> tuple[AppendLevel, ...]:
    turns = bones.has_flag(BoneFlag.APPEND_ROTATION)
    moves = bones.has_flag(BoneFlag.APPEND_TRANSLATION)
    is_usable = (turns | moves) & (np.abs(bones.append_ratios) <= _MOST_RATIO)  # False for NaN too
    wanted = np.where(is_usable, bones.append_parents, NO_INDEX).astype(np.int32)
    sources = cut_cycles(wanted)
    for bone in np.flatnonzero(sources != wanted):
        log.warning("%s: bone %d (%s) appends itself; ignored", source, bone, bones.names[bone])
    ratios = bones.append_ratios.astype(np.float64)
    return tuple(
        AppendLevel(
            bones=level,
            sources=sources[level],
            rotation_ratios=np.where(turns, ratios, 0.0)[level, None],
            translation_ratios=np.where(moves, ratios, 0.0)[level, None, None],
            is_local=bones.has_flag(BoneFlag.LOCAL_APPEND)[level, None, None],
        )
        for level in depth_levels(sources)[1:]
    )


def _warn_of_late_parents(bones: BoneTable, parents: Ints, order: Ints, source: str) -> None:
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    late = np.flatnonzero((parents != NO_INDEX) & (rank[parents] > rank)) if len(order) else order
    if len(late):
        log.warning(
            "%s: bones that stand before their parent in MMD's order: %d, the first is %d (%s); "
            "the parent is moved first",
            source,
            len(late),
            late[0],
            bones.names[late[0]],
        )


def add_appends(hierarchy: Hierarchy, own: Motions) -> Motions:
    """The bones' motions with what they append from others: own * append, own translation + append."""
    rotations, translations, moving = own.rotations, own.translations, own.moving.copy()
    for level in hierarchy.append_levels:
        active = np.flatnonzero(moving[level.sources])
        if not len(active):
            continue
        if rotations is own.rotations:
            rotations, translations = rotations.copy(order="K"), translations.copy(order="K")
        bones, sources, is_local = level.bones[active], level.sources[active], level.is_local[active]
        turned, moved = take_rows(rotations, sources), take_rows(translations, sources)
        if is_local.any():
            # MMD: a local append takes what its source does by itself, without the source's own append
            turned = np.where(is_local, own.rotations[sources], turned)
            moved = np.where(is_local, own.translations[sources], moved)
        append = scale_rotations(turned, level.rotation_ratios[active])
        rotations[bones] = multiply_quaternions(take_rows(own.rotations, bones), append)
        translations[bones] += moved * level.translation_ratios[active]
        moving[bones] = True
    return Motions(rotations, translations, moving)


def world_transforms(hierarchy: Hierarchy, local: Motions) -> World:
    """Walk the hierarchy: skin transform = parent's skin transform @ turn about the rest position."""
    rows, movers, parent_rows, levels = _moving_skeleton(hierarchy, local.moving)
    local_skins = _local_skins(
        hierarchy.rest_positions[movers],
        take_rows(local.rotations, movers),
        take_rows(local.translations, movers),
    )
    skins = np.empty((len(movers) + 1, *local_skins.shape[1:]))
    skins[0] = np.eye(4)
    for start, stop in levels:
        skins[start:stop] = skins[parent_rows[start:stop]] @ local_skins[start - 1 : stop - 1]
    return World(rows, skins)


def _local_skins(rest: Reals, rotations: Reals, translations: Reals) -> NDArray[np.float64]:
    """Turn about the rest position (bones, 3), then move: (bones, poses, 4, 4)."""
    matrices = matrices_from_quaternions(rotations)
    skins = np.zeros((*rotations.shape[:2], 4, 4))
    for i in range(3):
        turned_rest = sum(matrices[..., i, j] * rest[:, j, None] for j in range(3))
        skins[..., i, 3] = rest[:, i, None] + translations[..., i] - turned_rest
        for j in range(3):
            skins[..., i, j] = matrices[..., i, j]
    skins[..., 3, 3] = 1.0
    return skins


def _moving_skeleton(
    hierarchy: Hierarchy, moving: Bools
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], list[tuple[int, int]]]:
    """The skeleton of the moving bones alone.

    Returns:
        rows: (bones,) which row each bone follows, 0 for none.
        movers: the moving bones in order of depth; mover i is row i + 1.
        parent_rows: (movers + 1,), the row that carries each row; 0 carries itself.
        levels: first and one-past-last row of each depth.
    """
    movers = np.concatenate([level[moving[level]] for level in hierarchy.levels] or [np.zeros(0, np.intp)])
    rows = np.zeros(len(moving) + 1, np.intp)  # the last entry stands for NO_INDEX
    rows[movers] = np.arange(1, len(movers) + 1)
    parent_rows, depths = np.zeros(len(movers) + 1, np.intp), np.zeros(len(movers) + 1, np.intp)
    for level in hierarchy.levels:
        carried = rows[hierarchy.parents[level]]
        is_mover = moving[level]
        own_rows = rows[level[is_mover]]
        parent_rows[own_rows] = carried[is_mover]
        depths[own_rows] = depths[carried[is_mover]] + 1
        rows[level[~is_mover]] = carried[~is_mover]
    order = np.argsort(depths, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    edges = [*(np.flatnonzero(np.diff(depths[order])) + 1).tolist(), len(order)]
    levels = list(pairwise(edges))
    return rank[rows[:-1]], movers[order[1:] - 1], rank[parent_rows[order]], levels
