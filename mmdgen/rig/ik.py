"""Inverse kinematics: links turn until a chain's target bone reaches its IK bone, for all poses at once.

Cyclic coordinate descent as MMD does it, as far as it is known from programs that follow it (no published
source; the values here are those of nanoem and babylon-mmd): the step of link k is at most (k + 1) times the
limit angle; a link that may turn about one axis only takes that axis during the first half of the
iterations; angle limits apply to Euler angles of the whole local rotation, and an angle beyond a limit is
reflected during the first half and clamped after it.

MMD: some files place the target beside the IK bone, so that solving moves even the rest pose. Here a chain is
solved only where a pose moved the goal or the target against the bone that carries the chain: a rest pose
stays at rest, and a turn of the head does not touch the legs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import NO_INDEX, BoneTable, Bools, IkChain, Ints
from mmdgen.rig.deform import Hierarchy, Motions, World, add_appends, world_transforms
from mmdgen.rig.transforms import (
    Reals,
    invert_quaternions,
    matrices_from_quaternions,
    multiply_quaternions,
    quaternions_from_matrices,
    rotate_vectors,
)

log = logging.getLogger(__name__)

MOST_ITERATIONS = 256  # MMD's own cap
MOST_LINKS = 256  # no rope is longer; a damaged file must not keep the solver busy for hours
_DISTURBED = 1e-5  # MMD units that goal or target must move before a chain is solved
_REACHED_SQUARED = 1e-8
_PARALLEL_SQUARED = 1e-8  # of the cross product of the two directions
_STEEPEST = np.radians(88.0)  # the middle Euler angle stays below 90 degrees


@dataclass(frozen=True, slots=True, eq=False)
class IkLink:
    """One link that can turn the target."""

    bone: int
    parent: int  # NO_INDEX for a root
    step_limit: float  # radians
    limits: NDArray[np.float64] | None  # (2, 3) lower and upper, radians; None: free
    only_axis: int | None  # the axis of a hinge
    euler_order: tuple[int, int, int]  # outermost axis first
    carries: tuple[int, ...]  # positions in the chain of the links that this one moves


@dataclass(frozen=True, slots=True, eq=False)
class IkSolver:
    """One chain, compiled."""

    goal: int
    target: int
    base: int  # the bone that carries the chain; NO_INDEX for a root
    loop_count: int
    links: tuple[IkLink, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IkPlan:
    """All chains in MMD's deform order."""

    solvers: tuple[IkSolver, ...]
    bases: Ints  # (chains,), bones that carry the chains; NO_INDEX for the world
    ends: Ints  # (chains, 2), goal and target bones


def build_ik_plan(bones: BoneTable, hierarchy: Hierarchy, source: str = "model") -> IkPlan:
    """Compile the chains; links that cannot move their target are left out, with a warning."""
    rank = np.empty(len(bones), np.int32)
    rank[hierarchy.deform_order] = np.arange(len(bones))
    solvers: list[IkSolver] = []
    for chain in sorted(bones.ik_chains, key=lambda chain: int(rank[chain.bone])):
        solver = _compile(chain, bones, hierarchy)
        if solver is None or len(solver.links) < len(chain.links) - _fixed_count(chain):
            log.warning(
                "%s: IK bone %d (%s) names links that do not carry its target; they are left out",
                source,
                chain.bone,
                bones.names[chain.bone],
            )
        if solver is not None:
            solvers.append(solver)
    bases = np.array([solver.base for solver in solvers], np.int32)
    ends = np.array([(solver.goal, solver.target) for solver in solvers], np.int32).reshape(-1, 2)
    return IkPlan(tuple(solvers), bases, ends)


def solve_ik(plan: IkPlan, hierarchy: Hierarchy, own: Motions, is_on: Bools) -> World:
    """The skeleton's skin transforms with every disturbed chain solved.

    Args:
        plan: the chains.
        hierarchy: the skeleton.
        own: what the bones do by themselves, without appends.
        is_on: (bones,), whether the chain of each IK bone is switched on.
    """
    local = add_appends(hierarchy, own)
    world = world_transforms(hierarchy, local)
    switched_on = [chain for chain, solver in enumerate(plan.solvers) if is_on[solver.goal]]
    if not switched_on or not _disturbed(plan, hierarchy, world)[switched_on].any():
        return world
    turned = Motions(own.rotations.copy(order="K"), own.translations, own.moving.copy())
    for chain in switched_on:
        solver = plan.solvers[chain]
        # an earlier chain may have moved this one: look again
        poses = np.flatnonzero(_disturbed(plan, hierarchy, world)[chain])
        if not len(poses):
            continue
        links = np.array([link.bone for link in solver.links])
        before = local.rotations[links[:, None], poses]
        change = multiply_quaternions(
            _solve(solver, hierarchy, world, before, poses), invert_quaternions(before)
        )
        # IK turns after the bone's own motion; its append stays innermost
        turned.rotations[links[:, None], poses] = multiply_quaternions(
            change, turned.rotations[links[:, None], poses]
        )
        turned.moving[links] = True
        local = add_appends(hierarchy, turned)
        world = world_transforms(hierarchy, local)
    return world


