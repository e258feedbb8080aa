"""Which models show the same character: by their shape, or by how they look at rest. Pure.

Models of one mesh (repainted, or converted to the other format) belong together, and so do models whose
pictures are nearly the same. What is joined to the same third one is joined too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmdgen.catalog.looks import Look, near_pairs


@dataclass(frozen=True, slots=True)
class Kin:
    """The models that show one character."""

    members: tuple[str, ...]  # by name, in order
    by: tuple[str, ...]  # what joined them: "mesh", "look", or both


def find_clusters(meshes: Mapping[str, str], looks: Mapping[str, Look]) -> dict[str, Kin]:
    """The models that are not alone, each with all that show the same character.

    Args:
        meshes: any name of a model -> hash of the shape.
        looks: the same name -> look; a model without one is compared by its shape only.
    """
    names = sorted(meshes)
    links = [(first, second, "mesh") for first, second in _same(names, meshes)]
    drawn = [name for name in names if name in looks]
    links += [
        (drawn[first], drawn[second], "look") for first, second in near_pairs([looks[name] for name in drawn])
    ]
    root = {name: name for name in names}
    for first, second, _ in links:
        low, high = sorted((_find(root, first), _find(root, second)))
        root[high] = low
    members: dict[str, list[str]] = {}
    for name in names:
        members.setdefault(_find(root, name), []).append(name)
    by: dict[str, set[str]] = {}
    for first, _, reason in links:
        by.setdefault(_find(root, first), set()).add(reason)
    kin = {head: Kin(tuple(found), tuple(sorted(by[head]))) for head, found in members.items() if head in by}
    return {name: kin[head] for head, found in members.items() if head in kin for name in found}


def _same(names: list[str], meshes: Mapping[str, str]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    return [(original, name) for name in names if (original := first.setdefault(meshes[name], name)) != name]


def _find(root: dict[str, str], name: str) -> str:
    """The first name of a name's cluster; shortens the way there for the next question."""
    while root[name] != name:
        root[name] = root[root[name]]
        name = root[name]
    return name
