"""Which networks are evaluated, and the rows of the tables that follow from them.

Names are those of the article's table 7B: PU is the rotator's repainting (Pumarola) pathway, ZH its moving
(Zhou) pathway, FU both through the combiner; then the loss of the rotator and that of the combiner, L1 or P
for perceptual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmdgen.errors import NetworkError
from mmdgen.train.networks import NetworkConfig, NetworkKind

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """One network and what is known of it.

    Attributes:
        config: which network, of which size.
        network: ready to be called, or None where only names matter.
        label: its loss, `L1` or `P`; empty where that is not known.
        path: where it came from.
        images_seen: how long it was trained; None if not known.
        weights_sha256: of its weights.
        rotator_sha256: for a combiner the weights of the rotator that it was trained on; None if not known.
    """

    config: NetworkConfig
    network: nn.Module | None
    label: str
    path: Path
    images_seen: int | None
    weights_sha256: str
    rotator_sha256: str | None = None

    @property
    def kind(self) -> NetworkKind:
        """Which of the three networks it is."""
        return self.config.kind


@dataclass(frozen=True, slots=True)
class Lineup:
    """All networks of an evaluation. The whole chain uses the first morpher.

    Attributes:
        morphers: rest to expression.
        rotators: expression to posed, two pathways each.
        pairs: combiners, each with the rotator whose proposals it combines.
    """

    morphers: tuple[Contestant, ...]
    rotators: tuple[Contestant, ...]
    pairs: tuple[tuple[Contestant, Contestant], ...]

    @property
    def contestants(self) -> tuple[Contestant, ...]:
        """Every network once."""
        return (*self.morphers, *self.rotators, *(combiner for _, combiner in self.pairs))

    @property
    def size_px(self) -> int:
        """The side of the pictures that all of them are for."""
        return self.contestants[0].config.size_px

    def pathways(self) -> Mapping[str, tuple[str, str]]:
        """For each full row the rows of the two pathways that it combines."""
        return {
            full_row(rotator, combiner): (pumarola_row(rotator), zhou_row(rotator))
            for rotator, combiner in self.pairs
        }


def morpher_row(morpher: Contestant) -> str:
    """The row of a face morpher."""
    return _row("FM", morpher)


def pumarola_row(rotator: Contestant) -> str:
    """The row of a rotator's repainting pathway."""
    return _row("PU", rotator)


def zhou_row(rotator: Contestant) -> str:
    """The row of a rotator's moving pathway."""
    return _row("ZH", rotator)


def full_row(rotator: Contestant, combiner: Contestant) -> str:
    """The row of a rotator and a combiner."""
    return _row("FU", rotator, combiner)


def _row(pathway: str, *networks: Contestant) -> str:
    return "-".join(filter(None, [pathway, *(network.label for network in networks)]))


def make_lineup(contestants: Iterable[Contestant]) -> Lineup:
    """Sort networks by kind, pair combiners with rotators and make the labels differ.

    Raises:
        NetworkError: networks for pictures of different sizes, or a combiner without its rotator.
    """
    everyone = list(contestants)
    sizes = sorted({contestant.config.size_px for contestant in everyone})
    if len(sizes) > 1:
        first = [next(one for one in everyone if one.config.size_px == size) for size in sizes[:2]]
        raise NetworkError(
            f"{first[0].path} is for pictures of {sizes[0]} px and {first[1].path} for {sizes[1]} px; "
            "evaluate networks of one size at a time"
        )
    morphers = _told_apart([one for one in everyone if one.kind is NetworkKind.FACE_MORPHER])
    rotators = _told_apart([one for one in everyone if one.kind is NetworkKind.FACE_ROTATOR])
    combiners = [one for one in everyone if one.kind is NetworkKind.COMBINER]
    return Lineup(tuple(morphers), tuple(rotators), tuple(_paired(combiners, rotators)))


def _paired(
    combiners: Sequence[Contestant], rotators: Sequence[Contestant]
) -> Iterator[tuple[Contestant, Contestant]]:
    """Each combiner with its rotator; only combiners of one rotator need different labels."""
    owners = [_rotator_of(combiner, rotators) for combiner in combiners]
    for rotator in rotators:
        own = [one for one, owner in zip(combiners, owners, strict=True) if owner is rotator]
        for combiner in _told_apart(own):
            yield rotator, combiner


def _told_apart(contestants: Sequence[Contestant]) -> list[Contestant]:
    """The same networks; those that share a label get a number behind it, in the order of the command."""
    shared = Counter(one.label for one in contestants)
    seen: Counter[str] = Counter()
    result = []
    for one in contestants:
        seen[one.label] += 1
        result.append(one if shared[one.label] == 1 else replace(one, label=f"{one.label}#{seen[one.label]}"))
    return result


def _rotator_of(combiner: Contestant, rotators: Sequence[Contestant]) -> Contestant:
    """The rotator whose proposals a combiner knows."""
    own = [one for one in rotators if one.weights_sha256 == combiner.rotator_sha256]
    if own:
        return own[0]
    if len(rotators) == 1 and combiner.rotator_sha256 is None:
        return rotators[0]
    if not rotators:
        raise NetworkError(f"{combiner.path}: a combiner needs its face rotator; name that too")
    if combiner.rotator_sha256 is None:
        raise NetworkError(
            f"{combiner.path}: does not say which of the {len(rotators)} face rotators it belongs to; "
            "name one face rotator"
        )
    raise NetworkError(
        f"{combiner.path}: was trained on another face rotator than {rotators[0].path}; name the one it was "
        "trained on"
    )
