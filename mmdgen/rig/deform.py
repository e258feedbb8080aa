"""Where bones go: append sums, then the hierarchy, a level of depth at a time for all poses at once.

MMD: local rotation = IK * own * append (the append is applied first), where the append is the whole local
rotation of its source scaled along the shortest arc. A still picture has no previous frame, so parents and
append sources are always evaluated before what depends on them, whatever their deform layers say; the
deform order decides only which IK chain is solved first.

Arrays here have the bone axis first and the pose axis second: (bones, poses, ...).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import NO_INDEX, BoneFlag, BoneTable, Ints
from mmdgen.rig.transforms import Reals, empty_planes, multiply_quaternions, rotate_vectors, scale_rotations

log = logging.getLogger(__name__)


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

    parents: Ints  # (bones,), without cycles
    levels: tuple[Ints, ...]  # bones of depth 0 (roots), 1, ...
    rest_offsets: NDArray[np.float64]  # (bones, 3), from the parent
    append_levels: tuple[AppendLevel, ...]
    deform_order: Ints  # (bones,), as MMD walks them


def build_hierarchy(bones: BoneTable, source: str = "model") -> Hierarchy:
    """Compile the bone table. Cycles are cut and logged; `source` names the model in messages."""
    parents = cut_cycles(bones.parents)
    for bone in np.flatnonzero(parents != bones.parents):
        log.warning("%s: bone %d (%s) is its own ancestor; it is a root", source, bone, bones.names[bone])
    order = deform_order(bones)
    _warn_of_late_parents(bones, parents, order, source)
    rest = bones.rest_positions.astype(np.float64)
    has_parent = parents != NO_INDEX
    return Hierarchy(
        parents=parents,
        levels=_levels(parents),
        rest_offsets=np.where(has_parent[:, None], rest - rest[parents], rest) if len(rest) else rest,
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


def _levels(sources: Ints) -> tuple[Ints, ...]:
    depths = _depths(sources)
    order = np.argsort(depths, kind="stable").astype(np.int32)
    return tuple(np.split(order, np.flatnonzero(np.diff(depths[order])) + 1)) if len(order) else ()


def _append_levels(bones: BoneTable, source: str) -> tuple[AppendLevel, ...]:
    turns = bones.has_flag(BoneFlag.APPEND_ROTATION)
    moves = bones.has_flag(BoneFlag.APPEND_TRANSLATION)
    is_usable = (turns | moves) & np.isfinite(bones.append_ratios)
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
        for level in _levels(sources)[1:]
    )


def _warn_of_late_parents(bones: BoneTable, parents: Ints, order: Ints, source: str) -> None:
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    late = np.flatnonzero((parents != NO_INDEX) & (rank[parents] > rank)) if len(order) else order
    if len(late):
        log.warning(
            "%s: %d bones stand before their parent in MMD's order, the first is %d (%s); "
            "the parent is moved first",
            source,
            len(late),
            late[0],
            bones.names[late[0]],
        )


def local_transforms(
    hierarchy: Hierarchy, own_rotations: Reals, own_translations: Reals, ik_rotations: Reals | None = None
) -> tuple[Reals, Reals]:
    """Each bone's rotation and translation against its parent, appends and IK included.

    Args:
        hierarchy: the skeleton.
        own_rotations: (bones, poses, 4), user pose and bone morphs.
        own_translations: (bones, poses, 3).
        ik_rotations: (bones, poses, 4), or None where no IK was solved.

    Returns:
        rotations (bones, poses, 4) and translations (bones, poses, 3), fresh arrays.
    """
    own = own_rotations if ik_rotations is None else multiply_quaternions(ik_rotations, own_rotations)
    rotations, translations = own.copy(order="K"), own_translations.copy(order="K")
    for level in hierarchy.append_levels:
        # MMD: a local append takes what its source does by itself, without the source's own append
        turned, moved = _rows(rotations, level.sources), _rows(translations, level.sources)
        if level.is_local.any():
            turned = np.where(level.is_local, own[level.sources], turned)
            moved = np.where(level.is_local, own_translations[level.sources], moved)
        append = scale_rotations(turned, level.rotation_ratios)
        rotations[level.bones] = multiply_quaternions(_rows(own, level.bones), append)
        translations[level.bones] += moved * level.translation_ratios
    return rotations, translations


def world_transforms(
    hierarchy: Hierarchy, local_rotations: Reals, local_translations: Reals
) -> tuple[Reals, Reals]:
    """World rotation (bones, poses, 4) and world position (bones, poses, 3) of every bone."""
    rotations = empty_planes(local_rotations.shape[:-1], 4, local_rotations.dtype)
    for level in hierarchy.levels:
        parents = hierarchy.parents[level]
        local = _rows(local_rotations, level)
        is_root_level = not len(parents) or parents[0] == NO_INDEX
        rotations[level] = local if is_root_level else multiply_quaternions(_rows(rotations, parents), local)
    steps = local_translations + hierarchy.rest_offsets[:, None, :]
    has_parent = np.flatnonzero(hierarchy.parents != NO_INDEX)
    parents_of = hierarchy.parents[has_parent]
    steps[has_parent] = rotate_vectors(_rows(rotations, parents_of), _rows(steps, has_parent))
    positions = steps
    for level in hierarchy.levels[1:]:
        positions[level] += positions[hierarchy.parents[level]]
    return rotations, positions


def _rows(values: Reals, bones: NDArray[np.integer]) -> Reals:
    """Rows of some bones, components still in separate planes."""
    return np.moveaxis(np.moveaxis(values, -1, 0)[:, bones], 0, -1)
