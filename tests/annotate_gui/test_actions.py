"""Actions, undo in any order, and what they make of an annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate_gui.actions import (
    SKIPPED,
    Action,
    Entry,
    Kind,
    Stamp,
    Undo,
    changed_fields,
    confirmed,
    current_fields,
    effective_ids,
    entry_from_json,
    entry_to_json,
    fields_of,
    given_role,
    moved_bounds,
    rejected,
    undo_changes,
    with_fields,
)
from mmdgen.annotate.schema import Annotation, Half, HeadBounds, MorphChoice, Origin, Provenance, Role
from mmdgen.errors import AnnotationError
from mmdgen.model import NO_INDEX

STAMP = Stamp("Kim", "2026-05-01T10:00:00Z")
AUTO = Provenance(Origin.AUTO, "geometry", 0.9, by="mmdgen-auto-1")
START = Annotation(
    "0123456789abcdef",
    HeadBounds(10.0, 13.0, 0.0, AUTO),
    {
        Role.EYE_WINK_BOTH: MorphChoice(3, "まばたき", None, AUTO),
        Role.EYE_WINK_LEFT: MorphChoice(3, "まばたき", Half.LEFT, AUTO),
        Role.EYE_WINK_RIGHT: MorphChoice(5, "ウィンク右", None, AUTO),
        Role.MOUTH_AAA: MorphChoice(7, "あ", None, AUTO),
        Role.MOUTH_III: MorphChoice(8, "い", None, AUTO),
    },
)


def test_moved_lines_are_a_persons_word() -> None:
    head = moved_bounds(START, 9.5, 13.0, STAMP).head
    assert (head.bottom, head.top, head.center_x) == (9.5, 13.0, 0.0)
    assert head.provenance == Provenance(Origin.HUMAN, "dragged", by="Kim", when=STAMP.when)


def test_a_bottom_above_the_top_is_refused() -> None:
    with pytest.raises(AnnotationError, match="not above"):
        moved_bounds(START, 14.0, 13.0, STAMP)


def test_halves_follow_the_both_eye_morph_and_own_winks_do_not() -> None:
    roles = given_role(START, Role.EYE_WINK_BOTH, (4, "なごみ", None), STAMP).roles
    assert (roles[Role.EYE_WINK_BOTH].morph, roles[Role.EYE_WINK_BOTH].half) == (4, None)
    assert (roles[Role.EYE_WINK_LEFT].morph, roles[Role.EYE_WINK_LEFT].half) == (4, Half.LEFT)
    assert roles[Role.EYE_WINK_RIGHT] == START.roles[Role.EYE_WINK_RIGHT]
    assert Role.EYE_HAPPY_WINK_LEFT not in roles


def test_a_role_that_is_taken_away_is_said_to_be_absent_with_its_halves() -> None:
    roles = given_role(START, Role.EYE_WINK_BOTH, None, STAMP).roles
    assert roles[Role.EYE_WINK_BOTH].is_absent
    assert roles[Role.EYE_WINK_LEFT].morph == NO_INDEX
    assert not roles[Role.EYE_WINK_RIGHT].is_absent


def test_confirming_puts_a_persons_word_on_what_the_page_shows_and_on_nothing_else() -> None:
    moved = moved_bounds(START, 9.5, 13.0, STAMP)
    done = confirmed(moved, Stamp("Lee", "later"))
    assert done.head == moved.head  # whoever dragged it said it
    assert done.roles[Role.EYE_WINK_LEFT].provenance.by == "Lee"
    assert done.roles[Role.MOUTH_III].provenance == AUTO
    assert done.verdict is not None
    assert done.verdict.is_usable


def test_a_model_without_an_open_mouth_cannot_be_confirmed() -> None:
    without = given_role(START, Role.MOUTH_AAA, None, STAMP)
    with pytest.raises(AnnotationError, match="mouth_aaa"):
        confirmed(without, STAMP)


def test_fields_put_back_give_the_same_annotation() -> None:
    changed = rejected(confirmed(START, STAMP), "a mask", STAMP)
    before, after = changed_fields(START, changed)
    assert with_fields(START, after) == changed
    assert with_fields(changed, before) == START


# ---- histories ----


def entry(number: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Action:
    return Action(f"a{number}", "tab", "Kim", "now", START.model_id, Kind.ROLE, before, after)


def undo(number: int, undone: str) -> Undo:
    return Undo(f"u{number}", "tab", "Kim", "now", START.model_id, undone, {})


def test_an_undone_undo_brings_the_action_back() -> None:
    entries: list[Entry] = [entry(0, {"head": 1}, {"head": 2}), undo(0, "a0"), undo(1, "u0")]
    assert effective_ids(entries) == {"a0", "u1"}
    assert current_fields(entries) == {"head": 2}


def test_taking_back_an_older_action_keeps_the_newer_word() -> None:
    entries: list[Entry] = [entry(0, {"head": 1}, {"head": 2}), entry(1, {"head": 2}, {"head": 3})]
    assert undo_changes(entries, "a0") == ({}, {})
    assert undo_changes(entries, "a1") == ({"head": 3}, {"head": 2})
    assert undo_changes([*entries, undo(0, "a0")], "a1") == ({"head": 3}, {"head": 1})


def test_entries_survive_json() -> None:
    for known in (entry(1, {"head": None}, {"head": {"bottom": 1.0}}), undo(0, "a1")):
        assert entry_from_json(entry_to_json(known)) == known


WISHES = st.one_of(
    st.tuples(st.just("bounds"), st.floats(8, 10.5), st.floats(11, 14)),
    st.tuples(
        st.just("role"),
        st.sampled_from([Role.EYE_WINK_BOTH, Role.EYE_WINK_LEFT, Role.EYE_HAPPY_WINK_BOTH, Role.MOUTH_AAA]),
        st.sampled_from([None, (3, "まばたき", None), (4, "なごみ", None), (9, "笑い", Half.LEFT)]),
    ),
    st.tuples(st.just("confirm"), st.none(), st.none()),
    st.tuples(st.just("reject"), st.just("a mask"), st.none()),
    st.tuples(st.just("skip"), st.none(), st.none()),
)


def wished(annotation: Annotation, wish: tuple[Any, ...]) -> Annotation:
    kind, first, second = wish
    if kind == "bounds":
        return moved_bounds(annotation, first, second, STAMP)
    if kind == "role":
        return given_role(annotation, first, second, STAMP)
    if kind == "confirm":
        return confirmed(annotation, STAMP)
    if kind == "reject":
        return rejected(annotation, first, STAMP)
    return replace(annotation, verdict=None)


@settings(deadline=None, max_examples=150)
@given(st.lists(WISHES, max_size=12), st.data())
def test_undoing_everything_in_any_order_restores_the_start(wishes: list[Any], data: st.DataObject) -> None:
    entries: list[Entry] = []
    annotation = START
    undone = 0

    def take_back(action_id: str) -> None:
        nonlocal annotation, undone
        now, then = undo_changes(entries, action_id)
        assert {name: fields_of(annotation).get(name) for name in now if name != SKIPPED} == {
            name: value for name, value in now.items() if name != SKIPPED
        }
        annotation = with_fields(annotation, then)
        entries.append(undo(undone, action_id))
        undone += 1

    for number, wish in enumerate(wishes):
        try:
            new = wished(annotation, wish)
        except AnnotationError:
            continue  # nothing to confirm without a mouth
        before, after = changed_fields(annotation, new)
        if wish[0] == "skip":
            before[SKIPPED], after[SKIPPED] = current_fields(entries).get(SKIPPED), str(number)
        entries.append(entry(number, before, after))
        annotation = new
        holding = sorted(effective_ids(entries) & {done.id for done in entries if isinstance(done, Action)})
        if holding and data.draw(st.booleans()):
            take_back(data.draw(st.sampled_from(holding)))
    rest = sorted(effective_ids(entries) & {done.id for done in entries if isinstance(done, Action)})
    for action_id in data.draw(st.permutations(rest)):
        take_back(action_id)
    assert annotation == START
    assert current_fields(entries).get(SKIPPED) is None
