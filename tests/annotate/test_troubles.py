"""What real models put in the annotator's way: it stays right, or it says that it is unsure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.annotate_accuracy import BINS, Judged, judge
from benchmarks.annotate_calibration import draw_calibration
from benchmarks.annotate_troubles import TROUBLES, Case
from mmdgen.annotate import propose_annotation
from mmdgen.annotate.schema import REVIEW_BELOW, Annotation, Role
from mmdgen.cast import make_character

HARMLESS = (
    "swapped sides",
    "ten times as large",
    "in metres, elsewhere",
    "only groups",
    "one-eyed",
    "brows move with the blink",
    "glasses",
    "mask",
    "hat of 0.3 u",
    "hat of 0.3 u, unnamed",
    "animal ears",
    "horn",
    "ribbon",
    "chibi",
)


@pytest.fixture(scope="module")
def tidy() -> Case:
    character = make_character(3)
    return Case(character.model, character.annotation)


def judged(tidy: Case, trouble: str) -> list[Judged]:
    return list(judge(3, TROUBLES[trouble](tidy)))


def proposed(tidy: Case, trouble: str) -> Annotation:
    return propose_annotation(TROUBLES[trouble](tidy).model, "")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_wrong_was_said_to_be_unsure(tidy: Case, trouble: str) -> None:
    unsaid = [e for e in judged(tidy, trouble) if not e.is_right and e.confidence >= REVIEW_BELOW]
    assert [f"{entry.field}: {entry.note}" for entry in unsaid] == []


@pytest.mark.parametrize("trouble", HARMLESS)
def test_trouble_that_hides_nothing_changes_nothing(tidy: Case, trouble: str) -> None:
    assert [entry.field for entry in judged(tidy, trouble) if not entry.is_right] == []


@pytest.mark.parametrize("trouble", ["hidden names", "no eye bones, hidden names"])
def test_motion_alone_tells_winks_mouth_and_half_of_the_other_roles(tidy: Case, trouble: str) -> None:
    entries = judged(tidy, trouble)
    right = {entry.field for entry in entries if entry.is_right}
    assert {"bottom", "top", "left eye", "right eye", "eye_wink_left", "eye_wink_right", "mouth_aaa"} <= right
    told = ("eyebrow_troubled_left", "eyebrow_angry_right", "eyebrow_raised_both", "eyebrow_lowered_both")
    assert {*told, "eye_surprised_both"} <= right
    assert all(e.confidence < REVIEW_BELOW for e in entries if e.field.startswith(("eyebrow", "eye_s")))


def test_names_that_lie_are_noticed_as_a_whole(tidy: Case) -> None:
    roles = proposed(tidy, "shuffled names").roles
    assert all(choice.provenance.confidence < REVIEW_BELOW for r, choice in roles.items() if "brow" in r)
    assert any(
        "do not fit what their morphs do" in why for c in roles.values() for why in c.provenance.reasons
    )


def test_eyes_that_are_closed_at_rest_are_flagged(tidy: Case) -> None:
    choice = proposed(tidy, "closed at rest").roles[Role.EYE_WINK_LEFT]
    assert choice.provenance.needs_person
    assert "closed in the rest pose" in choice.provenance.reasons[0]


def test_without_irises_the_eyes_are_where_the_blink_covers(tidy: Case) -> None:
    eyes = proposed(tidy, "irises off their bones").eyes
    assert eyes is not None
    assert tidy.truth.eyes is not None
    assert eyes.provenance.method == "what the blink covers"
    assert eyes.left == pytest.approx(tidy.truth.eyes.left, abs=0.05 * tidy.unit)


def test_a_model_that_looks_away_is_sure_of_nothing(tidy: Case) -> None:
    annotation = proposed(tidy, "back to front")
    assert annotation.head.provenance.confidence <= 0.2
    assert all(choice.provenance.confidence <= 0.2 for choice in annotation.roles.values())


@pytest.mark.parametrize("trouble", ["hat of 0.25 u in the hair", "hat of 0.6 u in the hair"])
def test_a_hat_in_the_hairs_material_is_suspected(tidy: Case, trouble: str) -> None:
    head = proposed(tidy, trouble).head.provenance
    assert head.needs_person
    assert any("hat suspected" in reason for reason in head.reasons)


def test_the_calibration_plot_is_an_svg_with_a_dot_for_each_range() -> None:
    fields = {"none": [(0.95, True), (0.98, True)], "glasses": [(0.4, False), (0.4, True)]}
    root = ElementTree.fromstring(draw_calibration(fields, BINS))
    titles = [element.text for element in root.iter() if element.tag.endswith("title")]
    assert titles == ["50.0% of 2", "100.0% of 1", "100.0% of 1", "100.0% of 1", "100.0% of 1"]
