"""People at the page, in real Chromium: by keys alone, by mouse alone, over crashes, two at a time."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from annotate_gui.actions import changed_fields
from annotate_gui.desk import Desk
from annotate_gui.scout import Scout
from mmdgen.annotate.schema import Annotation, Origin, Role
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile, find_model_files
from mmdgen.generate.builtin import write_builtin_characters

from .browser import Annotator, Server, open_chromium, serving
from .conftest import COUNT

MANY = 20


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folder of many characters, and of their annotations as proposed."""
    folder = tmp_path_factory.mktemp("crowd")
    write_builtin_characters(folder, MANY, first_seed=100, wild=True)
    annotations = tmp_path_factory.mktemp("proposed-crowd")
    store = AnnotationStore(annotations)
    desk = Desk(store)
    scout = Scout(desk, store, find_model_files([folder]), workers=2)
    scout.start()
    scout.wait()
    desk.close()
    return folder, annotations


@pytest.fixture
def store(crowd: tuple[Path, Path], tmp_path: Path) -> AnnotationStore:
    return AnnotationStore(Path(shutil.copytree(crowd[1], tmp_path / "annotations")))


@pytest.fixture
def server(crowd: tuple[Path, Path], store: AnnotationStore) -> Iterator[Server]:
    with serving(crowd[0], store.folder) as started:
        yield started


def contents(store: AnnotationStore) -> dict[str, Annotation]:
    """What is stored, but for how often it was."""
    stored = [store.get(model_id) for model_id in store.model_ids()]
    return {annotation.model_id: replace(annotation, revision=0) for annotation in stored if annotation}


def usable(store: AnnotationStore) -> dict[str, bool | None]:
    return {
        model_id: None if annotation.verdict is None else annotation.verdict.is_usable
        for model_id, annotation in contents(store).items()
    }


def judge_of(model: str, annotations: Path) -> str | None:
    """Whose verdict on a model is stored."""
    stored = AnnotationStore(annotations).get(model)
    return None if stored is None or stored.verdict is None else stored.verdict.provenance.by


def test_enter_confirms_and_shows_the_next_model(
    chromium: Any, files: list[ModelFile], annotations: Path
) -> None:
    with serving(files[0].path.parents[1], annotations) as server:
        kim = Annotator(chromium, server.url, "Kim")
        first = kim.model
        kim.press("Enter")
        assert kim.wait_for_model(other_than=first) not in (None, first)
        kim.wait_until_saved()
        assert judge_of(str(first), annotations) == "Kim"
        kim.close()


@pytest.mark.slow
def test_what_a_closed_tab_could_not_send_the_next_one_sends(
    chromium: Any, files: list[ModelFile], annotations: Path
) -> None:
    with serving(files[0].path.parents[1], annotations) as server:
        kim = Annotator(chromium, server.url, "Kim")
        model = str(kim.model)
        server.kill()
        kim.press("Enter")
        kim.wait_for_away()
        kim.page.close()
        server.start()
        tab = kim.context.new_page()
        tab.goto(server.url)
        tab.wait_for_function("""() => document.body.dataset.model
            && !Object.keys(localStorage).some(name => name.startsWith("annotate-gui:outbox"))""")
        assert judge_of(model, annotations) == "Kim"
        kim.close()


@pytest.mark.slow
def test_a_model_can_be_put_off_before_it_is_loaded(
    chromium: Any, files: list[ModelFile], annotations: Path
) -> None:
    with serving(files[0].path.parents[1], annotations) as server:
        kim = Annotator(chromium, server.url, "Kim")
        kim.wait_until_ahead(COUNT - 1)
        kim.page.route(re.compile(r"/api/models/[0-9a-f]{16}\?"), lambda route: None)  # it takes for ever
        kim.page.reload()
        kim.page.wait_for_selector("#name:has-text('Kim')")
        with kim.page.expect_response(re.compile("/api/actions")) as answer:
            kim.press("u")
        assert answer.value.status == 200
        assert answer.value.json()["state"] == "skipped"
        kim.close()


