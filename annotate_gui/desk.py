"""What all annotators share: the queue, who has which model, and the one way to change an annotation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from annotate_gui import actions
from annotate_gui.actions import SKIPPED, Action, Entry, Fields, Kind, Stamp, Undo
from annotate_gui.journal import Journal
from annotate_gui.leases import Leases
from annotate_gui.queue import Filter, Item, State, facets, item_of, ordered, progress
from mmdgen.annotate.json_form import annotation_to_json
from mmdgen.annotate.schema import Annotation, Half, Origin, Role
from mmdgen.annotate.store import AnnotationStore, EditConflictError
from mmdgen.catalog.scan import ModelFile
from mmdgen.errors import AnnotationError
from mmdgen.formats import model_id as id_of
from mmdgen.formats import read_model_bytes

JOURNAL = "journal.jsonl"
PAGE_FOLDER = ".annotate-gui"  # in the folder of annotations


class UnknownModelError(AnnotationError):
    """There is no model of that id on this desk."""


class ChangedMeanwhileError(AnnotationError):
    """Somebody else changed the annotation since the browser read it."""

    def __init__(self, model_id: str, by: str) -> None:
        super().__init__(f"{by or 'somebody'} changed the annotation of {model_id} meanwhile")
        self.model_id = model_id
        self.by = by


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants done to a model; see `Kind` for what is needed of it."""

    id: str
    session: str
    by: str
    model_id: str
    revision: int  # of the annotation that the person saw
    kind: Kind
    bottom: float | None = None
    top: float | None = None
    role: Role | None = None
    morph: int | None = None  # None: no morph plays the role
    half: Half | None = None
    reason: str = ""
    seconds: float = 0.0