def _disturbed(plan: IkPlan, hierarchy: Hierarchy, world: World) -> Bools:
    """Where a pose moved goal or target against the bone that carries the chain, (chains, poses)."""
    base_rows = np.where(plan.bases == NO_INDEX, 0, world.rows[plan.bases])
    bases = world.skins[base_rows]
    result = np.zeros(bases.shape[:2], np.bool_)
    for end in plan.ends.T:
        if (world.rows[end] == base_rows).all():
            continue
        rest = hierarchy.rest_positions[end]
        # where the base alone would have carried it
        carried = (bases[..., :3, :3] @ rest[:, None, :, None])[..., 0] + bases[..., :3, 3]
        result |= (np.abs(world.positions(end, rest) - carried) > _DISTURBED).any(axis=-1)
    return result


def _solve(
    solver: IkSolver, hierarchy: Hierarchy, world: World, local: Reals, poses: NDArray[np.intp]
) -> Reals:
    """New local rotations of the links, (links, poses, 4), from their old ones.

    Turning a link turns everything between it and the target rigidly about it, so only the links' places
    and the target's are followed, not the whole skeleton.

    Args:
        solver: the chain.
        hierarchy: the skeleton.
        world: where everything is before.
        local: (links, poses, 4), for the chosen poses.
        poses: which poses to solve.
    """
    local = local.copy()
    bones = np.array([solver.goal, solver.target, *(link.bone for link in solver.links)])
    goal, target, *places = world.positions(bones, hierarchy.rest_positions[bones])[:, poses]
    frames = [
        quaternions_from_matrices(
            world.skins[0 if link.parent == NO_INDEX else world.rows[link.parent], poses, :3, :3]
        )
        for link in solver.links
    ]
    for iteration in range(solver.loop_count):
        is_first_half = iteration < solver.loop_count // 2
        is_open = ((target - goal) ** 2).sum(axis=-1) >= _REACHED_SQUARED
        if not is_open.any():
            break
        for row, link in enumerate(solver.links):
            turned = _turn_link(
                link, local[row], frames[row], target - places[row], goal - places[row], is_first_half
            )
            turned = np.where(is_open[:, None], turned, local[row])
            change = multiply_quaternions(turned, invert_quaternions(local[row]))
            world_change = multiply_quaternions(
                multiply_quaternions(frames[row], change), invert_quaternions(frames[row])
            )
            local[row] = turned
            target = places[row] + rotate_vectors(world_change, target - places[row])
            for other in link.carries:
                places[other] = places[row] + rotate_vectors(world_change, places[other] - places[row])
                frames[other] = multiply_quaternions(world_change, frames[other])
    return local


def _turn_link(
    link: IkLink, local: Reals, frame: Reals, to_target: Reals, to_goal: Reals, is_first_half: bool
) -> Reals:
    """The link's local rotation (poses, 4) after one step; unchanged where nothing can be gained."""
    target_direction, goal_direction = _unit(to_target), _unit(to_goal)
    axis = np.cross(target_direction, goal_direction)
    can_turn = (axis**2).sum(axis=-1) >= _PARALLEL_SQUARED
    axis = rotate_vectors(invert_quaternions(frame), axis)
    if link.only_axis is not None and is_first_half:
        hinge = np.eye(3)[link.only_axis]
        axis = np.where(axis[..., link.only_axis, None] >= 0, hinge, -hinge)
    else:
        axis = _unit(axis)
    cosine = np.clip((target_direction * goal_direction).sum(axis=-1), -1.0, 1.0)
    half_angle = np.minimum(np.arccos(cosine), link.step_limit)[:, None] / 2
    step = np.concatenate([axis * np.sin(half_angle), np.cos(half_angle)], axis=-1)
    turned = multiply_quaternions(step, local)
    if link.limits is not None:
        turned = _limit(turned, link.limits, link.euler_order, reflect=is_first_half)
    return np.where(can_turn[:, None], turned, local)


