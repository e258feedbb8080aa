"""What people do to annotations, as values: pure functions from actions to fields and back.

A *field* is a piece of a model's annotation that is decided as a whole: `head`, `verdict`, each `roles.ROLE`,
and `skipped`, which only the page knows. An action names the fields that it changes with their values before
and after. What is true of a field is the last word on it that was not undone; else what it was at first.
Actions may therefore be undone in any order, and all of them undone is the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from mmdgen.annotate.auto import NEEDED_ROLES
from mmdgen.annotate.json_form import annotation_from_json, annotation_to_json
from mmdgen.annotate.schema import (
    Annotation,
    Feature,
    Half,
    HeadBounds,
    MorphChoice,
    Origin,
    Provenance,
    Role,
    Side,
    Verdict,
)
from mmdgen.errors import AnnotationError
from mmdgen.model import NO_INDEX

Fields: TypeAlias = Mapping[str, Any]  # field -> its JSON value, None where there is none

HEAD, VERDICT, SKIPPED = "head", "verdict", "skipped"

# The roles that a person confirms with one key, in the order of the keys 1 to 7.
PRIMARY_ROLES = (
    Role.EYE_WINK_BOTH,
    Role.EYE_WINK_LEFT,
    Role.EYE_WINK_RIGHT,
    Role.EYE_HAPPY_WINK_BOTH,
    Role.EYE_HAPPY_WINK_LEFT,
    Role.EYE_HAPPY_WINK_RIGHT,
    Role.MOUTH_AAA,
)


class Kind(StrEnum):
    """What a person did."""

    BOUNDS = "bounds"  # moved the bottom or the top line
    ROLE = "role"  # gave a role to a morph, or took it away
    CONFIRM = "confirm"
    REJECT = "reject"
    SKIP = "skip"


ENDINGS = (Kind.CONFIRM, Kind.REJECT, Kind.SKIP)  # after these the page goes on to the next model


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person did to one model."""

    id: str  # made by the browser, so that an action that is sent twice is done once
    session: str  # the browser tab
    by: str
    when: str  # ISO 8601
    model_id: str
    kind: Kind
    before: Fields
    after: Fields
    revision: int = 0  # of the stored annotation that it was done to
    seconds: float = 0.0  # that the person took for the model, told by the actions that end it


@dataclass(frozen=True, slots=True)
class Undo:
    """Takes back an action, or another undo."""

    id: str
    session: str
    by: str
    when: str
    model_id: str
    undone: str  # id of an Action or Undo
    after: Fields  # what the fields became
    revision: int = 0


Entry: TypeAlias = Action | Undo


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who says something, and when."""

    by: str
    when: str

    def word(self, method: str) -> Provenance:
        """The provenance of a person's word."""
        return Provenance(Origin.HUMAN, method, by=self.by, when=self.when)


# ---- what an action makes of an annotation ----


def moved_bounds(annotation: Annotation, bottom: float, top: float, stamp: Stamp) -> Annotation:
    """The annotation with the lines where a person put them. Raises AnnotationError unless top > bottom."""
    head = HeadBounds(bottom, top, annotation.head.center_x, stamp.word("dragged"))
    return replace(annotation, head=head)


def given_role(
    annotation: Annotation, role: Role, choice: tuple[int, str, Half | None] | None, stamp: Stamp
) -> Annotation:
    """The annotation with a role played by another morph, or by none.

    The halves of a both-eye morph follow into the roles of one eye, unless the model's own winks play those.

    Args:
        annotation: what was said before.
        role: which role.
        choice: index and raw name of the morph, and which half of it; None: no morph plays the role.
        stamp: who says it.
    """
    word = stamp.word("chosen")
    index, name, half = choice or (NO_INDEX, "", None)
    before = annotation.roles.get(role)
    roles = dict(annotation.roles)
    roles[role] = MorphChoice(index, name, half, word)
    if role.side is Side.BOTH and role.feature in (Feature.EYE_WINK, Feature.EYE_HAPPY_WINK):
        for one in (Half.LEFT, Half.RIGHT):
            follower = Role.of(role.feature, Side(one.value))
            if _follows(roles.get(follower), before):
                roles[follower] = MorphChoice(index, name, None if choice is None else one, word)
    return replace(annotation, roles={known: roles[known] for known in Role if known in roles})