@pytest.mark.slow
def test_many_models_by_keys_alone_over_a_server_that_is_killed(
    chromium: Any, server: Server, store: AnnotationStore
) -> None:
    kim = Annotator(chromium, server.url, "Kim")
    start = contents(store)
    rejected: set[str] = set()
    moved: set[str] = set()
    given: dict[str, int] = {}
    for number in range(MANY + 1):  # one is put off and comes again
        model = kim.model
        assert model is not None
        if number == 2:
            kim.press("x", "3")
            rejected.add(model)
        elif number == 4:
            kim.press("u")
        else:
            if number == 6:
                kim.press("w", "W", "Tab", "s")
                moved.add(model)
            if number == 7:
                smile = ".card.chosen [data-role=eye_happy_wink_both][aria-pressed=true]"
                while not kim.page.is_visible(smile):
                    kim.press("d")
                kim.press(" ", "2")
                given[model] = start[model].roles[Role.EYE_HAPPY_WINK_BOTH].morph
            if number == 10:
                kim.wait_until_saved()
                kim.wait_until_ahead(3)
                server.kill()
                kim.press("w")
                kim.wait_for_away()  # nothing is lost: the page keeps it
                moved.add(model)
            if number == 12:
                server.start()
            kim.press("Enter")
        kim.wait_for_model(other_than=model)
    kim.wait_until_saved()
    assert kim.is_done
    told = usable(store)
    assert {model for model, is_usable in told.items() if is_usable is False} == rejected
    assert sum(is_usable is True for is_usable in told.values()) == MANY - 1
    now = contents(store)
    for model in moved:
        assert (now[model].head.bottom, now[model].head.top) != (
            start[model].head.bottom,
            start[model].head.top,
        )
        assert now[model].head.provenance.method == "dragged"
    for model, morph in given.items():
        assert now[model].roles[Role.EYE_WINK_LEFT].morph == morph
    assert all(
        annotation.head.provenance.origin is Origin.HUMAN
        for model, annotation in now.items()
        if model not in rejected
    )
    kim.close()


@pytest.mark.slow
def test_many_models_by_mouse_alone(chromium: Any, server: Server, store: AnnotationStore) -> None:
    kim = Annotator(chromium, server.url, "Kim")
    start = contents(store)
    dragged = rejected = given = ""
    for number in range(MANY + 1):
        model = kim.model
        assert model is not None
        if number == 1:
            kim.click("#hints [data-does=reject]")
            kim.click("#reasons li:nth-child(2) button")
            rejected = model
        elif number == 3:
            kim.click("#hints [data-does=later]")
        else:
            if number == 5:
                box = kim.page.locator("#front-top .tag").bounding_box()
                kim.page.mouse.move(box["x"] + 10, box["y"] + 8)
                kim.page.mouse.down()
                kim.page.mouse.move(box["x"] + 10, box["y"] - 22, steps=5)
                kim.page.mouse.up()
                dragged = model
            if number == 7:
                kim.click(".card:nth-child(2) [data-role=eye_wink_right]")
                kim.click("#pad")
                given = model
            if number == 9:  # confirmed by mistake, taken back, looked up in the queue, confirmed again
                kim.click("#hints [data-does=confirm]")
                kim.wait_for_model(other_than=model)
                kim.click("#hints [data-does=undo]")
                kim.page.wait_for_function("before => document.body.dataset.model === before", arg=model)
                kim.wait_until_saved()
                assert usable(store)[model] is None
                kim.click("#open-queue")
                kim.click("#rows button:not([disabled]):not([aria-current])")
                other = kim.wait_for_model(other_than=model)
                model = str(other)
            kim.click("#hints [data-does=confirm]")
        kim.wait_for_model(other_than=model)
    kim.wait_until_saved()
    assert kim.is_done
    now = contents(store)
    verdicts = usable(store)
    assert [model for model, is_usable in verdicts.items() if is_usable is False] == [rejected]
    assert all(is_usable is not None for is_usable in verdicts.values())
    assert now[dragged].head.top > start[dragged].head.top
    assert now[given].roles[Role.EYE_WINK_RIGHT].provenance.by == "Kim"
    kim.close()


