"""Every action of every annotator, one JSON line each, flushed to disk before it is answered.

The journal is what makes undo and reload work; the truth about a model stands in its annotation file. An
entry is written before the annotation is: who starts after a crash looks whether the last one got through.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

from annotate_gui.actions import Action, Entry, effective_ids, entry_from_json, entry_to_json
from mmdgen.errors import AnnotationError


class Journal:
    """The entries of a journal file, in memory and on disk. Used by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._by_model: dict[str, list[Entry]] = defaultdict(list)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read()
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def append(self, entry: Entry) -> None:
        """Write an entry; when this returns it is on disk."""
        self._file.write(json.dumps(entry_to_json(entry), ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._remember(entry)

    def get(self, entry_id: str) -> Entry | None:
        """The entry of an id, or None."""
        return self._by_id.get(entry_id)

    def of_model(self, model_id: str) -> list[Entry]:
        """The entries of one model in order."""
        return self._by_model.get(model_id, [])

    def undoable(self, session: str) -> list[Action]:
        """What a tab did and has not taken back, oldest first."""
        holding = effective_ids(self.entries)
        return [
            entry
            for entry in self.entries
            if isinstance(entry, Action) and entry.session == session and entry.id in holding
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _remember(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._by_id[entry.id] = entry
        self._by_model[entry.model_id].append(entry)

    def _read(self) -> None:
        """Read what is there; a last line that a crash cut off is removed."""
        if not self.path.is_file():
            return
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
            try:
                self._remember(entry_from_json(json.loads(line)))
            except (ValueError, TypeError, KeyError) as error:
                raise AnnotationError(
                    f"{self.path}: line {number} is no entry of a journal ({error}); delete that line"
                ) from error
        if len(whole) != len(data):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
