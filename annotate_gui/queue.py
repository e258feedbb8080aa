"""Which model is looked at next: those that need a person most come first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from annotate_gui.actions import ENDINGS, Action, Entry, Kind, effective_ids
from mmdgen.annotate.auto import fields_for_person, overall_confidence
from mmdgen.annotate.schema import Annotation, Role


class State(StrEnum):
    """How far a model is."""

    OPEN = "open"
    SKIPPED = "skipped"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNUSABLE = "unusable"  # the machine could not make an annotation, so there is nothing to confirm


TO_DO = (State.OPEN, State.SKIPPED)

_REASONS = {
    "head": "head",
    Role.EYE_WINK_LEFT.value: "eyes",
    Role.EYE_WINK_RIGHT.value: "eyes",
    Role.MOUTH_AAA.value: "mouth",
}
SURE = "nothing"  # the reason of models that need no look


@dataclass(frozen=True, slots=True)
class Item:
    """One model in the queue."""

    model_id: str
    file: str
    source: str  # the group that it was downloaded with
    state: State
    confidence: float = 0.0
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # field -> why a person should look
    problem: str = ""
    skipped_at: str = ""  # ISO 8601

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the model needs a person for, in a word each."""
        words = {_REASONS.get(name, name): None for name in self.needs}
        if any("hat suspected" in reason for reasons in self.needs.values() for reason in reasons):
            words["hat"] = None
        return tuple(words) or (SURE,)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which models a person wants to see. Empty: all that are to be done."""

    source: str = ""
    state: str = ""
    reason: str = ""
    text: str = ""

    def admits(self, item: Item) -> bool:
        """Whether a model passes."""
        states = (State(self.state),) if self.state in set(State) else TO_DO
        words = self.text.casefold().split()
        told = f"{item.file} {' '.join(item.reasons)} {item.needs} {item.problem}".casefold()
        return (
            item.state in states
            and self.source in ("", item.source)
            and (not self.reason or self.reason in item.reasons)
            and all(word in told for word in words)
        )


def item_of(file: str, source: str, annotation: Annotation, skipped_at: str = "") -> Item:
    """The queue's view of an annotated model."""
    verdict = annotation.verdict
    if verdict is not None:
        state = State.CONFIRMED if verdict.is_usable else State.REJECTED
    else:
        state = State.SKIPPED if skipped_at else State.OPEN
    return Item(
        model_id=annotation.model_id,
        file=file,
        source=source,
        state=state,
        confidence=overall_confidence(annotation),
        needs=fields_for_person(annotation),
        skipped_at=skipped_at,
    )


def ordered(items: Iterable[Item]) -> list[Item]:
    """By need: least sure first; what was put off comes last, longest ago first."""
    return sorted(
        items, key=lambda item: (item.state is State.SKIPPED, item.skipped_at, item.confidence, item.file)
    )


def facets(items: Iterable[Item]) -> dict[str, dict[str, int]]:
    """How many models there are of each source, state and reason (of those that are to be done)."""
    rows = list(items)
    to_do = [item for item in rows if item.state in TO_DO]
    return {
        "state": dict(Counter(item.state.value for item in rows)),
        "source": dict(sorted(Counter(item.source for item in to_do).items())),
        "reason": dict(Counter(reason for item in to_do for reason in item.reasons).most_common()),
    }


def progress(items: Iterable[Item], entries: Sequence[Entry], session: str) -> dict[str, Any]:
    """How far the work is, and how fast it goes.

    Returns:
        Models of each state, the median of the seconds that a model took this tab and everybody, and how many
        of the confirmed ones were confirmed as proposed.
    """
    states = Counter(item.state.value for item in items)
    ended = _endings(entries)
    own = [action.seconds for action in ended if action.session == session and action.seconds > 0]
    every = [action.seconds for action in ended if action.seconds > 0]
    edited = {action.model_id for action in _effective(entries) if action.kind in (Kind.BOUNDS, Kind.ROLE)}
    confirmed = {action.model_id for action in ended if action.kind is Kind.CONFIRM}
    return {
        "states": dict(states),
        "median_seconds": round(median(own or every), 1) if own or every else None,
        "done_here": len(own),
        "confirmed_as_proposed": len(confirmed - edited),
        "confirmed_here": len(confirmed),
    }


def _effective(entries: Sequence[Entry]) -> list[Action]:
    holding = effective_ids(entries)
    return [entry for entry in entries if isinstance(entry, Action) and entry.id in holding]


def _endings(entries: Sequence[Entry]) -> list[Action]:
    return [action for action in _effective(entries) if action.kind in ENDINGS]