def _limit(q: Reals, limits: NDArray[np.float64], order: tuple[int, int, int], *, reflect: bool) -> Reals:
    """Rotations (poses, 4) whose Euler angles lie within the limits.

    `order` (a, b, c) means R = R_a R_b R_c. All orders in use are odd permutations of x, y, z, so that
    one set of signs serves: sin b = -R[a, c].
    """
    a, b, c = order
    matrix = matrices_from_quaternions(q)
    angles = np.empty((*q.shape[:-1], 3))
    angles[..., b] = np.clip(np.arcsin(np.clip(-matrix[..., a, c], -1.0, 1.0)), -_STEEPEST, _STEEPEST)
    angles[..., a] = np.arctan2(matrix[..., b, c], matrix[..., c, c])
    angles[..., c] = np.arctan2(matrix[..., a, b], matrix[..., a, a])
    lower, upper = limits
    clamped = np.clip(angles, lower, upper)
    if reflect:
        mirrored = 2 * clamped - angles
        is_inside = (lower <= mirrored) & (mirrored <= upper)
        clamped = np.where(is_inside, mirrored, clamped)
    first, second, third = (_about_axis(axis, clamped[..., axis]) for axis in order)
    return multiply_quaternions(multiply_quaternions(first, second), third)


def _about_axis(axis: int, angles: Reals) -> Reals:
    q = np.zeros((*angles.shape, 4))
    q[..., axis], q[..., 3] = np.sin(angles / 2), np.cos(angles / 2)
    return q


def _unit(vectors: Reals) -> Reals:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def _compile(chain: IkChain, bones: BoneTable, hierarchy: Hierarchy) -> IkSolver | None:
    """The chain with those of its links that can turn its target; None where there is none."""
    above_target = set(_path_up(chain.target, hierarchy.parents)[1:])
    rows = [
        row
        for row, bone in enumerate(chain.links[:MOST_LINKS])
        if bone in above_target and not _is_fixed(chain, row) and bone not in chain.links[:row]
    ]
    if not rows or chain.loop_count <= 0 or not np.isfinite(chain.limit_angle):
        return None
    paths = [_path_up(int(chain.links[row]), hierarchy.parents) for row in rows]
    base = min(paths, key=len)
    return IkSolver(
        goal=chain.bone,
        target=chain.target,
        base=base[1] if len(base) > 1 else NO_INDEX,
        loop_count=min(chain.loop_count, MOST_ITERATIONS),
        links=tuple(
            IkLink(
                bone=path[0],
                parent=path[1] if len(path) > 1 else NO_INDEX,
                step_limit=chain.limit_angle * (row + 1),
                limits=_limits(chain, row),
                only_axis=_only_axis(_limits(chain, row)),
                euler_order=_euler_order(_limits(chain, row)),
                carries=tuple(other for other, below in enumerate(paths) if path[0] in below[1:]),
            )
            for row, path in zip(rows, paths, strict=True)
        ),
    )


def _path_up(bone: int, parents: Ints) -> tuple[int, ...]:
    """The bone, its parent, grandparent and so on."""
    path = []
    while bone != NO_INDEX:
        path.append(int(bone))
        bone = int(parents[bone])
    return tuple(path)


def _limits(chain: IkChain, row: int) -> NDArray[np.float64] | None:
    """Lower and upper limits (2, 3); files swap them now and then."""
    if not chain.has_limits[row]:
        return None
    return np.sort(np.stack([chain.lower_limits[row], chain.upper_limits[row]]).astype(np.float64), axis=0)


def _is_fixed(chain: IkChain, row: int) -> bool:
    """A link limited to zero never turns, nor does one whose limits are no numbers."""
    limits = _limits(chain, row)
    return limits is not None and not (np.isfinite(limits).all() and limits.any())


def _fixed_count(chain: IkChain) -> int:
    return sum(_is_fixed(chain, row) for row in range(len(chain.links)))


def _only_axis(limits: NDArray[np.float64] | None) -> int | None:
    """The axis of a hinge, None for a link that may turn about more."""
    if limits is None:
        return None
    turning = np.flatnonzero(limits.any(axis=0))
    return int(turning[0]) if len(turning) == 1 else None


def _euler_order(limits: NDArray[np.float64] | None) -> tuple[int, int, int]:
    """The order whose middle axis is limited to less than a right angle, so that it is never degenerate."""
    if limits is None:
        return (0, 2, 1)
    is_narrow = np.abs(limits).max(axis=0) < np.pi / 2
    if is_narrow[0]:
        return (1, 0, 2)
    return (2, 1, 0) if is_narrow[1] else (0, 2, 1)