def _follows(one_eye: MorphChoice | None, both: MorphChoice | None) -> bool:
    """Whether a one-eye role has no word of its own: nothing, or half of what both eyes had."""
    if one_eye is None or one_eye.is_absent:
        return True
    return one_eye.half is not None and (both is None or one_eye.morph == both.morph)


def confirmed(annotation: Annotation, stamp: Stamp) -> Annotation:
    """The annotation with a person's word on all that the page shows at a glance.

    Values that a person chose keep their provenance. Raises AnnotationError where a needed role has no morph.
    """
    missing = [role for role in NEEDED_ROLES if _is_missing(annotation.roles.get(role))]
    if missing:
        names = " and ".join(role.value for role in missing)
        raise AnnotationError(f"no morph plays {names}: choose one, or reject the model")
    word = stamp.word("confirmed")
    head = annotation.head
    if head.provenance.origin is Origin.AUTO:
        head = replace(head, provenance=word)
    roles = {
        role: replace(choice, provenance=word)
        if role in PRIMARY_ROLES and choice.provenance.origin is Origin.AUTO
        else choice
        for role, choice in annotation.roles.items()
    }
    return replace(annotation, head=head, roles=roles, verdict=Verdict(True, "", word))


def _is_missing(choice: MorphChoice | None) -> bool:
    return choice is None or choice.is_absent


def rejected(annotation: Annotation, reason: str, stamp: Stamp) -> Annotation:
    """The annotation with a person's word that the model is not to be used."""
    return replace(annotation, verdict=Verdict(False, reason, stamp.word("rejected")))


# ---- fields ----


def fields_of(annotation: Annotation) -> dict[str, Any]:
    """All fields of an annotation as JSON values."""
    data = annotation_to_json(annotation)
    return {
        HEAD: data["head"],
        VERDICT: data["verdict"],
        **{f"roles.{role}": choice for role, choice in data["roles"].items()},
    }


def with_fields(annotation: Annotation, fields: Fields) -> Annotation:
    """The annotation with some fields replaced. Raises AnnotationError if that makes none."""
    data = annotation_to_json(annotation)
    for name, value in fields.items():
        if name in (HEAD, VERDICT):
            data[name] = value
        elif name.startswith("roles."):
            role = name.removeprefix("roles.")
            data["roles"].pop(role, None)
            if value is not None:
                data["roles"][role] = value
    return annotation_from_json(data, source=annotation.model_id)


def changed_fields(old: Annotation, new: Annotation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, with their values before and after."""
    before, after = fields_of(old), fields_of(new)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


# ---- histories ----


def effective_ids(entries: Sequence[Entry]) -> set[str]:
    """Ids of the actions and undos that hold. Entries are in the order in which they happened."""
    undone: set[str] = set()
    holding: set[str] = set()
    for entry in reversed(entries):
        if entry.id in undone:
            continue
        holding.add(entry.id)
        if isinstance(entry, Undo):
            undone.add(entry.undone)
    return holding


def current_fields(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the entries of one model make of every field that they ever touched."""
    holding = effective_ids(entries)
    values: dict[str, Any] = {}
    for action in _actions(entries):
        for name, value in action.before.items():
            values.setdefault(name, value)
    for action in _actions(entries):
        if action.id in holding:
            values.update(action.after)
    return values


def undo_changes(entries: Sequence[Entry], undo_of: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which fields of a model change, from what to what, when an entry is taken back now."""
    trial = Undo("", "", "", "", "", undone=undo_of, after={})
    now, then = current_fields(entries), current_fields([*entries, trial])
    names = [name for name in now if now[name] != then[name]]
    return {name: now[name] for name in names}, {name: then[name] for name in names}


def _actions(entries: Iterable[Entry]) -> Iterator[Action]:
    return (entry for entry in entries if isinstance(entry, Action))


# ---- JSON ----


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """One line of the journal."""
    return asdict(entry)


def entry_from_json(data: Mapping[str, Any]) -> Entry:
    """The entry of a line of the journal. Raises TypeError or ValueError for anything else."""
    if "undone" in data:
        return Undo(**data)
    return Action(**{**data, "kind": Kind(data["kind"])})