@pytest.mark.slow
def test_two_annotators_against_each_other(chromium: Any, server: Server, store: AnnotationStore) -> None:
    people = [Annotator(chromium, server.url, name) for name in ("Kim", "Lee")]
    confirmed_by: dict[str, str] = {}
    rng = random.Random(3)
    while not all(person.is_done for person in people):
        assert people[0].model != people[1].model or people[0].model is None
        person = rng.choice([person for person in people if not person.is_done])
        model = person.model
        if model is None:
            person.wait_for_model()
            continue
        assert model not in confirmed_by
        confirmed_by[model] = "Kim" if person is people[0] else "Lee"
        person.press("Enter")
        person.wait_for_model(other_than=model)
        person.wait_until_saved()
    assert len(confirmed_by) == MANY
    for model, annotation in contents(store).items():
        assert annotation.verdict is not None
        assert annotation.verdict.provenance.by == confirmed_by[model]
    for person in people:
        person.close()


@pytest.mark.slow
def test_two_people_on_one_model_are_told_of_each_other(
    chromium: Any, server: Server, store: AnnotationStore
) -> None:
    kim, lee = (Annotator(chromium, server.url, name) for name in ("Kim", "Lee"))
    model = str(kim.model)
    lee.press("/")
    lee.page.wait_for_selector(f"#rows [data-model='{model}']:has-text('Kim has it')")
    lee.click(f"#rows [data-model='{model}']")
    lee.page.wait_for_function("model => document.body.dataset.model === model", arg=model)
    lee.page.wait_for_selector(".note:has-text('Kim has this model open too')")
    kim.press("Enter")
    kim.wait_for_model(other_than=model)
    kim.wait_until_saved()
    lee.press("w")
    lee.page.wait_for_selector("#conflict[open]")
    assert "Kim changed this model meanwhile" in str(lee.page.text_content("#conflict-title"))
    lee.press("Enter")  # keep theirs
    lee.page.wait_for_selector("#verdict:has-text('confirmed by Kim')")
    assert contents(store)[model].head.provenance.method == "confirmed"
    lee.press("w")  # having seen it, Lee may say otherwise
    lee.page.wait_for_function("() => document.querySelector('#roles .sure').textContent === 'Lee'")
    lee.wait_until_saved()
    assert contents(store)[model].head.provenance.by == "Lee"
    kim.close()
    lee.close()


@pytest.mark.slow
def test_undo_goes_back_to_the_moment_the_page_was_opened_also_over_a_reload(
    chromium: Any, server: Server, store: AnnotationStore
) -> None:
    start = contents(store)
    kim = Annotator(chromium, server.url, "Kim")
    rng = random.Random(11)
    for _ in range(30):
        kim.press(rng.choice(["w", "S", "Tab", "d", "a", "2", "3", "5", "7", " ", "z", "Z", "e"]))
        if rng.random() < 0.3:
            model = kim.model
            kim.press(*rng.choice([("Enter",), ("f",), ("q",), ("x", "1")]))
            if "No morph" not in kim.toast:
                kim.wait_for_model(other_than=model)
    kim.press("w")
    model = kim.model
    kim.page.reload()  # at once: what was not sent yet is sent afterwards
    assert kim.wait_for_model() == model
    kim.wait_until_saved()
    assert contents(store) != start
    for _ in range(100):
        kim.press("z")
        if kim.toast == "Nothing more to undo.":
            break
        kim.wait_until_saved()
    assert kim.toast == "Nothing more to undo."
    kim.wait_until_saved()
    now = contents(store)
    assert [changed_fields(start[model], now[model]) for model in start if now[model] != start[model]] == []
    kim.close()
