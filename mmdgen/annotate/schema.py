"""What an annotation says, and where each word of it comes from.

An annotation tells where the head of one model is and which of its morphs play which roles. Models are known
by the hash of their file's content, so that moved and renamed folders keep their annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mmdgen.errors import AnnotationError

SCHEMA_VERSION = 1


class Origin(str, Enum):
    """Who said it. A person's word is never overwritten by the machine's."""

    AUTO = "auto"
    HUMAN = "human"


class Half(str, Enum):
    """The character's own side; LEFT is x > 0."""

    LEFT = "left"
    RIGHT = "right"


class Role(str, Enum):
    """What a morph means to us. Names follow the later articles' parameter names."""

    EYE_WINK_BOTH = "eye_wink_both"
    EYE_WINK_LEFT = "eye_wink_left"
    EYE_WINK_RIGHT = "eye_wink_right"
    EYE_HAPPY_WINK_BOTH = "eye_happy_wink_both"
    EYE_HAPPY_WINK_LEFT = "eye_happy_wink_left"
    EYE_HAPPY_WINK_RIGHT = "eye_happy_wink_right"
    MOUTH_AAA = "mouth_aaa"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a value comes from."""

    origin: Origin
    method: str  # how it was found, or "confirmed" / "dragged" / "chosen" by a person
    confidence: float = 1.0  # 0..1; below 0.5 a person should look
    reasons: tuple[str, ...] = ()  # why the confidence is not 1, in words
    by: str = ""  # the person, or the version of the automatic annotator
    when: str = ""  # ISO 8601, for a person's word

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise AnnotationError(f"confidence {self.confidence} is outside 0..1")


@dataclass(frozen=True, slots=True)
class HeadBounds:
    """The head in the rest pose, MMD units: chin tip, top of the skull with flat hair, middle."""

    bottom: float
    top: float
    center_x: float
    provenance: Provenance

    def __post_init__(self) -> None:
        if not self.top > self.bottom:
            raise AnnotationError(f"the head's top {self.top:g} is not above its bottom {self.bottom:g}")


@dataclass(frozen=True, slots=True)
class MorphChoice:
    """The morph that plays a role, whole or only the half of it on one side of the face."""

    morph: int  # file index
    name: str  # raw name, to check the index against
    half: Half | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Annotation:
    """Head bounds and morph roles of one model."""

    model_id: str
    head: HeadBounds
    roles: Mapping[Role, MorphChoice] = field(default_factory=dict)
