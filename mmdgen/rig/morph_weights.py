"""How morph weights travel before any morph acts: equal names, flip morphs, group morphs.

MMD: morphs of equal name share one slider. PMX 2.1: a flip morph of n children picks child
int((n + 1) weight) - 1 and *sets* that child's weight; then a group *adds* weight times ratio to each of its
children. Nested groups are outside the specification (MMD ignores them, converted models need them); here
they hand down through any depth, and the element that would close a cycle is left out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import GroupElements, Ints, MorphKind, MorphTable
from mmdgen.rig.transforms import Reals

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class WeightFlow:
    """Which morphs drive which."""

    same_named: tuple[Ints, ...]  # sets of morphs that share a name
    drivers: tuple[int, ...]  # group and flip morphs, each before everything that it drives
    driven: dict[int, GroupElements]  # driver -> its elements, cycles cut
    flips: frozenset[int]


def build_weight_flow(morphs: MorphTable, source: str = "model") -> WeightFlow:
    """Compile the group and flip morphs; `source` names the model in messages."""
    driven = {
        morph: _existing(elements, len(morphs))
        for morph, elements in enumerate(morphs.elements)
        if isinstance(elements, GroupElements)
    }
    drivers, cut = _order_drivers(driven)
    for morph, keep in cut.items():
        log.warning(
            "%s: morph %d (%s) drives itself in a circle; cut there", source, morph, morphs.names[morph]
        )
        elements = driven[morph]
        driven[morph] = GroupElements(morphs=elements.morphs[keep], ratios=elements.ratios[keep])
    return WeightFlow(
        same_named=_same_named(morphs.names),
        drivers=drivers,
        driven=driven,
        flips=frozenset(morph for morph in driven if morphs.kinds[morph] == MorphKind.FLIP),
    )


def spread_weights(flow: WeightFlow, weights: Reals) -> NDArray[np.float64]:
    """The weights with which the leaf morphs act, (poses, morphs), from the sliders' weights.

    Equal names all take the weight of greatest magnitude among them: setting one slider or all is the same.
    """
    sliders = weights.astype(np.float64)
    for same in flow.same_named:
        group = sliders[:, same]
        strongest = np.abs(group).argmax(axis=1)
        sliders[:, same] = group[np.arange(len(group)), strongest, None]
    added = np.zeros_like(sliders)
    for driver in flow.drivers:
        weight = sliders[:, driver] + added[:, driver]
        if not weight.any():
            continue
        elements = flow.driven[driver]
        if driver in flow.flips:
            _flip(sliders, weight, elements)
        else:
            for child, ratio in zip(elements.morphs, elements.ratios, strict=True):
                added[:, child] += weight * ratio
    return sliders + added


def _flip(sliders: NDArray[np.float64], weight: NDArray[np.float64], elements: GroupElements) -> None:
    """Set the slider of the child that each pose's weight chooses; weight 0 chooses none."""
    count = len(elements.morphs)
    if not count:
        return
    chosen = np.clip(np.floor((count + 1) * weight).astype(np.int64) - 1, -1, count - 1)
    poses = np.flatnonzero(chosen >= 0)
    sliders[poses, elements.morphs[chosen[poses]]] = elements.ratios[chosen[poses]]


def _existing(elements: GroupElements, morph_count: int) -> GroupElements:
    """The elements that name a morph of the model and a finite ratio."""
    keep = (elements.morphs >= 0) & (elements.morphs < morph_count) & np.isfinite(elements.ratios)
    return GroupElements(morphs=elements.morphs[keep], ratios=elements.ratios[keep])


def _same_named(names: tuple[str, ...]) -> tuple[Ints, ...]:
    by_name: dict[str, list[int]] = {}
    for morph, name in enumerate(names):
        by_name.setdefault(name, []).append(morph)
    return tuple(np.array(same, np.int32) for name, same in by_name.items() if len(same) > 1 and name.strip())


def _order_drivers(driven: dict[int, GroupElements]) -> tuple[tuple[int, ...], dict[int, NDArray[np.bool_]]]:
    """Drivers in topological order, and for each that closes a cycle which of its elements may stay.

    One depth-first walk in index order; an element that leads back to a driver still being walked is cut.
    """
    finished: list[int] = []
    state: dict[int, int] = {}  # the next element to follow; absent: not yet met, -1: finished
    cut: dict[int, NDArray[np.bool_]] = {}
    for start in driven:
        path = [start] if start not in state else []
        while path:
            driver = path[-1]
            element = state.get(driver, 0)
            if element == len(driven[driver].morphs):
                state[driver] = -1
                finished.append(path.pop())
                continue
            state[driver] = element + 1
            child = int(driven[driver].morphs[element])
            if child not in driven:
                continue
            if child not in state:
                state[child] = 0
                path.append(child)
            elif state[child] >= 0:
                cut.setdefault(driver, np.ones(len(driven[driver].morphs), np.bool_))[element] = False
    return tuple(reversed(finished)), cut
