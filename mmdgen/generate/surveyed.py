"""What a survey finds: a model file with what is known of it, and the list of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmdgen.annotate.auto import fields_for_person
from mmdgen.catalog.clusters import Kin
from mmdgen.catalog.paint import (
    paint_names,
)
from mmdgen.catalog.record import ModelRecord
from mmdgen.catalog.scan import Grouping, ModelFile, stamp
from mmdgen.catalog.terms import TermsSource
from mmdgen.dataset.config import Keep, SplitRule
from mmdgen.dataset.places import Place
from mmdgen.dataset.storage import (
    read_rows,
)
from mmdgen.pose import THA1
from mmdgen.scene import Shading

PAINTS = "textures.jsonl"
_ASKED_OF_ROWS = {"file", "group", "model_id", "is_usable", "size", "modified_ns"}


@dataclass(frozen=True, slots=True)
class SurveySettings:
    """Where a survey keeps what it finds, and what it asks of models."""

    index: Place  # the list of files; unchanged files in it are not read again
    records: Place  # folder of the models' records
    looks: Place  # folder of the models' small pictures
    annotations: Path  # folder of what people said of models
    pose_space: str = THA1.name  # a usable model can show its parameters
    grouping: Grouping = field(default_factory=Grouping)
    shading: Shading = Shading.PHONG  # decides which missing textures are told of
    max_missing_texture: float = 0.25
    look_alikes: bool = True
    keep: Keep = Keep.ALL
    splits: tuple[SplitRule, ...] = ()

    @property
    def paints(self) -> Place:
        """The list of texture files and their hashes."""
        return self.index.with_name(PAINTS)


@dataclass(frozen=True, slots=True)
class SurveyedModel:
    """A model file and what is known of its content."""

    file: ModelFile
    record: ModelRecord
    paints: Mapping[str, str] = field(
        default_factory=dict
    )  # texture -> hash of its file, "" if there is none
    texture_warnings: tuple[str, ...] = ()
    set_aside: str = ""  # why a model that could be used is not
    kin: Kin | None = None  # the models that show the same character, where there are any
    home: str = ""  # the group that decides the split, where it is not the file's own
    readme: tuple[str, ...] = ()  # text files beside it
    terms: tuple[TermsSource, ...] = ()  # what they say of terms

    @property
    def group(self) -> str:
        """The source group, which decides the split."""
        return self.home or self.file.group

    @property
    def problem(self) -> str:
        """Why this file gives no samples; empty if it does."""
        return self.set_aside or self.record.problem

    def textures_digest(self, shading: Shading) -> str:
        """Hash of the names and contents of the texture files that a kind of shading shows."""
        shown = [[name, self.paints.get(name, "")] for name in paint_names(self.record.surfaces, shading)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def file_row(model: SurveyedModel) -> str:
    """One line of the list of files, JSON."""
    size, modified_ns = stamp(model.file)
    row = {
        "file": model.file.name,
        "group": model.group,
        "model_id": model.record.model_id,
        "name": model.record.name,
        "format": model.record.format,
        "counts": dict(model.record.counts),
        "warnings": [*model.record.warnings, *model.texture_warnings],
        "doubts": _doubts(model.record),
        "is_usable": not model.problem,
        "problem": model.problem,
        "same_character": asdict(model.kin) if model.kin else None,
        "readme": list(model.readme),
        "terms": [asdict(source) for source in model.terms],
        "size": size,
        "modified_ns": modified_ns,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def listed_rows(index: Place) -> dict[str, dict[str, Any]]:
    """The list that the last survey wrote, by file; nothing where there is none that can be read."""
    try:
        return {row["file"]: row for row in read_rows(index) if row.keys() >= _ASKED_OF_ROWS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _doubts(record: ModelRecord) -> dict[str, list[str]]:
    """What a person should look at in the annotation, with reasons; the model is used all the same."""
    if record.annotation is None:
        return {}
    return {name: list(reasons) for name, reasons in fields_for_person(record.annotation).items()}
