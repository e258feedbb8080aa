"""Annotations as JSON: one readable object, versioned, and the same annotation back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

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

_DECIMALS = 5  # a hundred-thousandth of a unit is far below a pixel, and keeps the files readable

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)


def annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    """The JSON object of an annotation. Fields in reading order; numbers rounded to 1e-5 units."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model_id": annotation.model_id,
        "revision": annotation.revision,
        "head": _head_to_json(annotation.head),
        "eyes": None if annotation.eyes is None else _eyes_to_json(annotation.eyes),
        "roles": {
            role.value: _choice_to_json(annotation.roles[role]) for role in Role if role in annotation.roles
        },
        "closing_morphs": [_closing_to_json(morph) for morph in annotation.closing_morphs],
        "warnings": list(annotation.warnings),
        "verdict": None if annotation.verdict is None else _verdict_to_json(annotation.verdict),
    }


def annotation_from_json(data: object, *, source: str = "annotation") -> Annotation:
    """The annotation that a JSON object describes.

    Args:
        data: what `json.loads` gave.
        source: name of the file, for messages.

    Raises:
        AnnotationError: the object is no annotation, or of a newer schema than this program knows.
    """
    fields = _Fields(data, source)
    version = fields.take("schema_version", int)
    if version > SCHEMA_VERSION:
        raise AnnotationError(
            f"{source}: written by a newer mmdgen (schema {version}, known up to {SCHEMA_VERSION}); "
            "update mmdgen"
        )
    eyes, verdict = fields.optional("eyes"), fields.optional("verdict")
    roles = fields.take("roles", dict)
    try:
        return Annotation(
            model_id=fields.take("model_id", str),
            head=_head_from_json(fields.inside("head")),
            roles={
                _member(Role, name, source): _choice_from_json(_Fields(choice, f"{source}: {name}"))
                for name, choice in roles.items()
            },
            eyes=None if eyes is None else _eyes_from_json(eyes),
            closing_morphs=tuple(
                _closing_from_json(_Fields(entry, f"{source}: closing_morphs"))
                for entry in fields.take("closing_morphs", list, [])
            ),
            warnings=tuple(str(text) for text in fields.take("warnings", list, [])),
            verdict=None if verdict is None else _verdict_from_json(verdict),
            revision=fields.take("revision", int, 0),
        )
    except AnnotationError as error:
        raise AnnotationError(
            str(error) if str(error).startswith(source) else f"{source}: {error}"
        ) from error


def annotation_to_text(annotation: Annotation) -> str:
    """The text of an annotation file: JSON, indented, Japanese as it is, newline at the end."""
    return json.dumps(annotation_to_json(annotation), ensure_ascii=False, indent=1) + "\n"


