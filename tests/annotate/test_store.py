from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mmdgen.annotate import (
    AnnotationStore,
    EditConflictError,
    annotation_from_text,
    annotation_to_text,
    resolve,
)
from mmdgen.annotate.schema import (
    SCHEMA_VERSION,
    Annotation,
    ClosedShape,
    ClosingMorph,
    EyeCenters,
    Half,
    HeadBounds,
    MorphChoice,
    Origin,
    Provenance,
    Role,
    Side,
    Verdict,
)
from mmdgen.errors import AnnotationError

MODEL_ID = "0123456789abcdef"
AUTO = Provenance(Origin.AUTO, "name and geometry", 0.9, ("a reason",), by="mmdgen-auto-1")
HUMAN = Provenance(Origin.HUMAN, "chosen", by="花子", when="2026-01-02T03:04:05+00:00")


def annotation(**changes: object) -> Annotation:
    whole = Annotation(
        model_id=MODEL_ID,
        head=HeadBounds(16.5, 20.0, 0.0, AUTO),
        roles={
            Role.EYE_WINK_LEFT: MorphChoice(4, "まばたき", Half.LEFT, AUTO),
            Role.MOUTH_AAA: MorphChoice(7, "あ", None, AUTO),
        },
        eyes=EyeCenters((0.5, 17.5), (-0.5, 17.5), AUTO),
        closing_morphs=(
            ClosingMorph(4, "まばたき", Side.BOTH, ClosedShape.NORMAL, 0.0, None, 1.0, 0.85, -0.125, 0.25),
        ),
        warnings=("a warning",),
        verdict=Verdict(False, "two characters in one file", HUMAN),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_what_is_put_is_got_with_the_next_revision(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "annotations")
    assert store.get(MODEL_ID) is None
    stored = store.put(annotation())
    assert stored.revision == 1
    assert store.get(MODEL_ID) == stored
    assert store.model_ids() == [MODEL_ID]


def test_file_is_readable_text_named_by_the_model(tmp_path: Path) -> None:
    AnnotationStore(tmp_path).put(annotation())
    text = (tmp_path / f"{MODEL_ID}.json").read_text(encoding="utf-8")
    assert "まばたき" in text
    assert text.endswith("}\n")
    assert json.loads(text)["schema_version"] == SCHEMA_VERSION


def test_text_form_is_lossless() -> None:
    assert annotation_from_text(annotation_to_text(annotation())) == annotation()


def test_second_editor_of_a_model_is_told(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path)
    first = store.put(annotation())
    store.put(replace(first, warnings=()))
    with pytest.raises(EditConflictError, match="changed meanwhile"):
        store.put(replace(first, warnings=("mine",)))


def test_of_many_writers_of_one_revision_exactly_one_wins(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path)
    outcomes: list[bool] = []

    def write(name: str) -> None:
        try:
            store.put(annotation(warnings=(name,)))
            outcomes.append(True)
        except EditConflictError:
            outcomes.append(False)

    writers = [threading.Thread(target=write, args=(str(n),)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == [False] * 7 + [True]


def test_a_persons_words_survive_a_new_proposal() -> None:
    said = annotation(
        head=HeadBounds(16.0, 21.0, 0.1, HUMAN),
        roles={
            Role.MOUTH_AAA: MorphChoice(9, "あ２", None, HUMAN),
            Role.EYE_WINK_LEFT: annotation().roles[Role.EYE_WINK_LEFT],
        },
        revision=3,
    )
    proposed = annotation(
        head=HeadBounds(16.6, 20.1, 0.0, AUTO),
        roles={
            Role.MOUTH_AAA: MorphChoice(7, "あ", None, AUTO),
            Role.EYE_WINK_RIGHT: MorphChoice(4, "まばたき", Half.RIGHT, AUTO),
        },
        verdict=None,
    )
    resolved = resolve(proposed, said)
    assert resolved.head == said.head
    assert resolved.roles[Role.MOUTH_AAA].name == "あ２"
    assert Role.EYE_WINK_LEFT not in resolved.roles  # the machine's own older word goes
    assert Role.EYE_WINK_RIGHT in resolved.roles
    assert resolved.verdict == said.verdict
    assert resolved.revision == 3


def test_a_person_may_say_that_no_morph_plays_a_role() -> None:
    absent = MorphChoice(-1, "", None, HUMAN)
    said = annotation(roles={Role.MOUTH_AAA: absent})
    assert resolve(annotation(), said).roles[Role.MOUTH_AAA].is_absent


def test_the_same_proposal_again_is_not_a_change(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path)
    assert store.propose(annotation()).revision == 1
    assert store.propose(annotation()).revision == 1
    assert store.propose(annotation(warnings=())).revision == 2


@pytest.mark.parametrize(
    "model_id", ["../../etc/passwd", "", "0123456789ABCDEF", "0123456789abcdef0", "x" * 16]
)
def test_only_model_ids_reach_the_file_system(tmp_path: Path, model_id: str) -> None:
    with pytest.raises(AnnotationError, match="no model id"):
        AnnotationStore(tmp_path).get(model_id)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "expected an object"),
        ("{}", "'schema_version' is missing"),
        ('{"schema_version": 999}', "newer mmdgen"),
        ('{"schema_version": 1, "roles": {}}', "'model_id' is missing"),
    ],
)
def test_damaged_files_are_named_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / f"{MODEL_ID}.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=message) as raised:
        AnnotationStore(tmp_path).get(MODEL_ID)
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize(
    "path", ["head", "head.bottom", "roles.mouth_aaa.morph", "eyes.left", "head.provenance.origin"]
)
def test_a_wrong_field_is_named(path: str) -> None:
    data = json.loads(annotation_to_text(annotation()))
    *parents, last = path.split(".")
    inside = data
    for parent in parents:
        inside = inside[parent]
    inside[last] = "nonsense"
    with pytest.raises(AnnotationError, match=last):
        annotation_from_text(json.dumps(data))
