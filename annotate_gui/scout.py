"""Finds the models and has them annotated in the background, while the first ones are already looked at.

What was seen before and has not changed is there at once: `files.json` remembers which file held which model.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence

from annotate_gui.desk import PAGE_FOLDER, Desk
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile, stamp
from mmdgen.dataset.storage import write_text
from mmdgen.errors import AnnotationError, MmdgenError
from mmdgen.generate.proposals import Proposal, is_current, propose_all

FILES = "files.json"
_WRITE_EVERY_S = 5.0

log = logging.getLogger(__name__)


class _StopError(Exception):
    """The program ends."""


class Scout:
    """Brings models to a desk. Start it once; `done` of `total` tells how far it is."""

    def __init__(
        self, desk: Desk, store: AnnotationStore, files: Sequence[ModelFile], workers: int | None = None
    ) -> None:
        self._desk = desk
        self._store = store
        self._files = files
        self._workers = workers
        self._index = store.folder / PAGE_FOLDER / FILES
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.done = 0
        self.total = len(files)
        self.problem = ""

    def start(self) -> None:
        """Put what is known on the desk, then look at the rest in the background."""
        known = self._read_index()
        rest = [file for file in self._files if not self._add_known(file, known.get(file.name))]
        self.done = self.total - len(rest)
        if rest:
            self._thread = threading.Thread(target=self._look_at, args=(rest, known), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End as soon as the models at hand are done."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def wait(self) -> None:
        """Wait until every model was looked at."""
        if self._thread is not None:
            self._thread.join()

    def _look_at(self, files: list[ModelFile], known: dict[str, list[object]]) -> None:
        before = self.done
        written = time.monotonic()

        def show(done: int, total: int) -> None:
            nonlocal written
            self.done = before + done
            if time.monotonic() - written > _WRITE_EVERY_S:
                self._write_index(known)
                written = time.monotonic()
            if self._stopping.is_set():
                raise _StopError

        def receive(file: ModelFile, proposal: Proposal) -> None:
            if proposal.annotation is None:
                self._desk.add_problem(file, proposal.problem)
                return
            self._desk.add(file, proposal.annotation)
            known[file.name] = [*stamp(file), proposal.model_id]

        try:
            propose_all(
                files, self._store.folder, workers=self._workers, on_progress=show, on_proposal=receive
            )
        except _StopError:
            pass
        except (MmdgenError, OSError) as error:
            self.problem = f"looking for models ended: {error}"
            log.error("%s", self.problem)
        self._write_index(known)

    def _add_known(self, file: ModelFile, entry: list[object] | None) -> bool:
        if entry is None or entry[:2] != stamp(file):
            return False
        try:
            annotation = self._store.get(str(entry[2]))
        except AnnotationError:
            return False
        if annotation is None or not is_current(annotation):
            return False
        self._desk.add(file, annotation)
        return True

    def _read_index(self) -> dict[str, list[object]]:
        """File -> size, time, model id. Anything that is no such table counts as nothing."""
        try:
            table = json.loads(self._index.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(table, dict):
            return {}
        return {name: row for name, row in table.items() if isinstance(row, list) and len(row) == 3}

    def _write_index(self, known: dict[str, list[object]]) -> None:
        try:
            write_text(self._index, json.dumps(known, ensure_ascii=False, indent=0) + "\n")
        except MmdgenError as error:
            log.warning("%s", error)
