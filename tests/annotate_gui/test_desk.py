"""What annotators share: nothing is lost, nothing is merged silently, nothing is given to two."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotate_gui.actions import Kind
from annotate_gui.desk import JOURNAL, PAGE_FOLDER, ChangedMeanwhileError, Desk, UnknownModelError, Wish
from annotate_gui.leases import LEASE_S
from annotate_gui.queue import Filter
from mmdgen.annotate.schema import Annotation, Half, Origin, Role
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile
from mmdgen.errors import AnnotationError

from .conftest import Clock, open_desk

NUMBERS = itertools.count()


def wish(desk: Desk, model_id: str, kind: Kind, session: str = "tab", **details: Any) -> Wish:
    revision = desk.annotation(model_id).revision
    return Wish(f"w{next(NUMBERS)}", session, "Kim", model_id, revision, kind, **details)


def claim(desk: Desk, session: str = "tab", count: int = 4, **details: Any) -> list[str]:
    return desk.claim(
        session, "Kim", **{"keep": [], "count": count, "wanted": Filter(), "seen": [], **details}
    )


def content(annotation: Annotation | None) -> Annotation:
    assert annotation is not None
    return replace(annotation, revision=0)


def test_a_confirmed_model_is_a_persons_word_in_its_file(desk: Desk, annotations: Path) -> None:
    (model_id, *_) = claim(desk)
    told = desk.act(wish(desk, model_id, Kind.CONFIRM, seconds=2.0))
    stored = AnnotationStore(annotations).get(model_id)
    assert stored is not None
    assert stored.head.provenance.origin is Origin.HUMAN
    assert stored.head.provenance.when.startswith("2026-05-01T00:00:")
    assert told["state"] == "confirmed"
    assert desk.progress("tab")["median_seconds"] == 2.0


def test_an_action_that_is_sent_twice_is_done_once(desk: Desk) -> None:
    (model_id, *_) = claim(desk)
    moved = wish(desk, model_id, Kind.BOUNDS, bottom=desk.annotation(model_id).head.bottom - 0.1)
    first = desk.act(moved)
    assert desk.act(moved) == first


def test_who_saw_an_older_revision_is_told_who_changed_it(desk: Desk) -> None:
    (model_id, *_) = claim(desk)
    late = wish(desk, model_id, Kind.CONFIRM)
    desk.act(replace(wish(desk, model_id, Kind.BOUNDS, top=25.0), by="Lee"))
    with pytest.raises(ChangedMeanwhileError, match="Lee changed"):
        desk.act(late)


def test_roles_take_the_name_from_the_file_and_refuse_what_is_not_in_it(desk: Desk) -> None:
    (model_id, *_) = claim(desk)
    old = desk.annotation(model_id).roles[Role.EYE_HAPPY_WINK_BOTH]
    desk.act(wish(desk, model_id, Kind.ROLE, role=Role.EYE_WINK_LEFT, morph=old.morph, half=Half.LEFT))
    assert desk.annotation(model_id).roles[Role.EYE_WINK_LEFT].name == old.name
    with pytest.raises(AnnotationError, match="no morph 9999"):
        desk.act(wish(desk, model_id, Kind.ROLE, role=Role.EYE_WINK_LEFT, morph=9999))


def test_undoing_in_random_order_restores_the_files(desk: Desk, annotations: Path) -> None:
    store = AnnotationStore(annotations)
    start = {model_id: content(store.get(model_id)) for model_id in store.model_ids()}
    rng = random.Random(5)
    for _ in range(40):
        model_id = rng.choice(list(start))
        annotation = desk.annotation(model_id)
        kind = rng.choice(list(Kind))
        morph = annotation.roles[Role.EYE_HAPPY_WINK_BOTH].morph
        desk.act(
            wish(
                desk,
                model_id,
                kind,
                bottom=annotation.head.bottom + rng.uniform(-0.2, 0.2),
                role=rng.choice([Role.EYE_WINK_BOTH, Role.EYE_WINK_RIGHT]),
                morph=morph,
                reason="a mask",
            )
        )
    history = [(entry["model_id"], entry["id"]) for entry in desk.history("tab")]
    assert len(history) == 40
    rng.shuffle(history)
    for number, (model_id, action_id) in enumerate(history):
        desk.undo(f"undo{number}", "tab", "Kim", model_id, action_id)
    assert {model_id: content(store.get(model_id)) for model_id in start} == start
    assert desk.history("tab") == []
    assert desk.progress("tab")["states"] == {"open": len(start)}


def test_an_undo_that_would_overwrite_somebody_elses_word_is_refused(desk: Desk, annotations: Path) -> None:
    (model_id, *_) = claim(desk)
    action = wish(desk, model_id, Kind.BOUNDS, top=25.0)
    desk.act(action)
    store = AnnotationStore(annotations)
    now = desk.annotation(model_id)
    store.put(replace(now, head=replace(now.head, top=26.0)))  # by hand, in an editor
    with pytest.raises(ChangedMeanwhileError):
        desk.undo("u", "tab", "Kim", model_id, action.id)


def test_two_tabs_never_get_the_same_model(desk: Desk, clock: Clock) -> None:
    mine, theirs = claim(desk, "one", 2), claim(desk, "two", 2)
    assert len(mine) == 2
    assert len(theirs) == 1
    assert not set(mine) & set(theirs)
    clock.seconds += LEASE_S + 1  # both were silent
    assert len(claim(desk, "two", 3, keep=theirs)) == 3
    assert claim(desk, "one", 3, keep=mine) == []
    desk.release("two")
    assert claim(desk, "one", 2, keep=mine) == mine


def test_what_is_put_off_comes_last(desk: Desk) -> None:
    first, *others = claim(desk)
    desk.act(wish(desk, first, Kind.SKIP))
    assert claim(desk) == [*others, first]


def test_a_restart_loses_nothing(desk: Desk, files: list[ModelFile], annotations: Path, clock: Clock) -> None:
    skipped, confirmed, left = claim(desk)
    desk.act(wish(desk, skipped, Kind.SKIP))
    desk.act(wish(desk, confirmed, Kind.CONFIRM))
    again = open_desk(files, annotations, clock)
    assert claim(again, "another") == [left, skipped]
    assert [entry["model_id"] for entry in again.history("tab")] == [skipped, confirmed]
    again.undo("u", "tab", "Kim", confirmed, again.history("tab")[1]["id"])
    assert again.document(confirmed)["state"] == "open"
    again.close()


def test_what_was_journaled_before_a_crash_is_stored_at_the_next_start(
    desk: Desk, files: list[ModelFile], annotations: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model_id, *_) = claim(desk)

    def crash(annotation: Annotation) -> Annotation:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk._store, "put", crash)
    with pytest.raises(KeyboardInterrupt):
        desk.act(wish(desk, model_id, Kind.REJECT, reason="a mask"))
    again = open_desk(files, annotations, clock)
    assert again.document(model_id)["state"] == "rejected"
    again.close()


def test_a_line_of_the_journal_that_was_cut_off_is_dropped(
    desk: Desk, files: list[ModelFile], annotations: Path, clock: Clock
) -> None:
    (model_id, *_) = claim(desk)
    desk.act(wish(desk, model_id, Kind.CONFIRM))
    journal = annotations / PAGE_FOLDER / JOURNAL
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"id": "half')
    again = open_desk(files, annotations, clock)
    assert journal.read_bytes() == whole
    assert len(again.history("tab")) == 1
    again.close()


def test_a_damaged_line_of_the_journal_is_named(
    files: list[ModelFile], annotations: Path, clock: Clock
) -> None:
    journal = annotations / PAGE_FOLDER / JOURNAL
    journal.parent.mkdir(exist_ok=True)
    journal.write_text(json.dumps({"id": "x"}) + "\n", encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"journal\.jsonl: line 1 is no entry"):
        open_desk(files, annotations, clock)


def test_of_copies_the_first_by_name_is_shown(desk: Desk, files: list[ModelFile]) -> None:
    (model_id, *_) = claim(desk)
    before = desk.document(model_id)["file"]
    annotation = desk.annotation(model_id)
    desk.add(ModelFile("zzz/copy.pmx", "zzz", files[0].path), annotation)
    assert desk.document(model_id)["file"] == before


def test_an_unknown_model_is_said_to_be_unknown(desk: Desk) -> None:
    with pytest.raises(UnknownModelError):
        desk.document("f" * 16)


def test_files_that_cannot_be_annotated_are_listed_with_the_reason(
    desk: Desk, files: list[ModelFile]
) -> None:
    desk.add_problem(replace(files[0], name="stage.pmx"), "no head bone")
    listed = desk.listing(Filter(state="unusable"), "tab", 10)
    assert [(row["file"], row["problem"]) for row in listed["rows"]] == [("stage.pmx", "no head bone")]
    assert len(claim(desk)) == 3
