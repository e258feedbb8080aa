"""How often the automatic annotation is right, on built-in characters whose true annotation is known.

    python benchmarks/annotate_accuracy.py --count 200 [--wild] [--trouble "hidden names"|all]

With `--wild` the characters stray as real models do: naming families, cut names, other scale and place. A
trouble (benchmarks/annotate_troubles.py) is put in the annotator's way on top of that; with `all` every
fortieth character meets each trouble.

Prints the head bounds' errors in u (eyes above chin), the share of right roles, the wrong ones that were
proposed as sure, and a calibration table: of the fields that were proposed with a confidence, how many are
right. A field that was not found counts as wrong with confidence 0.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.annotate_calibration import draw_calibration
from benchmarks.annotate_troubles import TROUBLES, Case
from mmdgen.annotate import propose_annotation
from mmdgen.annotate.displacement import Displacement, cosine, half_weights, resolve_displacements
from mmdgen.annotate.schema import REVIEW_BELOW, Annotation, Half, MorphChoice, Role
from mmdgen.cast import make_character
from mmdgen.errors import AnnotationError

BOUNDS_TOLERANCE = 0.1  # u
FEWER_TROUBLES = 40  # with all troubles, only one in so many characters meets them
SAME = 0.99  # cosine of two morphs that do the same
_PLACES = ("bottom", "top", "left eye", "right eye")
BINS = (0.0, 0.25, 0.375, 0.5, 0.65, 0.75, 0.9, 0.96, 1.01)


@dataclass(frozen=True)
class Judged:
    """One proposed field."""

    seed: int
    field: str
    confidence: float
    is_right: bool
    note: str
    distance: float = 0.0  # u, of places


def judge(seed: int, case: Case) -> list[Judged]:
    """Compare the proposal with the truth, field by field."""
    return [entry for entry in _judge(seed, case) if not entry.field.startswith(case.not_judged or ("-",))]


def _judge(seed: int, case: Case) -> Iterator[Judged]:
    model, truth = case.model, case.truth
    assert truth.eyes is not None
    try:
        proposed = propose_annotation(model, truth.model_id)
    except AnnotationError as error:
        yield Judged(seed, "all", 0.0, False, str(error))
        return
    assert proposed.eyes is not None
    can_be_right, unit = not case.nothing_is_right, case.unit
    for name in ("bottom", "top"):
        error = (getattr(proposed.head, name) - getattr(truth.head, name)) / unit
        said = proposed.head.provenance
        note = f"{error:+.3f} {'; '.join(said.reasons)}"
        is_right = can_be_right and abs(error) <= BOUNDS_TOLERANCE
        yield Judged(seed, name, said.confidence, is_right, note, abs(error))
    for name in ("left", "right"):
        off = np.subtract(getattr(proposed.eyes, name), getattr(truth.eyes, name)) / unit
        distance = float(np.linalg.norm(off))
        confidence, note = proposed.eyes.provenance.confidence, f"{off[0]:+.3f} {off[1]:+.3f}"
        is_right = can_be_right and distance <= BOUNDS_TOLERANCE
        yield Judged(seed, f"{name} eye", confidence, is_right, note, distance)
    moved = resolve_displacements(model)
    for role in Role:
        yield from _judge_role(seed, role, case, proposed, moved)


def _judge_role(
    seed: int,
    role: Role,
    case: Case,
    proposed: Annotation,
    moved: tuple[Displacement, ...],
) -> Iterator[Judged]:
    model, truth, unit = case.model, case.truth, case.unit
    true, ours = _true_choice(truth.roles, role), proposed.roles.get(role)
    if true is None and ours is None:
        return
    if ours is None:
        assert true is not None
        yield Judged(seed, role.value, 0.0, False, f"missing, true is '{true.name}'")
        return
    confidence = ours.provenance.confidence
    if true is None:
        yield Judged(seed, role.value, confidence, False, f"'{ours.name}' has no such role")
        return
    x = model.vertices.positions[:, 0]

    def effect(choice: MorphChoice) -> Displacement:
        whole = moved[choice.morph]
        if choice.half is None:
            return whole
        return whole.scaled(half_weights(x[whole.vertices], truth.head.center_x, unit, choice.half))

    a, b = effect(ours), effect(true)
    is_same = ours.morph == true.morph and ours.half == true.half
    likeness = cosine(a, b)
    stretch = float(np.linalg.norm(a.offsets) / max(np.linalg.norm(b.offsets), 1e-9))
    is_right = is_same or (likeness >= SAME and 0.9 < stretch < 1.1)
    note = f"'{ours.name}' for '{true.name}', cosine {likeness:.3f}, {'; '.join(ours.provenance.reasons)}"
    yield Judged(seed, role.value, confidence, is_right, note)


def _true_choice(roles: Mapping[Role, MorphChoice], role: Role) -> MorphChoice | None:
    """The true choice of a role; a side without a morph of its own is played by its half."""
    if role in roles:
        return roles[role]
    side = role.side.value
    if side not in ("left", "right"):
        return None
    both = roles.get(Role(f"{role.feature.value}_both"))
    if both is None:
        return None
    return MorphChoice(both.morph, both.name, Half(side), both.provenance)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wild", action="store_true")
    parser.add_argument("--trouble", default="none", choices=("all", *TROUBLES))
    parser.add_argument("--plot", type=Path, metavar="SVG", help="draw confidence against being right")
    options = parser.parse_args()
    names = tuple(TROUBLES) if options.trouble == "all" else (options.trouble,)
    judged: dict[str, list[Judged]] = {name: [] for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for nth in range(options.count):
        seed = options.seed + nth
        character = make_character(seed, wild=options.wild)
        for name in names[:1] if nth % FEWER_TROUBLES and len(names) > 1 else names:
            case = TROUBLES[name](Case(character.model, character.annotation))
            start = time.process_time()
            judged[name] += judge(seed, case)
            seconds[name].append(time.process_time() - start)
    for name in names:
        print(f"== {name}")
        report(judged[name], seconds[name])
    if len(names) > 1:
        print("== all together")
        calibration([entry for entries in judged.values() for entry in entries])
    if options.plot is not None:
        fields = {name: [(e.confidence, e.is_right) for e in entries] for name, entries in judged.items()}
        options.plot.write_text(draw_calibration(fields, BINS), encoding="utf-8")


def report(judged: list[Judged], seconds: list[float]) -> None:
    print(f"{len(seconds)} characters, CPU {np.median(seconds):.2f} s each (at most {max(seconds):.2f})")
    if not seconds or any(entry.field == "all" for entry in judged):
        print("  refused:", Counter(entry.note for entry in judged if entry.field == "all"))
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for entry in judged:
        if entry.field == "all":
            continue
        groups[entry.field if entry.field in _PLACES else "roles"].append(entry)
    for name in (*_PLACES, "roles"):
        if not groups[name]:
            continue
        right = sum(entry.is_right for entry in groups[name])
        distances = [entry.distance for entry in groups[name]]
        off = (
            f", off by {np.median(distances):.3f} u, at most {max(distances):.3f}" if name in _PLACES else ""
        )
        print(f"{name}: {right} of {len(groups[name])} right ({100 * right / len(groups[name]):.2f} %){off}")
    print("wrong by field:", dict(Counter(e.field for e in judged if not e.is_right).most_common()))
    for entry in judged:
        if not entry.is_right and entry.confidence >= REVIEW_BELOW:
            print(f"  seed {entry.seed} {entry.field} ({entry.confidence:.2f}): {entry.note}")
    calibration(judged)


def calibration(judged: list[Judged]) -> None:
    print("confidence    fields   right")
    for low, high in pairwise(BINS):
        of_bin = [entry.is_right for entry in judged if low <= entry.confidence < high]
        if of_bin:
            print(f"{low:.2f}..{min(high, 1.0):.2f}  {len(of_bin):8d}  {100 * np.mean(of_bin):6.1f} %")


if __name__ == "__main__":
    main()
