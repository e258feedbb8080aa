"""The line before the drawing process: urgent first, nobody waits for nothing, a dead process is replaced."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from annotate_gui.previews import Made, Order, Show
from annotate_gui.studio import Studio, Ticket
from mmdgen.annotate.schema import Annotation, HeadBounds, Origin, Provenance
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile
from mmdgen.errors import RenderError
from mmdgen.render import RenderSettings

from .conftest import annotations_of

NOBODY = Annotation("0" * 16, HeadBounds(0.0, 1.0, 0.0, Provenance(Origin.AUTO, "none")))


def order(name: str) -> Order:
    return Order(Show.FRONT, name, Path(name), NOBODY)


class SlowStudio(Studio):
    """Draws nothing, and not before it may."""

    def __init__(self) -> None:
        self.may_draw = threading.Event()
        self.drawn: list[str] = []
        super().__init__()

    def _draw(self, order: Order) -> Made:
        self.may_draw.wait()
        self.drawn.append(order.model_id)
        return order.model_id.encode()


@pytest.fixture
def studio() -> Iterator[SlowStudio]:
    opened = SlowStudio()
    yield opened
    opened.may_draw.set()
    opened.close()


def ask(studio: Studio, name: str, urgency: int) -> Ticket:
    return studio.order(order(name), (name,), urgency)


def test_the_most_urgent_is_drawn_first_and_what_nobody_waits_for_never(studio: SlowStudio) -> None:
    first = ask(studio, "first", 5)
    while studio._line:
        time.sleep(0.001)  # until it is being drawn
    later, given_up, urgent = ask(studio, "later", 5), ask(studio, "given up", 1), ask(studio, "urgent", 0)
    given_up.cancel()
    studio.may_draw.set()
    assert [ticket.future.result() for ticket in (first, later, urgent)] == [b"first", b"later", b"urgent"]
    assert studio.drawn == ["first", "urgent", "later"]


def test_equal_orders_are_drawn_once_and_remembered(studio: SlowStudio) -> None:
    one, two = ask(studio, "same", 5), ask(studio, "same", 1)
    one.cancel()
    studio.may_draw.set()
    assert two.future.result() == b"same"
    assert ask(studio, "same", 3).future.result() == b"same"
    assert studio.drawn == ["same"]


def test_closing_cancels_what_waits() -> None:
    studio = SlowStudio()
    drawn = ask(studio, "first", 1)
    while studio._line:
        time.sleep(0.001)  # until it is being drawn
    waiting = ask(studio, "second", 2)
    closing = threading.Thread(target=studio.close)
    closing.start()
    while not studio._closing:
        time.sleep(0.001)
    studio.may_draw.set()
    closing.join()
    assert drawn.future.result(timeout=10) == b"first"
    with pytest.raises(CancelledError):
        waiting.future.result(timeout=10)
    assert studio.drawn == ["first"]


def test_a_process_that_died_is_replaced(files: list[ModelFile], annotations: Path) -> None:
    file, annotation = annotations_of(files, AnnotationStore(annotations))[0]
    facts = Order(Show.FACTS, annotation.model_id, file.path, annotation)
    studio = Studio(RenderSettings(software_threads=0))
    try:
        studio.order(facts, ("a",), 0).future.result()
        studio._process.kill()
        studio._process.join()
        told = studio.order(facts, ("b",), 0).future.result()
        assert isinstance(told, dict)
        assert told["name"] == "cast-000"
        missing = Order(Show.FACTS, "f" * 16, file.path.with_name("gone.pmx"), annotation)
        with pytest.raises(RenderError, match=r"gone\.pmx: no such file"):
            studio.order(missing, ("c",), 0).future.result()
    finally:
        studio.close()
