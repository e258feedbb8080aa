"""Built-in characters with their proposals, and a desk that they lie on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotate_gui.desk import Desk
from annotate_gui.scout import Scout
from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import AnnotationStore
from mmdgen.cast import make_character, write_character
from mmdgen.catalog.scan import ModelFile, find_model_files
from mmdgen.formats import model_id

COUNT = 3


class Clock:
    """Seconds and dates that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def date(self) -> datetime:
        self.seconds += 1.0
        return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@pytest.fixture(scope="session")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ModelFile], Path]:
    """Model files, and a folder of their annotations as the page finds them at a second start; read only."""
    folder = tmp_path_factory.mktemp("cast")
    for seed in range(COUNT):
        write_character(make_character(seed), folder / f"source-{seed}")
    files = find_model_files([folder])
    annotations = tmp_path_factory.mktemp("proposed")
    desk = Desk(AnnotationStore(annotations))
    scout = Scout(desk, AnnotationStore(annotations), files, workers=1)
    scout.start()
    scout.wait()
    desk.close()
    return files, annotations


@pytest.fixture
def files(proposed: tuple[list[ModelFile], Path]) -> list[ModelFile]:
    return proposed[0]


@pytest.fixture
def annotations(proposed: tuple[list[ModelFile], Path], tmp_path: Path) -> Path:
    """A folder of annotations of the test's own."""
    return Path(shutil.copytree(proposed[1], tmp_path / "annotations"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def annotations_of(files: list[ModelFile], store: AnnotationStore) -> list[tuple[ModelFile, Annotation]]:
    """Each file with its stored annotation, in the files' order."""
    pairs = [(file, store.get(model_id(file.path.read_bytes()))) for file in files]
    return [(file, annotation) for file, annotation in pairs if annotation is not None]


def open_desk(files: list[ModelFile], annotations: Path, clock: Clock) -> Desk:
    store = AnnotationStore(annotations)
    desk = Desk(store, now=clock.now, date=clock.date)
    for file, annotation in annotations_of(files, store):
        desk.add(file, annotation)
    return desk


@pytest.fixture
def desk(files: list[ModelFile], annotations: Path, clock: Clock) -> Iterator[Desk]:
    opened = open_desk(files, annotations, clock)
    yield opened
    opened.close()