class Desk:
    """Shared state of the page; every method may be called from any thread."""

    def __init__(
        self,
        store: AnnotationStore,
        *,
        now: Callable[[], float] = time.monotonic,
        date: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._journal = Journal(store.folder / PAGE_FOLDER / JOURNAL)
        self._leases = Leases()
        self._items: dict[str, Item] = {}
        self._paths: dict[str, Path] = {}
        self._problems: dict[str, Item] = {}  # file -> what cannot be annotated
        self._lock = threading.RLock()
        self._now = now
        self._date = date
        self._finish_last_entry()

    # ---- what there is ----

    def add(self, file: ModelFile, annotation: Annotation) -> None:
        """Put a model with its stored annotation into the queue. Of copies the first by name counts."""
        with self._lock:
            known = self._items.get(annotation.model_id)
            if known is not None and known.file < file.name:
                return
            self._paths[annotation.model_id] = file.path
            skipped_at = self._page_fields(annotation.model_id).get(SKIPPED) or ""
            self._items[annotation.model_id] = item_of(file.name, file.group, annotation, skipped_at)

    def add_problem(self, file: ModelFile, problem: str) -> None:
        """Note a file that cannot be annotated, and why."""
        with self._lock:
            self._problems[file.name] = Item("", file.name, file.group, State.UNUSABLE, problem=problem)

    def path(self, model_id: str) -> Path:
        """The file of a model. Raises UnknownModelError."""
        with self._lock:
            if model_id not in self._paths:
                raise UnknownModelError(f"there is no model {model_id} in this queue")
            return self._paths[model_id]

    def annotation(self, model_id: str) -> Annotation:
        """The stored annotation of a model. Raises UnknownModelError."""
        self.path(model_id)
        stored = self._store.get(model_id)
        if stored is None:
            raise UnknownModelError(f"the annotation of {model_id} is gone; start annotate-gui again")
        return stored

    def document(self, model_id: str, session: str = "") -> dict[str, Any]:
        """All that the page shows of a model's annotation, as JSON."""
        annotation = self.annotation(model_id)
        with self._lock:
            item = self._refreshed(annotation)
            holder = self._leases.holder(model_id, self._now())
        return {
            "annotation": annotation_to_json(annotation),
            "state": item.state.value,
            "file": item.file,
            "source": item.source,
            "confidence": item.confidence,
            "needs": {name: list(reasons) for name, reasons in item.needs.items()},
            "held_by": holder.by if holder is not None and holder.session != session else "",
        }

    # ---- the queue ----

    def claim(
        self, session: str, by: str, *, keep: Sequence[str], count: int, wanted: Filter, seen: Sequence[str]
    ) -> list[str]:
        """The next models of a tab, reserved for it.

        Args:
            session: the tab.
            by: the annotator.
            keep: what the tab has in its line, in order; what others got meanwhile falls out.
            count: how many models the line should have.
            wanted: what to choose from.
            seen: what not to give again.

        Returns:
            The tab's line: what it keeps, then the most needy ones.
        """
        now = self._now()
        with self._lock:
            self._leases.keep_only(session, set(keep))
            line = [
                model_id
                for model_id in dict.fromkeys(keep)
                if model_id in self._items and self._leases.take(model_id, session, by, now)
            ]
            passed = {*line, *seen}
            for item in ordered(self._items.values()):
                if len(line) >= count:
                    break
                is_wanted = item.model_id not in passed and wanted.admits(item)
                if is_wanted and self._leases.take(item.model_id, session, by, now):
                    line.append(item.model_id)
        return line

    def release(self, session: str) -> None:
        """Free everything that a tab has: it was closed."""
        with self._lock:
            self._leases.keep_only(session, set())

    def listing(self, wanted: Filter, session: str, limit: int) -> dict[str, Any]:
        """The queue as a person reads it."""
        with self._lock:
            items = [*self._items.values(), *self._problems.values()]
            found = ordered(item for item in items if wanted.admits(item))
            leases = self._leases.names(self._now())
        rows = []
        for item in found[:limit]:
            lease = leases.get(item.model_id)
            rows.append(
                {
                    "model_id": item.model_id,
                    "file": item.file,
                    "state": item.state.value,
                    "confidence": item.confidence,
                    "reasons": list(item.reasons),
                    "problem": item.problem,
                    "held_by": lease.by if lease is not None and lease.session != session else "",
                }
            )
        return {"rows": rows, "found": len(found), "facets": facets(items)}

    def progress(self, session: str) -> dict[str, Any]:
        """How far the work is."""
        with self._lock:
            items = [*self._items.values(), *self._problems.values()]
            return progress(items, self._journal.entries, session)

    # ---- changes ----

    def act(self, wish: Wish) -> dict[str, Any]:
        """Do what a person wants, once; returns the model's document.

        Raises:
            ChangedMeanwhileError: the person saw another revision than the one that is stored.
            AnnotationError: the wish makes no sense for this model.
        """
        with self._lock:
            if self._journal.get(wish.id) is None:
                self._do(wish)
            return self.document(wish.model_id, wish.session)

    def undo(self, undo_id: str, session: str, by: str, model_id: str, undone: str) -> dict[str, Any]:
        """Take back an action on a model, or another undo, once; returns the model's document.

        Raises:
            ChangedMeanwhileError: somebody else changed the same fields since.
            AnnotationError: there is no such action.
        """
        with self._lock:
            entry = self._journal.get(undone)
            if entry is None or entry.model_id != model_id:
                raise AnnotationError("there is no such action; load the page again")
            if self._journal.get(undo_id) is None:
                self._take_back(undo_id, session, by, entry)
            return self.document(model_id, session)

    def history(self, session: str) -> list[dict[str, str]]:
        """What a tab can take back, oldest first."""
        with self._lock:
            return [
                {"id": entry.id, "model_id": entry.model_id, "kind": entry.kind.value}
                for entry in self._journal.undoable(session)
                if entry.model_id in self._paths
            ]

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _do(self, wish: Wish) -> None:
        old = self.annotation(wish.model_id)
        if old.revision != wish.revision:
            raise ChangedMeanwhileError(wish.model_id, self._last_author(old))
        stamp = self._stamp(wish.by)
        new = _wished(wish, old, self._morph_names(wish.model_id), stamp)
        before, after = actions.changed_fields(old, new)
        skipped_at = self._page_fields(wish.model_id).get(SKIPPED)
        skips = stamp.when if wish.kind is Kind.SKIP else None
        if skips != skipped_at:
            before[SKIPPED], after[SKIPPED] = skipped_at, skips
        action = Action(
            id=wish.id,
            session=wish.session,
            by=wish.by,
            when=stamp.when,
            model_id=wish.model_id,
            kind=wish.kind,
            before=before,
            after=after,
            revision=old.revision,
            seconds=round(wish.seconds, 2),
        )
        self._write(action, old)

    def _take_back(self, undo_id: str, session: str, by: str, entry: Entry) -> None:
        annotation = self.annotation(entry.model_id)
        now, then = actions.undo_changes(self._journal.of_model(entry.model_id), entry.id)
        stored = actions.fields_of(annotation)
        if any(name != SKIPPED and stored.get(name) != value for name, value in now.items()):
            raise ChangedMeanwhileError(entry.model_id, self._last_author(annotation))
        when = self._stamp(by).when
        undo = Undo(undo_id, session, by, when, entry.model_id, entry.id, then, annotation.revision)
        self._write(undo, annotation)

    def _write(self, entry: Entry, old: Annotation) -> None:
        """The journal first, then the annotation: a crash in between is mended at the next start."""
        new = actions.with_fields(old, entry.after)
        self._journal.append(entry)
        if new != old:
            try:
                new = self._store.put(new)
            except EditConflictError as error:
                raise ChangedMeanwhileError(entry.model_id, "") from error
        self._refreshed(new)

    def _finish_last_entry(self) -> None:
        """Store what the last entry says, if the program ended before that."""
        if not self._journal.entries:
            return
        entry = self._journal.entries[-1]
        stored = self._store.get(entry.model_id)
        if stored is not None and stored.revision == entry.revision:
            new = actions.with_fields(stored, entry.after)
            if new != stored:
                self._store.put(new)

    def _refreshed(self, annotation: Annotation) -> Item:
        item = self._items[annotation.model_id]
        skipped_at = self._page_fields(annotation.model_id).get(SKIPPED) or ""
        item = item_of(item.file, item.source, annotation, skipped_at)
        self._items[annotation.model_id] = item
        return item

    def _page_fields(self, model_id: str) -> Fields:
        return actions.current_fields(self._journal.of_model(model_id))

    def _stamp(self, by: str) -> Stamp:
        return Stamp(by, self._date().isoformat(timespec="milliseconds").replace("+00:00", "Z"))

    def _morph_names(self, model_id: str) -> tuple[str, ...]:
        return _names_in(self.path(model_id), model_id)

    def _last_author(self, annotation: Annotation) -> str:
        """Who said the newest word in an annotation."""
        words = [annotation.head.provenance, *(choice.provenance for choice in annotation.roles.values())]
        if annotation.verdict is not None:
            words.append(annotation.verdict.provenance)
        said = [(word.when, word.by) for word in words if word.origin is Origin.HUMAN]
        return max(said)[1] if said else ""


@lru_cache(maxsize=64)
def _names_in(path: Path, model_id: str) -> tuple[str, ...]:
    """The morphs of a model file, by index. Raises AnnotationError if it holds another model by now."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path.name}: cannot be read any more: {reason}") from error
    if id_of(data) != model_id:
        raise AnnotationError(f"{path.name}: was changed; start annotate-gui again")
    return read_model_bytes(data, source=path.name).morphs.names


def _wished(wish: Wish, old: Annotation, names: Sequence[str], stamp: Stamp) -> Annotation:
    """What a wish makes of an annotation. Raises AnnotationError if it asks for what is not there."""
    match wish.kind:
        case Kind.BOUNDS:
            bottom = old.head.bottom if wish.bottom is None else wish.bottom
            top = old.head.top if wish.top is None else wish.top
            return actions.moved_bounds(old, bottom, top, stamp)
        case Kind.ROLE:
            if wish.role is None:
                raise AnnotationError("which role?")
            return actions.given_role(old, wish.role, _choice(wish, names), stamp)
        case Kind.CONFIRM:
            return actions.confirmed(old, stamp)
        case Kind.REJECT:
            return actions.rejected(old, wish.reason, stamp)
        case Kind.SKIP:
            return replace(old, verdict=None) if old.verdict is not None else old


def _choice(wish: Wish, names: Sequence[str]) -> tuple[int, str, Half | None] | None:
    if wish.morph is None:
        return None
    if not 0 <= wish.morph < len(names):
        raise AnnotationError(f"{wish.model_id} has no morph {wish.morph}")
    return wish.morph, names[wish.morph], wish.half