def annotation_from_text(text: str, *, source: str = "annotation") -> Annotation:
    """The annotation in the text of a file. Raises AnnotationError as `annotation_from_json`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"{source}: not a JSON file ({error}); mend or delete it") from error
    return annotation_from_json(data, source=source)


class _Fields:
    """A JSON object whose fields are asked for by name and type."""

    def __init__(self, data: object, source: str) -> None:
        if not isinstance(data, Mapping):
            raise AnnotationError(f"{source}: expected an object, found {type(data).__name__}")
        self._data = data
        self.source = source

    def take(self, name: str, kind: type[_Value], default: _Value | None = None) -> _Value:
        value = self._data.get(name, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            what = "is missing" if value is None else f"is {value!r}, expected {kind.__name__}"
            raise AnnotationError(f"{self.source}: '{name}' {what}")
        return value

    def number(self, name: str) -> float:
        return _finite(self._data.get(name), f"{self.source}: '{name}'")

    def point(self, name: str) -> tuple[float, float]:
        pair = self.take(name, list)
        if len(pair) != 2:
            raise AnnotationError(f"{self.source}: '{name}' is {pair!r}, expected [x, y]")
        return _finite(pair[0], f"{self.source}: '{name}'"), _finite(pair[1], f"{self.source}: '{name}'")

    def inside(self, name: str) -> _Fields:
        return _Fields(self.take(name, dict), f"{self.source}: {name}")

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def optional(self, name: str) -> _Fields | None:
        return self.inside(name) if self.has(name) else None

    def member(self, name: str, kind: type[_Choice]) -> _Choice:
        return _member(kind, self._data.get(name), f"{self.source}: {name}")


def _finite(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AnnotationError(f"{what} is {value!r}, expected a number")
    return float(value)


def _member(kind: type[_Choice], value: object, source: str) -> _Choice:
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise AnnotationError(f"{source}: '{value}' is unknown; known are {known}") from None


def _provenance_to_json(provenance: Provenance) -> dict[str, Any]:
    """Without the fields that say nothing."""
    data: dict[str, Any] = {"origin": provenance.origin.value, "method": provenance.method}
    data["confidence"] = round(provenance.confidence, 3)
    if provenance.reasons:
        data["reasons"] = list(provenance.reasons)
    if provenance.by:
        data["by"] = provenance.by
    if provenance.when:
        data["when"] = provenance.when
    return data


def _provenance_from_json(fields: _Fields) -> Provenance:
    return Provenance(
        origin=fields.member("origin", Origin),
        method=fields.take("method", str),
        confidence=fields.number("confidence"),
        reasons=tuple(str(reason) for reason in fields.take("reasons", list, [])),
        by=fields.take("by", str, ""),
        when=fields.take("when", str, ""),
    )


def _head_to_json(head: HeadBounds) -> dict[str, Any]:
    return {
        "bottom": round(head.bottom, _DECIMALS),
        "top": round(head.top, _DECIMALS),
        "center_x": round(head.center_x, _DECIMALS),
        "provenance": _provenance_to_json(head.provenance),
    }


def _head_from_json(fields: _Fields) -> HeadBounds:
    return HeadBounds(
        fields.number("bottom"),
        fields.number("top"),
        fields.number("center_x"),
        _provenance_from_json(fields.inside("provenance")),
    )


def _eyes_to_json(eyes: EyeCenters) -> dict[str, Any]:
    return {
        "left": [round(value, _DECIMALS) for value in eyes.left],
        "right": [round(value, _DECIMALS) for value in eyes.right],
        "provenance": _provenance_to_json(eyes.provenance),
    }


def _eyes_from_json(fields: _Fields) -> EyeCenters:
    return EyeCenters(
        fields.point("left"), fields.point("right"), _provenance_from_json(fields.inside("provenance"))
    )


def _choice_to_json(choice: MorphChoice) -> dict[str, Any]:
    return {
        "morph": choice.morph,
        "name": choice.name,
        "half": None if choice.half is None else choice.half.value,
        "provenance": _provenance_to_json(choice.provenance),
    }


def _choice_from_json(fields: _Fields) -> MorphChoice:
    return MorphChoice(
        morph=fields.take("morph", int),
        name=fields.take("name", str),
        half=fields.member("half", Half) if fields.has("half") else None,
        provenance=_provenance_from_json(fields.inside("provenance")),
    )


def _closing_to_json(morph: ClosingMorph) -> dict[str, Any]:
    return {
        "morph": morph.morph,
        "name": morph.name,
        "side": morph.side.value,
        "shape": morph.shape.value,
        "iris_left": None if morph.iris_left is None else round(morph.iris_left, 3),
        "iris_right": None if morph.iris_right is None else round(morph.iris_right, 3),
        "likeness_normal": round(morph.likeness_normal, 3),
        "likeness_smile": round(morph.likeness_smile, 3),
        "curvature": round(morph.curvature, 3),
        "lower_lid_ratio": round(morph.lower_lid_ratio, 3),
    }


def _closing_from_json(fields: _Fields) -> ClosingMorph:
    return ClosingMorph(
        morph=fields.take("morph", int),
        name=fields.take("name", str),
        side=fields.member("side", Side),
        shape=fields.member("shape", ClosedShape),
        iris_left=fields.number("iris_left") if fields.has("iris_left") else None,
        iris_right=fields.number("iris_right") if fields.has("iris_right") else None,
        likeness_normal=fields.number("likeness_normal"),
        likeness_smile=fields.number("likeness_smile"),
        curvature=fields.number("curvature"),
        lower_lid_ratio=fields.number("lower_lid_ratio"),
    )


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "is_usable": verdict.is_usable,
        "reason": verdict.reason,
        "provenance": _provenance_to_json(verdict.provenance),
    }


def _verdict_from_json(fields: _Fields) -> Verdict:
    return Verdict(
        fields.take("is_usable", bool),
        fields.take("reason", str),
        _provenance_from_json(fields.inside("provenance")),
    )
