"""Annotations on disk: `<folder>/<model_id>.json`, one readable file for each model.

Files appear whole or not at all. The machine's proposals never replace a person's words, and of two people
who edit one model at the same time the second is told.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mmdgen.annotate.json_form import annotation_from_text, annotation_to_text
from mmdgen.annotate.schema import Annotation, MorphChoice, Origin, Role
from mmdgen.errors import AnnotationError

_MODEL_ID = re.compile(r"[0-9a-f]{16}")


class EditConflictError(AnnotationError):
    """Somebody else stored the annotation since it was read."""


class AnnotationStore:
    """A folder of annotations. Safe to use from several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def get(self, model_id: str) -> Annotation | None:
        """The stored annotation of a model, or None.

        Raises:
            AnnotationError: the id is none, or the file is damaged or another model's.
        """
        path = self._path(model_id)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise AnnotationError(f"{path}: not UTF-8 text; mend or delete it") from error
        annotation = annotation_from_text(text, source=str(path))
        if annotation.model_id != model_id:
            raise AnnotationError(f"{path}: belongs to model {annotation.model_id}; rename it")
        return annotation

    def put(self, annotation: Annotation) -> Annotation:
        """Store an annotation that was read at `annotation.revision` (0: there was none) and then changed.

        Returns:
            The annotation as stored, with the next revision.

        Raises:
            EditConflictError: the store holds another revision than the one that was changed.
            AnnotationError: the model id is none.
        """
        path = self._path(annotation.model_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / ".lock"):
            stored = self.get(annotation.model_id)
            revision = 0 if stored is None else stored.revision
            if revision != annotation.revision:
                raise EditConflictError(
                    f"{path}: changed meanwhile (revision {revision}, this edit began at "
                    f"{annotation.revision}); load it again and repeat the change"
                )
            stored = replace(annotation, revision=revision + 1)
            _write_whole(path, annotation_to_text(stored))
        return stored

    def propose(self, proposed: Annotation) -> Annotation:
        """Store the machine's proposal beside what people said; returns the result of `resolve`.

        A proposal that changes nothing is not written, so that revisions count changes.
        """
        while True:
            saved = self.get(proposed.model_id)
            resolved = resolve(proposed, saved)
            if saved is not None and resolved == saved:
                return saved
            try:
                return self.put(resolved)
            except EditConflictError:
                continue  # somebody stored in between: resolve against the newer words

    def model_ids(self) -> list[str]:
        """Ids of all models that have an annotation, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.stem for path in self.folder.glob("*.json") if _MODEL_ID.fullmatch(path.stem))

    def _path(self, model_id: str) -> Path:
        if not _MODEL_ID.fullmatch(model_id):
            raise AnnotationError(f"'{model_id}' is no model id (16 hexadecimal digits)")
        return self.folder / f"{model_id}.json"


def resolve(proposed: Annotation, saved: Annotation | None) -> Annotation:
    """The machine's newest proposal, with every field that a person decided kept as the person left it.

    Raises:
        AnnotationError: the two are of different models.
    """
    if saved is None:
        return proposed
    if saved.model_id != proposed.model_id:
        raise AnnotationError(f"annotations of two models: {saved.model_id} and {proposed.model_id}")
    said = {role: choice for role, choice in saved.roles.items() if is_human(choice)}
    keep_eyes = saved.eyes is not None and saved.eyes.provenance.origin is Origin.HUMAN
    return replace(
        proposed,
        head=saved.head if saved.head.provenance.origin is Origin.HUMAN else proposed.head,
        eyes=saved.eyes if keep_eyes else proposed.eyes,
        roles={
            role: said.get(role) or proposed.roles[role] for role in Role if role in {*said, *proposed.roles}
        },
        verdict=saved.verdict or proposed.verdict,
        revision=saved.revision,
    )


def is_human(choice: MorphChoice) -> bool:
    """Whether a person chose this morph."""
    return choice.provenance.origin is Origin.HUMAN


def _write_whole(path: Path, text: str) -> None:
    """Put a file in place in one step, flushed to disk: readers see the old one or the new one."""
    partial = path.with_suffix(".json.partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file that the system frees when its process dies. It stays behind, empty."""
    with path.open("a+b") as file:
        _lock(file.fileno())
        yield  # closing the file frees the lock


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # waits up to ten seconds, then OSError

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
